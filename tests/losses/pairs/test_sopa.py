import math

import pytest
import torch

from tests.losses.cases import tables, unchanged
from tests.losses.references import (
    EACH_SURROGATE,
    ELL,
    batches,
    cvar,
    fixed,
    follow,
    holes,
    mean,
    pair_losses,
    quantile,
    ragged,
    sides,
)
from xgraph.losses import PairwiseAUCLoss, SOPALoss, STACOLoss


class Algorithm29:
    """Algorithm 29, one pair at a time in Python floats: ν and the vanilla gradient estimator z."""

    def __init__(self, max_fpr, dual_lr, surrogate="squared_hinge", margin=1.0):
        self.beta, self.dual_lr, self.margin, self.nu = max_fpr, dual_lr, margin, {}
        self.value, self.slope = ELL[surrogate]

    def step(self, scores, labels, index, task=0):
        """The loss and d loss / d scores of one task; None if the batch does not hold both classes."""
        if (classes := sides(labels)) is None:
            return None
        positives, negatives = classes
        z, loss, moves = [0.0] * len(scores), 0.0, {}
        for i in positives:
            key = (index[i], task)
            losses = {j: self.value(scores[j] - scores[i], self.margin) for j in negatives}
            nu = self.nu.get(key, quantile(losses.values(), 1 - self.beta))
            above = [j for j in negatives if losses[j] > nu]
            loss += (self.beta * nu + sum(losses[j] - nu for j in above) / len(negatives)) / len(positives)
            for j in above:
                slope = self.slope(scores[j] - scores[i], self.margin) / len(negatives) / len(positives)
                z[j] += slope
                z[i] -= slope
            moves.setdefault(key, []).append(nu - self.dual_lr * (self.beta - len(above) / len(negatives)))
        self.nu.update({key: mean(result) for key, result in moves.items()})
        return loss, z

    def tables(self):
        return [("threshold", self.nu, lambda value: value)]


@EACH_SURROGATE
def test_autograd_matches_algorithm_29_over_100_steps_and_a_restore(surrogate):
    options = {"surrogate": surrogate, "margin": 0.7, "max_fpr": 0.37, "dual_lr": 0.15}
    follow(lambda: SOPALoss(40, **options).double(), Algorithm29(0.37, 0.15, surrogate, 0.7), batches())


def test_each_task_matches_algorithm_29_with_missing_labels_and_duplicates():
    """Each row of a duplicated new item uses its own start; the table stores their mean after one step."""
    options = {"max_fpr": 0.43, "dual_lr": 0.2}
    follow(lambda: SOPALoss(15, 5, **options).double(), Algorithm29(**options), ragged())


@EACH_SURROGATE
def test_full_batches_converge_to_the_sum_of_the_top_k_losses(surrogate):
    logits, target, index = fixed(6, 20)
    losses = pair_losses(logits, target, surrogate)
    expected = mean(sum(sorted(row)[-5:]) / 20 for row in losses)  # k = β n₋ = 5
    step = 0.01 if surrogate == "sigmoid" else 0.1  # in units of ℓ; small enough to land between two losses
    loss_fn = SOPALoss(26, surrogate=surrogate, max_fpr=0.25, dual_lr=step).double()
    loss_fn(logits.flip(0), target, index)  # start from other thresholds
    assert loss_fn(logits, target, index).item() > expected + 1e-3
    for _ in range(2000):
        loss = loss_fn(logits, target, index)
    assert loss.item() == pytest.approx(expected, abs=1e-12)
    for nu, row in zip(loss_fn.threshold.value[:6].tolist(), losses, strict=True):
        assert sum(x > nu for x in row) == 5


@pytest.mark.parametrize("max_fpr", [0.05, 0.25, 0.3, 1 / 3, 0.97, 1.0])
@pytest.mark.parametrize("surrogate", ["squared_hinge", "logistic"])
def test_eval_gives_cvar_even_if_it_splits_a_pair(surrogate, max_fpr):
    loss_fn = SOPALoss(26, surrogate=surrogate, max_fpr=max_fpr).double().eval()
    before = tables(loss_fn)
    for seed in range(5):
        logits, target, _ = fixed(6, 20, seed)
        losses = pair_losses(logits, target, surrogate)
        expected = mean(cvar(row, max_fpr) for row in losses)
        assert loss_fn(logits, target).item() == pytest.approx(expected, abs=1e-12)
    logits, target, index = fixed(5, 7, seed=1)
    for values in (logits, torch.cat([logits, logits.flip(0)]).view(2, -1).t()):
        many = SOPALoss(12, 1 if values.dim() == 1 else 2, surrogate=surrogate, max_fpr=max_fpr).double().eval()
        labels = target if values.dim() == 1 else torch.stack([target, target.flip(0)], 1)
        inputs = values.clone().requires_grad_()
        assert torch.autograd.gradcheck(lambda scores, f=many, y=labels: f(scores, y, index), (inputs,))
    assert unchanged(before, loss_fn)


