import copy
import io
import math
import pickle

import pytest
import torch
from torch import nn

from xgraph.estimators import CosineGamma, RatioMovingAverage
from xgraph.nn import FeatureMomentum


def known(momentum):
    """What a table knows, of all its rows."""
    return momentum.table.value.clone(), momentum.table.seen.clone()


def filled(num_nodes=6, channels=2, **options):
    """A table that has seen all of its nodes but the last."""
    momentum = FeatureMomentum(num_nodes, channels, **options)
    torch.manual_seed(0)
    momentum(torch.randn(num_nodes - 1, *momentum.shape), torch.arange(num_nodes - 1))
    return momentum


@pytest.mark.parametrize("gradient", ["straight_through", "scaled"])
@pytest.mark.parametrize("gamma", [0.1, 0.7, 1.0])
def test_values_and_gradients_follow_the_formula(gradient, gamma):
    """Against a loop over rows: duplicates, rows that are not computed, first touches, over several batches."""
    g = torch.Generator().manual_seed(0)
    momentum = FeatureMomentum(8, 3, gamma, gradient=gradient, dtype=torch.double)
    history: dict[int, torch.Tensor] = {}
    for _ in range(12):
        n_id = torch.randint(8, (6,), generator=g)
        computed = torch.rand(8, generator=g)[n_id] > 0.3  # the same for all rows of a node
        aggregate = torch.randn(6, 3, dtype=torch.double, generator=g, requires_grad=True)
        weight = torch.randn(6, 3, dtype=torch.double, generator=g)
        out = momentum(aggregate, n_id, computed)
        (result,) = torch.autograd.grad((out * weight).sum(), aggregate)
        expected, grad = aggregate.detach().clone(), torch.zeros(6, 3, dtype=torch.double)
        for row in range(6):
            node = int(n_id[row])
            if computed[row]:
                mean = aggregate.detach()[n_id == node].mean(0)
                expected[row] = (1 - gamma) * history[node] + gamma * mean if node in history else mean
                grad[row] = weight[row] * (gamma if gradient == "scaled" and node in history else 1)
            elif node in history:
                expected[row] = history[node]
        for row in computed.nonzero().view(-1).tolist():
            history[int(n_id[row])] = expected[row]
        torch.testing.assert_close(out.detach(), expected)
        torch.testing.assert_close(result, grad)
        assert momentum.table.seen.nonzero().view(-1).tolist() == sorted(history)
        for node, row in history.items():
            torch.testing.assert_close(momentum.table.value[node], row)
    assert len(history) == 8


def test_uncomputed_rows_are_returned_unchanged():
    momentum = filled(gamma=0.5)
    value, seen = known(momentum)
    aggregate = torch.randn(6, 2)
    computed = torch.tensor([True, False, False, False, False, False])
    out = momentum(aggregate, torch.arange(6), computed)
    assert torch.equal(momentum.table.value[1:], value[1:])
    assert torch.equal(momentum.table.seen, seen)
    assert torch.equal(out[1:5], value[1:5])
    assert torch.equal(out[5], aggregate[5])  # it has no history
    torch.testing.assert_close(momentum.table.value[0], (value[0] + aggregate[0]) / 2)


def test_batch_without_computed_nodes():
    momentum = filled()
    before = known(momentum)
    out = momentum(torch.randn(3, 2, requires_grad=True), torch.arange(3), torch.zeros(3, dtype=torch.bool))
    assert torch.equal(out, before[0][:3])
    assert all(torch.equal(a, b) for a, b in zip(known(momentum), before, strict=True))
    assert momentum(torch.empty(0, 2), torch.empty(0, dtype=torch.long)).shape == (0, 2)


def test_evaluation_writes_nothing():
    momentum = filled().eval()
    before = known(momentum)
    aggregate = torch.randn(6, 2).half()
    assert momentum(aggregate, torch.arange(6)) is aggregate
    assert momentum(aggregate, torch.arange(6), torch.arange(6) < 3) is aggregate
    assert all(torch.equal(a, b) for a, b in zip(known(momentum), before, strict=True))


def test_gamma_1_returns_the_aggregate_bit_for_bit():
    momentum = filled(gamma=lambda epoch: 1.0)
    aggregate = torch.randn(6, 2)
    assert torch.equal(momentum(aggregate, torch.arange(6)), aggregate)


