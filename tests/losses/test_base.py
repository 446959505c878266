"""What holds for every loss."""

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.losses import LOSSES

EACH = pytest.mark.parametrize("name", sorted(LOSSES))
NAN = float("nan")


def data(batch=12, tasks=1, seed=0, missing=0.0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(batch, tasks, generator=generator, dtype=dtype)
    target = (torch.rand(batch, tasks, generator=generator) < 0.4).to(dtype)
    target[0], target[1] = 1, 0
    target[torch.rand(batch, tasks, generator=generator) < missing] = NAN
    index = torch.randperm(50, generator=generator)[:batch]
    return logits.requires_grad_(), target, index


def tables(loss_fn):
    return {name: value.clone() for name, value in loss_fn.state_dict().items()}


def unchanged(before, loss_fn):
    after = tables(loss_fn)
    return before.keys() == after.keys() and all(torch.equal(before[k], after[k]) for k in before)


def trained(name, tasks=1, **options):
    """A loss with a history, so that a stray write shows."""
    loss_fn = LOSSES[name](50, tasks, **options)
    for seed in range(3):
        loss_fn(*data(tasks=tasks, seed=seed))
    return loss_fn


@EACH
def test_column_and_flat_shapes_mean_the_same(name):
    logits, target, index = data()
    flat = LOSSES[name](50)(logits.flatten(), target.flatten(), index)
    for a, b in ((logits, target), (logits, target.flatten()), (logits.flatten(), target)):
        assert LOSSES[name](50)(a, b, index).item() == flat.item()
    assert flat.dim() == 0


@EACH
@pytest.mark.parametrize("kind", [torch.bool, torch.int64, torch.float64])
def test_labels_of_any_type(name, kind):
    logits, target, index = data()
    expected = LOSSES[name](50)(logits, target, index)
    assert LOSSES[name](50)(logits, target.to(kind), index).item() == expected.item()


@EACH
def test_an_index_of_narrow_integers(name):
    logits, target, index = data()
    expected = LOSSES[name](50)(logits, target, index)
    assert LOSSES[name](50)(logits, target, index.int()).item() == expected.item()


@EACH
@pytest.mark.parametrize("value", [-1.0, 0.5, 2.0, float("inf")])
def test_other_labels_are_refused_with_their_row(name, value):
    loss_fn = trained(name, 2)
    before = tables(loss_fn)
    logits, target, index = data(tasks=2)
    target[3, 1] = value
    target[5, 0] = NAN
    with pytest.raises(ValueError, match=rf"target must be 0, 1 or NaN \(missing\), got {value:g} in row 3"):
        loss_fn(logits, target, index)
    assert unchanged(before, loss_fn)


@EACH
@pytest.mark.parametrize("value", [NAN, float("inf"), float("-inf")])
def test_logits_that_are_not_finite_are_refused_with_their_row(name, value):
    loss_fn = trained(name)
    before = tables(loss_fn)
    logits, target, index = data()
    with torch.no_grad():
        logits[4], logits[7] = value, value
    with pytest.raises(ValueError, match=f"logits must be finite, got {value} in row 4"):
        loss_fn(logits, target, index)
    assert unchanged(before, loss_fn)


@EACH
def test_wrong_shapes_and_types_are_named(name):
    loss_fn = trained(name)
    before = tables(loss_fn)
    logits, target, index = data()
    with pytest.raises(ValueError, match=r"logits must have the shape \[B\] or \[B, 1\], got \[12, 2\]"):
        loss_fn(logits.expand(12, 2), target, index)
    with pytest.raises(ValueError, match=r"target must have the shape of logits \[12, 1\], got \[11, 1\]"):
        loss_fn(logits, target[:11], index)
    with pytest.raises(TypeError, match="logits must be floating-point numbers, got torch.int64"):
        loss_fn(logits.long(), target, index)
    with pytest.raises(ValueError, match=r"index must have the shape \[12\], one for each row of logits, got \[11\]"):
        loss_fn(logits, target, index[:11])
    with pytest.raises(TypeError, match="index must be a tensor of integers, got torch.float32"):
        loss_fn(logits, target, index.float())
    with pytest.raises(TypeError, match="index must be a tensor of integers, got list"):
        loss_fn(logits, target, index.tolist())
    with pytest.raises(TypeError, match="target must be a tensor, got list"):
        loss_fn(logits, ["active"] * 12, index)
    with pytest.raises(ValueError, match=r"logits must have the shape \[B, 3\], got \[12, 1\]"):
        LOSSES[name](50, 3)(logits, target, index)
    assert unchanged(before, loss_fn)


@EACH
@pytest.mark.parametrize("bad", [50, -1, 2**40])
def test_an_index_beyond_the_data_set_is_refused(name, bad):
    loss_fn = trained(name)
    before = tables(loss_fn)
    logits, target, index = data()
    index[1] = bad  # a negative item: every row of the index is checked, not only those with a state
    with pytest.raises(IndexError, match=rf"0\.\.49 \(num_items=50\), got {bad}; it is the item's position"):
        loss_fn(logits, target, index)
    assert unchanged(before, loss_fn)


@EACH
def test_sizes_must_be_positive(name):
    with pytest.raises(ValueError, match="num_items must be at least 1, got 0"):
        LOSSES[name](0)
    with pytest.raises(ValueError, match="num_tasks must be at least 1, got -2"):
        LOSSES[name](5, -2)


@EACH
def test_an_empty_batch_and_one_without_labels_give_zero_and_zero_gradients(name):
    loss_fn = trained(name, 2)
    before = tables(loss_fn)
    for rows in (0, 1, 4):
        logits = torch.randn(rows, 2, requires_grad=True)
        loss = loss_fn(logits, torch.full((rows, 2), NAN), torch.arange(rows))
        loss.backward()
        assert loss.item() == 0
        assert torch.equal(logits.grad, torch.zeros(rows, 2))
    assert unchanged(before, loss_fn)


@EACH
def test_missing_labels_have_no_gradient(name):
    logits, target, index = data(20, 3, missing=0.4)
    LOSSES[name](50, 3)(logits, target, index).backward()
    assert (logits.grad[target.isnan()] == 0).all()
    assert logits.grad[~target.isnan()].abs().sum() > 0


@EACH
def test_a_missing_label_is_as_if_the_item_were_not_there(name):
    logits, target, index = data(20)
    target[5:9] = NAN
    keep = ~target.isnan().flatten()
    expected = LOSSES[name](50)(logits[keep], target[keep], index[keep])
    assert LOSSES[name](50)(logits, target, index).item() == pytest.approx(expected.item(), rel=1e-6)


@EACH
@pytest.mark.parametrize("tasks", [1, 3])
def test_order_in_the_batch_does_not_matter(name, tasks):
    one, other = LOSSES[name](50, tasks).double(), LOSSES[name](50, tasks).double()
    for seed in range(4):
        logits, target, index = data(16, tasks, seed, missing=0.2, dtype=torch.float64)
        order = torch.randperm(16, generator=torch.Generator().manual_seed(seed))
        a = one(logits, target, index)
        b = other(logits[order], target[order], index[order])
        torch.testing.assert_close(a, b)
    for key, value in one.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[key])


