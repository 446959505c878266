import math

import pytest
import torch

from tests.losses import toys
from xgraph.losses import BCELoss, PairwiseAUCLoss, SOAPLoss, SOPALoss, SOPAsLoss, SOTAsLoss, STACOLoss

NAN = float("nan")
ELL = {
    "squared_hinge": (lambda s, m: max(m + s, 0.0) ** 2, lambda s, m: 2 * max(m + s, 0.0)),
    "hinge": (lambda s, m: max(m + s, 0.0), lambda s, m: float(m + s > 0)),
    "squared": (lambda s, m: (m + s) ** 2, lambda s, m: 2 * (m + s)),
    "logistic": (lambda s, m: math.log1p(math.exp(s)), lambda s, m: 1 / (1 + math.exp(-s))),
    "sigmoid": (lambda s, m: 1 / (1 + math.exp(-s)), lambda s, m: math.exp(-s) / (1 + math.exp(-s)) ** 2),
}


def all_pairs(scores, labels, surrogate="squared_hinge", margin=1.0):
    """Method 1 of 6.4.1, one pair at a time in Python floats: the loss and its gradient; None without a class."""
    value, slope = ELL[surrogate]
    positives = [i for i, y in enumerate(labels) if y == 1]
    negatives = [j for j, y in enumerate(labels) if y == 0]
    count = len(positives) * len(negatives)
    if not count:
        return None
    z, loss = [0.0] * len(scores), 0.0
    for i in positives:
        for j in negatives:
            loss += value(scores[j] - scores[i], margin) / count
            z[j] += slope(scores[j] - scores[i], margin) / count
            z[i] -= slope(scores[j] - scores[i], margin) / count
    return loss, z


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("surrogate", sorted(ELL))
def test_autograd_is_the_mean_over_pairs(surrogate, mode):
    torch.manual_seed(0)
    loss_fn = PairwiseAUCLoss(40, surrogate=surrogate, margin=0.7).double().train(mode == "train")
    for step in range(30):
        index = torch.randint(40, (12,))  # an item may come twice: two rows like any others
        logits = torch.randn(12, dtype=torch.float64, requires_grad=True)
        target = (torch.rand(12) < 0.3).double()
        expected = all_pairs(logits.tolist(), target.tolist(), surrogate, 0.7)
        loss = loss_fn(logits, target, index if step % 2 else None)
        loss.backward()
        if expected is None:
            assert loss.item() == 0
            assert not logits.grad.any()
            continue
        assert loss.item() == pytest.approx(expected[0], abs=1e-12)
        torch.testing.assert_close(logits.grad, torch.tensor(expected[1], dtype=torch.float64), atol=1e-12, rtol=1e-12)


def test_tasks_with_missing_labels_count_the_same_each():
    torch.manual_seed(1)
    tasks = 5
    loss_fn = PairwiseAUCLoss(15, tasks).double()
    for _ in range(30):
        logits = torch.randn(10, tasks, dtype=torch.float64, requires_grad=True)
        target = (torch.rand(10, tasks) < 0.3).double()
        target[torch.rand(10, tasks) < 0.3] = NAN
        target[:, 3] = 0
        target[:, 4] = 1
        found = {t: all_pairs(logits[:, t].tolist(), target[:, t].tolist()) for t in range(tasks)}
        results = {t: result for t, result in found.items() if result is not None}
        assert 3 not in results
        assert 4 not in results
        loss = loss_fn(logits, target)
        loss.backward()
        expected = torch.zeros(10, tasks, dtype=torch.float64)
        for t, (_, z) in results.items():
            expected[:, t] = torch.tensor(z, dtype=torch.float64) / len(results)
        assert loss.item() == pytest.approx(sum(r[0] for r in results.values()) / max(len(results), 1), abs=1e-12)
        torch.testing.assert_close(logits.grad, expected, atol=1e-12, rtol=1e-12)


def test_steep_sigmoid_counts_the_pairs_in_the_wrong_order():
    """With a surrogate that is next to the indicator it is one minus the AUC."""
    from sklearn.metrics import roc_auc_score

    from xgraph.losses import Sigmoid

    torch.manual_seed(0)
    logits, target = torch.randn(60, dtype=torch.float64), (torch.arange(60) < 20).double()
    loss = PairwiseAUCLoss(60, surrogate=Sigmoid(1e6)).double()(logits, target)
    assert 1 - loss.item() == pytest.approx(roc_auc_score(target, logits), abs=1e-9)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_finite_differences(mode):
    torch.manual_seed(0)
    target = (torch.rand(10, 2) < 0.4).double()
    logits = torch.randn(10, 2, dtype=torch.float64, requires_grad=True)
    for surrogate in ("squared_hinge", "logistic", "sigmoid"):
        loss_fn = PairwiseAUCLoss(10, 2, surrogate=surrogate).double().train(mode == "train")
        assert torch.autograd.gradcheck(lambda scores, f=loss_fn: f(scores, target), (logits,))