def test_the_schedule():
    momentum = FeatureMomentum(3, 2, CosineGamma(10, 0.2))
    assert momentum.gamma == 1.0
    momentum.set_epoch(10)
    assert momentum.gamma == pytest.approx(0.2)
    other = FeatureMomentum(3, 2, CosineGamma(10, 0.2))
    other.load_state_dict(momentum.state_dict())
    assert other.gamma == pytest.approx(0.2)


def test_a_table_of_ratios():
    momentum = FeatureMomentum(4, (2, 3), 0.5, ratio=True)
    assert isinstance(momentum.table, RatioMovingAverage)
    row = torch.tensor([[[1.0, 2.0, 0.0], [3.0, 4.0, 0.0]]])
    torch.testing.assert_close(momentum(row, torch.tensor([2])), row)
    other = torch.tensor([[[4.0, 8.0, math.log(3.0)], [3.0, 4.0, 0.0]]])
    moved = torch.tensor([[[(1 + 3 * 4) / 4, (2 + 3 * 8) / 4, math.log(2.0)], [3.0, 4.0, 0.0]]])
    torch.testing.assert_close(momentum(other, torch.tensor([2])), moved)


@pytest.mark.parametrize("storage", ["device", "pinned", "host", "mmap"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_storage_and_dtype_options(storage, dtype, tmp_path):
    plain = filled(gamma=0.5)
    folder = tmp_path if storage == "mmap" else None
    momentum = filled(gamma=0.5, storage=storage, dtype=dtype, folder=folder)
    aggregate = torch.randn(6, 2)
    out = momentum(aggregate, torch.arange(6))
    assert out.dtype == torch.float32
    assert momentum.table.value.dtype == dtype
    torch.testing.assert_close(out, plain(aggregate, torch.arange(6)), atol=0.02, rtol=0.02)
    copied = copy.deepcopy(momentum)
    copied(aggregate, torch.arange(6))
    assert not torch.equal(copied.table.value, momentum.table.value)


def test_autocast_and_half_keep_the_table():
    momentum = filled()
    rows = torch.randn(2, 2, dtype=torch.float16)
    assert momentum(rows, torch.arange(2)).dtype == torch.float32
    assert momentum(rows, torch.arange(2), torch.tensor([True, False])).dtype == torch.float32
    assert momentum.half().table.value.dtype == torch.float32
    assert momentum.double().table.value.dtype == torch.float64


@pytest.mark.parametrize("way", ["state_dict", "deepcopy", "pickle"])
def test_copies_are_equal_and_independent(way):
    momentum = filled(gamma=0.3)
    if way == "state_dict":
        buffer = io.BytesIO()
        torch.save(momentum.state_dict(), buffer)
        buffer.seek(0)
        other = FeatureMomentum(6, 2, 0.3)
        other.load_state_dict(torch.load(buffer, weights_only=True))
    else:
        other = copy.deepcopy(momentum) if way == "deepcopy" else pickle.loads(pickle.dumps(momentum))
    before = known(momentum)
    aggregate = torch.randn(6, 2)
    out = other(aggregate, torch.arange(6))
    assert all(torch.equal(a, b) for a, b in zip(known(momentum), before, strict=True))
    assert torch.equal(momentum(aggregate, torch.arange(6)), out)
    assert torch.equal(momentum.table.value, other.table.value)


def test_table_can_be_left_out_of_checkpoints():
    momentum = filled(in_checkpoint=False)
    assert not momentum.state_dict()
    before = known(momentum)
    momentum.load_state_dict({})
    momentum.load_state_dict(filled(num_nodes=9).state_dict(), strict=False)  # of another graph, and not asked for
    assert all(torch.equal(a, b) for a, b in zip(known(momentum), before, strict=True))


def test_table_allocates_no_buffers_for_positive_quantities():
    assert filled().table.stuck.numel() == 0


def test_reset_clears_the_tables():
    momentum = filled()
    momentum.reset_parameters()
    assert not momentum.table.seen.any()
    aggregate = torch.randn(6, 2)
    assert torch.equal(momentum(aggregate, torch.arange(6)), aggregate)


def test_loading_a_table_of_another_graph_fails():
    holder = nn.ModuleDict({"momentum": FeatureMomentum(7, 2)})
    with pytest.raises(RuntimeError, match=r"table belongs to a graph with 6 nodes, but num_nodes=7.*strict=False"):
        holder.load_state_dict({"momentum." + name: value for name, value in filled().state_dict().items()})


@pytest.mark.parametrize(
    ("aggregate", "n_id", "computed", "error", "message"),
    [
        (
            torch.ones(3, 2),
            [0, 1, 6],
            None,
            IndexError,
            r"between 0 and 5.*num_nodes=6, got 6.*create a new layer",
        ),
        (torch.ones(3, 2), [0, -1, 2], None, IndexError, "got -1"),
        (
            torch.ones(3, 2),
            [0, 1],
            None,
            ValueError,
            r"n_id must have one .* shape \[3\], got \[2\]",
        ),
        (torch.ones(3, 2), [[0], [1], [2]], None, ValueError, r"got \[3, 1\]"),
        (torch.ones(3, 2), [0.0, 1.0, 2.0], None, TypeError, "n_id must be a tensor of integers, got torch.float32"),
        (torch.ones(3, 4), [0, 1, 2], None, ValueError, r"aggregate must have shape \[B, 2\], got \[3, 4\]"),
        (torch.ones(3), [0, 1, 2], None, ValueError, r"got \[3\]"),
        (torch.ones(3, 2), [0, 1, 2], [True], ValueError, r"computed must have shape \[3\], got \[1\]"),
        (
            torch.ones(3, 2),
            [0, 1, 2],
            [1, 0, 1],
            TypeError,
            "computed must be a boolean tensor, got torch.int64",
        ),
        (torch.full((3, 2), torch.nan), [0, 1, 2], None, ValueError, "must be finite"),
    ],
)
@pytest.mark.parametrize("rest", [False, True])
def test_bad_input_writes_nothing(aggregate, n_id, computed, error, message, rest):
    """`rest`: the bad row is among those that are not computed, where only the finite ones do not matter."""
    momentum = filled()
    before = known(momentum)
    if computed is None and rest and "finite" not in message and len(n_id) == 3:
        computed = [True, False, False]
    with pytest.raises(error, match=message):
        momentum(aggregate, torch.tensor(n_id), None if computed is None else torch.tensor(computed))
    assert all(torch.equal(a, b) for a, b in zip(known(momentum), before, strict=True))


def test_n_id_must_be_a_tensor():
    with pytest.raises(TypeError, match="n_id must be a tensor of integers, got NoneType"):
        filled()(torch.ones(3, 2), None)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((0, 2), {}, ValueError, "num_nodes must be at least 1, got 0"),
        ((2.5, 2), {}, TypeError, "num_nodes must be an integer"),
        ((5, 0), {}, ValueError, "channels must be at least 1, got 0"),
        ((5, ()), {}, ValueError, "channels must be an integer or a non-empty shape"),
        ((5, (2, 1)), {"ratio": True}, ValueError, "channels must be at least 2, got 1"),
        ((5, 2, 0), {}, ValueError, r"gamma is the weight of the new value and must lie in \(0, 1\], got 0"),
        ((5, 2, 1.5), {}, ValueError, "got 1.5"),
        ((5, 2), {"storage": "disk"}, ValueError, "storage must be one of device, pinned, host, mmap, got 'disk'"),
        ((5, 2), {"storage": "pinned", "folder": "."}, ValueError, "folder is only used with storage='mmap', got"),
        ((5, 2), {"gradient": "none"}, ValueError, "gradient must be one of"),
        ((5, 2), {"dtype": torch.int8}, TypeError, "dtype must be a floating-point type"),
    ],
)
def test_bad_arguments(arguments, options, error, message):
    with pytest.raises(error, match=message):
        FeatureMomentum(*arguments, **options)


def test_repr():
    assert repr(FeatureMomentum(5, 2)) == "FeatureMomentum(5, channels=2, gamma=0.1)"
    momentum = FeatureMomentum(5, (2, 3), ratio=True, gradient="scaled", dtype=torch.bfloat16, storage="pinned")
    shown = "channels=(2, 3), gamma=0.1, ratio=True, gradient='scaled', dtype=torch.bfloat16, storage='pinned'"
    assert repr(momentum) == f"FeatureMomentum(5, {shown})"