@EACH
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_narrow_logits_and_autocast_compute_in_float32(name, dtype):
    logits, target, index = data(16)
    narrow = logits.detach().to(dtype)
    expected = LOSSES[name](50)(narrow.float(), target, index)
    assert LOSSES[name](50)(narrow, target, index).item() == expected.item()
    weight = narrow.clone().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = LOSSES[name](50)(weight, target, index)
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == expected.item()
    assert weight.grad.isfinite().all()


@EACH
def test_extreme_logits_are_finite_and_the_loss_recovers(name):
    """One burst of ±1e4, then ordinary batches: the gradient comes back to what it would have been."""
    hit, spared = LOSSES[name](30), LOSSES[name](30)
    generator = torch.Generator().manual_seed(0)
    target = (torch.arange(30) < 6).float()
    index = torch.arange(30)

    def grad(loss_fn, scores):
        logits = scores.clone().requires_grad_()
        loss = loss_fn(logits, target, index)
        loss.backward()
        assert loss.isfinite()
        assert logits.grad.isfinite().all()
        return logits.grad

    burst = torch.where(target == 1, -1e4, 1e4)
    grad(hit, burst)
    grad(hit, -burst)
    grad(hit, burst)
    for _ in range(150):
        scores = torch.randn(30, generator=generator)
        after, reference = grad(hit, scores), grad(spared, scores)
    torch.testing.assert_close(after, reference, rtol=0.05, atol=1e-4)


@EACH
def test_the_rest_of_a_run_is_the_same_after_a_restore(name):
    loss_fn = trained(name, 2)
    restored = LOSSES[name](50, 2)
    restored.load_state_dict(loss_fn.state_dict())
    copied = copy.deepcopy(loss_fn)
    for seed in range(100):
        logits, target, index = data(tasks=2, seed=1000 + seed, missing=0.1)
        expected = loss_fn(logits, target, index)
        assert torch.equal(restored(logits, target, index), expected)
        assert torch.equal(copied(logits, target, index), expected)


@EACH
def test_eval_mode_writes_nothing_and_needs_no_index(name):
    loss_fn = trained(name).eval()
    before = tables(loss_fn)
    logits, target, index = data(seed=9)
    fresh = LOSSES[name](50)(logits, target, index)
    assert loss_fn(logits, target, index).item() == pytest.approx(fresh.item(), rel=1e-6)
    assert loss_fn(logits, target).item() == pytest.approx(fresh.item(), rel=1e-6)
    assert unchanged(before, loss_fn)


@EACH
def test_finite_differences(name):
    """In eval mode, where the loss is a plain function of the logits."""
    loss_fn = LOSSES[name](50, 2).double().eval()
    logits, target, _ = data(10, 2, missing=0.2, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda scores: loss_fn(scores, target), (logits,))


@EACH
def test_a_gradient_step_lowers_the_loss(name):
    loss_fn = LOSSES[name](50).eval()
    logits, target, index = data(30)
    loss = loss_fn(logits, target, index)
    loss.backward()
    with torch.no_grad():
        assert loss_fn(logits - 0.1 * logits.grad / logits.grad.norm(), target, index) < loss


@EACH
@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(
        st.tuples(st.floats(-1e4, 1e4, width=32), st.sampled_from([0.0, 1.0, NAN]), st.integers(0, 9)), max_size=12
    )
)
def test_any_batch_of_ordinary_numbers_is_finite(name, values):
    loss_fn = LOSSES[name](10)
    logits = torch.tensor([v[0] for v in values], requires_grad=True)
    target = torch.tensor([v[1] for v in values])
    index = torch.tensor([v[2] for v in values], dtype=torch.long)
    for _ in range(2):
        logits.grad = None
        loss = loss_fn(logits, target, index)
        loss.backward()
        assert math.isfinite(loss.item())
        assert logits.grad.isfinite().all()


@EACH
def test_traces_with_graph_breaks_under_compile(name):
    eager, compiled = LOSSES[name](50), LOSSES[name](50)
    step = torch.compile(compiled, backend="eager")
    for seed in range(2):
        logits, target, index = data(seed=seed)
        torch.testing.assert_close(step(logits, target, index), eager(logits, target, index))