def test_a_squared_surrogate_is_a_closed_form_of_class_moments():
    """mean (m + b − a)² = var₊ + var₋ + (m + mean₋ − mean₊)²: what links it to the AUC margin loss."""
    torch.manual_seed(0)
    logits, target = torch.randn(50, dtype=torch.float64), (torch.arange(50) < 15).double()
    a, b = logits[:15], logits[15:]
    expected = a.var(correction=0) + b.var(correction=0) + (0.3 + b.mean() - a.mean()) ** 2
    loss = PairwiseAUCLoss(50, surrogate="squared", margin=0.3).double()(logits, target)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-12)


def test_gamma_smooths_the_monitor_and_nothing_else():
    torch.manual_seed(0)
    slow, fast = PairwiseAUCLoss(20, gamma=0.25).double(), PairwiseAUCLoss(20, gamma=1.0).double()
    assert math.isnan(slow.monitor()["objective"])
    target, expected = (torch.arange(20) < 5).double(), None
    for step in range(10):
        logits = torch.randn(20, dtype=torch.float64)
        loss = slow(logits, target).item()
        assert fast(logits, target).item() == loss
        expected = 0.75 * expected + 0.25 * loss if step else loss
        assert slow.monitor()["objective"] == pytest.approx(expected, rel=1e-9)
        assert fast.monitor()["objective"] == pytest.approx(loss, rel=1e-9)
        if step == 5:
            fresh = PairwiseAUCLoss(20, gamma=0.25).double()
            fresh.load_state_dict(slow.state_dict())
            slow = fresh
    slow.eval()(torch.randn(20, dtype=torch.float64), target)
    assert slow.monitor()["objective"] == pytest.approx(expected, rel=1e-9)


def test_the_monitor_takes_the_tasks_that_contribute():
    torch.manual_seed(0)
    loss_fn = PairwiseAUCLoss(20, 3).double()
    logits, target = torch.randn(20, 3, dtype=torch.float64), (torch.rand(20, 3) < 0.4).double()
    target[:, 1] = NAN
    loss = loss_fn(logits, target).item()
    assert loss_fn.monitor()["objective"] == pytest.approx(loss, rel=1e-9)


def test_random_batches_average_to_the_objective_of_the_whole_set():
    torch.manual_seed(0)
    logits, target = torch.randn(60, dtype=torch.float64), (torch.arange(60) < 12).double()
    loss_fn = PairwiseAUCLoss(60, gamma=0.002).double()
    for _ in range(10_000):
        index = torch.cat([torch.randperm(12)[:3], 12 + torch.randperm(48)[:8]])
        loss_fn(logits[index], target[index], index)
    expected, _ = all_pairs(logits.tolist(), target.tolist())
    assert loss_fn.monitor()["objective"] == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("options", [{"activation": "sigmoid"}, {"surrogate": "sigmoid"}])
def test_it_raises_the_area_where_cross_entropy_gives_way_to_a_few_strays(options):
    generator = torch.Generator().manual_seed(0)
    seen, new = toys.strays(400, generator), toys.strays(1000, generator)
    losses = PairwiseAUCLoss(400, toys.SEEDS, **options), BCELoss(400, toys.SEEDS)
    ours, theirs = (toys.areas(toys.fitted(loss_fn, *seen), *new) for loss_fn in losses)
    assert toys.student_t(ours - theirs) > toys.SIGNIFICANT


class HalfSquare:
    """s²/2, whose slope is its argument: the tensor itself, not a copy."""

    def __call__(self, difference):
        return difference.square() / 2

    def slope(self, difference):
        return difference


@pytest.mark.parametrize("make", [PairwiseAUCLoss, SOPALoss, SOPAsLoss, SOAPLoss, SOTAsLoss, STACOLoss])
def test_what_a_surrogate_returns_is_not_written_to(make):
    torch.manual_seed(0)
    logits, target = torch.randn(12, dtype=torch.float64, requires_grad=True), (torch.arange(12) < 4).double()
    loss = make(12, surrogate=HalfSquare()).double()(logits, target, torch.arange(12))
    first, second = (torch.autograd.grad(loss, logits, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)
    assert torch.autograd.gradcheck(
        lambda scores: make(12, surrogate=HalfSquare()).double().eval()(scores, target), (logits,)
    )