def test_eval_weights_the_boundary_item_by_its_share():
    """β n₋ = 1.5 of five: the gradient of the top pair has weight 1/5, that of the next one 0.5/5."""
    logits = torch.tensor([0.0, 0.5, 0.2, -0.1, -0.3, -0.4], dtype=torch.float64, requires_grad=True)
    target = torch.tensor([1.0, 0, 0, 0, 0, 0], dtype=torch.float64)
    loss = SOPALoss(6, surrogate="hinge", max_fpr=0.3).double().eval()(logits, target)
    loss.backward()
    assert loss.item() == pytest.approx((1.5 + 0.5 * 1.2) / 5, abs=1e-12)
    assert logits.grad.tolist() == pytest.approx([-0.3, 0.2, 0.1, 0, 0, 0], abs=1e-12)


def test_eval_with_missing_labels_is_the_mean_over_tasks():
    logits, target = holes(4)
    expected = mean(mean(cvar(row, 0.3) for row in pair_losses(logits[:, t], target[:, t])) for t in (0, 1, 3))
    assert SOPALoss(30, 4, max_fpr=0.3).double().eval()(logits, target).item() == pytest.approx(expected, abs=1e-12)


def test_max_fpr_one_equals_the_pairwise_loss():
    logits, target, index = fixed(6, 20)
    expected = PairwiseAUCLoss(26).double()(logits, target, index).item()
    loss_fn = SOPALoss(26, max_fpr=1.0).double()
    assert loss_fn(logits, target, index).item() == pytest.approx(expected, abs=1e-12)
    assert loss_fn.eval()(logits, target).item() == pytest.approx(expected, abs=1e-12)


def test_small_steps_converge_to_the_quantile_of_the_whole_data_set():
    """With a quarter of the negatives per batch, the threshold ends where a share β of all negatives is above."""
    torch.manual_seed(0)
    scores, target, _ = fixed(8, 200)
    loss_fn = SOPALoss(208, surrogate="logistic", max_fpr=0.25, dual_lr=0.02).double()
    for _ in range(2_500):
        index = torch.cat([torch.randperm(8)[:2], 8 + torch.randperm(200)[:50]])
        loss_fn(scores[index], target[index], index)
    losses = pair_losses(scores, target, "logistic")
    for nu, row in zip(loss_fn.threshold.value[:8].tolist(), losses, strict=True):
        assert mean(x > nu for x in row) == pytest.approx(0.25, abs=0.04)
        assert 0.25 * nu + mean(max(x - nu, 0) for x in row) == pytest.approx(cvar(row, 0.25), rel=4e-3)


def test_monitor_reports_the_tracked_objective():
    loss_fn = SOPALoss(26, gamma=0.25).double()
    assert math.isnan(loss_fn.monitor()["objective"])
    logits, target, index = fixed(6, 20)
    first, second = loss_fn(logits, target, index).item(), loss_fn(logits.flip(0), target, index).item()
    assert loss_fn.monitor()["objective"] == pytest.approx(0.75 * first + 0.25 * second, rel=1e-6)
    assert loss_fn.monitor()["seen"] == pytest.approx(6 / 26)
    for _ in range(1000):
        loss_fn(logits, target, index)
    expected = mean(cvar(row, 0.3) for row in pair_losses(logits, target))
    assert loss_fn.monitor()["objective"] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("make", [SOPALoss, STACOLoss])
def test_threshold_far_above_all_losses_restarts_from_the_batch(make):
    """Above e⁵ times all losses of the batch (and ℓ(0)) it restarts; below, it takes a normal step."""
    loss_fn = make(8, max_fpr=0.5, dual_lr=0.1).double()
    logits, target, index = fixed(2, 6)
    loss_fn.threshold(torch.zeros(2).double(), index[:2])
    loss_fn.threshold.value[:2] = torch.tensor([1e6, 50.0])
    sent = []
    loss_fn.threshold.exchange = lambda rows, values: sent.append(values) or (rows, values)
    loss = loss_fn(logits, target, index)
    if make is SOPALoss:  # the value uses the thresholds from before the step
        assert loss.item() == pytest.approx(0.5 * (1e6 + 50) / 2)
    step = 0.5 * 0.1 * (1.0 if make is SOPALoss else loss_fn.weight.value[:2])
    start = torch.tensor([quantile(pair_losses(logits, target)[0], 0.5), 50.0]).double()
    torch.testing.assert_close(loss_fn.threshold.value[:2], start - step)
    torch.testing.assert_close(sent[0], start - step)  # the exchanged rows include the restart
    assert loss_fn.threshold.seen[:2].all()
