import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.estimators import ProjectedGradient


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.lists(st.tuples(st.integers(0, 4), st.floats(-50, 50)), min_size=1, max_size=6), min_size=1, max_size=8
    ),
    lr=st.floats(0.01, 2.0),
)
def test_takes_a_clipped_step_along_the_mean_direction(steps, lr):
    table = ProjectedGradient(5, lr=lr, start=0.25, low=-1.0, high=2.0).double()
    state = [0.25] * 5
    for batch in steps:
        directions = {}
        for item, direction in batch:
            directions.setdefault(item, []).append(direction)
        for item, result in directions.items():
            state[item] = min(max(state[item] + lr * sum(result) / len(result), -1.0), 2.0)
        index = torch.tensor([item for item, _ in batch])
        out = table(torch.tensor([direction for _, direction in batch], dtype=torch.float64), index)
        assert out.tolist() == pytest.approx([state[item] for item, _ in batch], abs=1e-9)
    assert table.value.tolist() == pytest.approx(state, abs=1e-9)
    assert set(table.seen.nonzero().flatten().tolist()) == {item for batch in steps for item, _ in batch}


def test_state_is_a_constant_for_autograd():
    direction = torch.ones(2, requires_grad=True)
    assert not ProjectedGradient(3)(direction, torch.tensor([0, 1])).requires_grad


def test_converges_to_the_optimum_of_an_inner_problem():
    """min over v of E|x − v| is the median; checked for two items."""
    generator = torch.Generator().manual_seed(0)
    table = ProjectedGradient(2, lr=0.01)
    index = torch.tensor([0, 1])
    for _ in range(5000):
        x = torch.rand(2, generator=generator) + torch.tensor([0.0, 3.0])
        table((x > table.at(index)).float() - 0.5, index)
    assert table.value.tolist() == pytest.approx([0.5, 3.5], abs=0.1)


def test_eval_mode_writes_nothing():
    table = ProjectedGradient(3, start=2.0).eval()
    assert table(torch.ones(1), torch.tensor([1])).tolist() == [2.0]
    assert not table.seen.any()


def test_start_is_exact_in_double_precision_and_updated_rows_are_kept():
    table = ProjectedGradient(2, lr=1.0, start=0.1)
    table(torch.tensor([0.5]), torch.tensor([1]))
    moved = table.value[1].item()
    assert table.double().value.tolist() == [0.1, moved]


def test_reset_returns_to_the_start():
    table = ProjectedGradient(2, start=0.5)
    table(torch.ones(1), torch.tensor([1]))
    table.reset_parameters()
    assert table.value.tolist() == [0.5, 0.5]
    assert not table.seen.any()


def test_state_dict_and_deepcopy_keep_the_state():
    table = ProjectedGradient(4, lr=0.3, start=1.0, low=0.0)
    table(torch.tensor([1.0, -9.0]), torch.tensor([0, 3]))
    fresh = ProjectedGradient(4, lr=0.3, start=1.0, low=0.0)
    fresh.load_state_dict(table.state_dict())
    for other in (fresh, copy.deepcopy(table)):
        assert torch.equal(other.value, table.value)
        assert torch.equal(other.seen, table.seen)


def test_several_processes_write_the_same_table_as_one():
    single, first = ProjectedGradient(5, high=1.0), ProjectedGradient(5, high=1.0)
    index, direction = torch.tensor([0, 2, 2, 4]), torch.tensor([1.0, 2.0, 4.0, 90.0])
    first.exchange = lambda *_: (index, first.at(index) + first.lr * direction)
    torch.testing.assert_close(first(direction[:2], index[:2]), single(direction, index)[:2])
    assert torch.equal(first.value, single.value)


def test_compiles_to_one_graph_without_checks():
    eager, compiled = (ProjectedGradient(9, lr=0.2, low=0.0, validate=False) for _ in range(2))
    step = torch.compile(compiled, fullgraph=True, backend="aot_eager")
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        index, direction = torch.randint(9, (5,), generator=generator), torch.randn(5, generator=generator)
        torch.testing.assert_close(step(direction, index), eager(direction, index))
    assert torch.equal(eager.value, compiled.value)


def test_errors_name_the_invalid_argument():
    with pytest.raises(ValueError, match=r"lr must lie in \(0, inf\), got 0"):
        ProjectedGradient(3, lr=0.0)
    with pytest.raises(ValueError, match="low must be below high, got 2.0 and 1.0"):
        ProjectedGradient(3, low=2.0, high=1.0)
    with pytest.raises(ValueError, match=r"start must lie in \[0, 1\], got 5"):
        ProjectedGradient(3, start=5.0, low=0.0, high=1.0)
    with pytest.raises(ValueError, match="start must be finite, got -inf"):
        ProjectedGradient(3, start=-float("inf"))
    for option in ("lr", "start", "low", "high"):
        with pytest.raises(TypeError, match=f"{option} must be a number, got None"):
            ProjectedGradient(3, **{option: None})
    table = ProjectedGradient(3)
    with pytest.raises(ValueError, match="index is required"):
        table(torch.ones(1))
    with pytest.raises(IndexError, match="got 3"):
        table(torch.ones(1), torch.tensor([3]))
    with pytest.raises(ValueError, match="must be finite"):
        table(torch.tensor([float("nan")]), torch.tensor([0]))
    assert not table.seen.any()
