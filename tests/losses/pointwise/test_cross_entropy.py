import copy

import pytest
import torch
from torch.nn import functional as F

from xgraph.losses import CrossEntropyLoss, SOAPLoss

NAN = float("nan")


def data(rows=20, classes=4, seed=0, missing=0.3, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, classes, generator=g, dtype=dtype)
    classes_of = torch.randint(classes, (rows,), generator=g)
    target = F.one_hot(classes_of, classes).to(dtype)
    unknown = torch.rand(rows, generator=g) < missing
    target[unknown] = NAN
    return logits.requires_grad_(), target, classes_of.masked_fill(unknown, -1)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_equals_torch_on_labelled_items(smoothing):
    logits, target, classes = data()
    expected = F.cross_entropy(logits, classes, ignore_index=-1, label_smoothing=smoothing)
    loss = CrossEntropyLoss(20, 4, label_smoothing=smoothing)(logits, target)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(*(torch.autograd.grad(value, logits)[0] for value in (loss, expected)))


def test_rows_with_a_missing_entry_are_ignored():
    logits, target, _ = data(missing=0.0)
    whole = CrossEntropyLoss(20, 4)(logits[1:], target[1:])
    target[0, 2] = NAN
    loss = CrossEntropyLoss(20, 4)(logits, target)
    torch.testing.assert_close(loss, whole)
    loss.backward()
    assert (logits.grad[0] == 0).all()


@pytest.mark.parametrize("kind", [torch.bool, torch.int64, torch.float32])
def test_labels_can_be_of_any_type(kind):
    logits, target, _ = data(missing=0.0)
    expected = CrossEntropyLoss(20, 4)(logits, target)
    assert CrossEntropyLoss(20, 4)(logits, target.to(kind), torch.arange(20)).item() == expected.item()


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_batch_without_labels_gives_zero_loss_and_gradients(rows):
    logits = torch.randn(rows, 3, requires_grad=True)
    loss = CrossEntropyLoss(9, 3)(logits, torch.full((rows, 3), NAN))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros(rows, 3))


@pytest.mark.parametrize("size", [1e4, 1e15])
def test_extreme_logits_are_finite(size):
    logits = torch.tensor([[size, -size, 0.0], [-size, size, 0.0]], requires_grad=True)
    loss = CrossEntropyLoss(2, 3)(logits, torch.eye(3)[:2])
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.isfinite().all()
    assert CrossEntropyLoss(2, 3)(logits, torch.eye(3)[[1, 0]]).item() == pytest.approx(2 * size)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_16_bit_logits_and_autocast_compute_in_float32(dtype):
    logits, target, _ = data(dtype=torch.float32)
    narrow = logits.detach().to(dtype).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = CrossEntropyLoss(20, 4)(narrow, target)
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == CrossEntropyLoss(20, 4)(narrow.float(), target).item()
    assert narrow.grad.dtype == dtype


def test_gradients_match_finite_differences_and_it_compiles():
    logits, target, _ = data(6)
    loss_fn = CrossEntropyLoss(6, 4, label_smoothing=0.2)
    assert torch.autograd.gradcheck(lambda scores: loss_fn(scores, target), (logits,))
    step = torch.compile(copy.deepcopy(loss_fn), backend="eager")
    torch.testing.assert_close(step(logits, target), loss_fn(logits, target))
    assert loss_fn.state_dict() == {}
    assert loss_fn.monitor() == {}


def test_target_must_be_one_hot():
    logits, target, _ = data(missing=0.0)
    for row, ones in ((3, 0), (5, 2)):
        wrong = target.clone()
        wrong[row] = torch.tensor([1.0, 1.0, 0.0, 0.0]) if ones else 0.0
        with pytest.raises(ValueError, match=f"one-hot with a single 1 per row; row {row} has {ones}"):
            CrossEntropyLoss(20, 4)(logits, wrong)
    with pytest.raises(ValueError, match=r"target must be 0, 1 or NaN \(missing\), got 0.5 in row 2"):
        CrossEntropyLoss(20, 4)(logits, target.index_fill(0, torch.tensor([2]), 0.5))
    with pytest.raises(IndexError, match="got 20"):
        CrossEntropyLoss(20, 4)(logits, target, torch.arange(1, 21))


def test_invalid_options_are_rejected():
    with pytest.raises(ValueError, match="num_tasks must be at least 2, one per class, got 1"):
        CrossEntropyLoss(5, 1)
    for value in (-0.1, 1.0, NAN):
        with pytest.raises(ValueError, match=r"label_smoothing must lie in \[0, 1\), got"):
            CrossEntropyLoss(5, 2, label_smoothing=value)


def test_other_losses_treat_one_hot_targets_as_one_against_the_rest():
    logits, target, _ = data()
    index = torch.arange(20)
    together = SOAPLoss(20, 4).double()(logits, target, index)
    alone = [SOAPLoss(20).double()(logits[:, t], target[:, t], index) for t in range(4)]
    torch.testing.assert_close(together, sum(alone) / 4)
