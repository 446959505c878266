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
from xgraph.losses import SOPALoss, STACOLoss


class Algorithm31:
    """Algorithm 31, one pair at a time in Python floats: y, ν, ν' and the vanilla gradient estimator z."""

    def __init__(self, max_fpr, min_tpr, dual_lr, surrogate="squared_hinge", margin=1.0):
        self.beta, self.rho, self.dual_lr, self.margin = max_fpr, 1 - min_tpr, dual_lr, margin
        self.nu, self.y, self.outer, self.weights = {}, {}, {}, set()
        self.value, self.slope = ELL[surrogate]

    def step(self, scores, labels, index, task=0):
        """The loss and d loss / d scores of one task; None if the batch does not hold both classes."""
        if (classes := sides(labels)) is None:
            return None
        positives, negatives = classes
        outer, rows, ascents, shares = self.outer.get(task, 0.0), {}, {}, {}
        for i in positives:
            key = (index[i], task)
            losses = {j: self.value(scores[j] - scores[i], self.margin) for j in negatives}
            nu = self.nu.get(key, quantile(losses.values(), 1 - self.beta))
            above = [j for j in negatives if losses[j] > nu]
            inner = sum(losses[j] - nu for j in above) / len(negatives) + self.beta * (nu - outer)
            rows[i] = key, nu, above, inner
            ascents.setdefault(key, []).append(inner)
            shares.setdefault(key, []).append((nu, len(above) / len(negatives)))
        for key, result in ascents.items():
            self.y[key] = min(max(self.y.get(key, 1.0) + self.dual_lr * mean(result), 0.0), 1.0)
        for key, result in shares.items():
            start, share = mean(nu for nu, _ in result), mean(p for _, p in result)
            self.nu[key] = start - self.dual_lr * self.y[key] * (self.beta - share)
        self.weights.update(self.y.values())
        chosen = mean(self.y[rows[i][0]] for i in positives)
        self.outer[task] = outer - self.dual_lr * (self.rho * self.beta - self.beta * chosen)
        z, loss = [0.0] * len(scores), self.rho * self.beta * outer
        for i in positives:
            key, _, above, inner = rows[i]
            loss += self.y[key] * inner / len(positives)
            for j in above:
                slope = self.slope(scores[j] - scores[i], self.margin)
                slope *= self.y[key] / len(negatives) / len(positives)
                z[j] += slope
                z[i] -= slope
        return loss, z

    def tables(self):
        def same(value):
            return value

        outer = {(0, task): value for task, value in self.outer.items()}
        return [("threshold", self.nu, same), ("weight", self.y, same), ("task_threshold", outer, same)]


def two_way(scores, target, max_fpr, min_tpr, surrogate="squared_hinge"):
    """The objective at its optimum over ν, ν' and y: the worst positives against the best negatives."""
    return cvar([cvar(row, max_fpr) for row in pair_losses(scores, target, surrogate)], 1 - min_tpr)


def bottom_by_top(scores, target, k1, k2, surrogate="squared_hinge"):
    """By definition: sum over the k₁ lowest positives and the k₂ highest negatives, divided by the number of pairs."""
    value = ELL[surrogate][0]
    positives, negatives = sorted(scores[target == 1].tolist()), sorted(scores[target == 0].tolist(), reverse=True)
    pairs = [value(b - a, 1.0) for a in positives[:k1] for b in negatives[:k2]]
    return sum(pairs) / len(positives) / len(negatives)


@EACH_SURROGATE
def test_autograd_matches_algorithm_31_over_100_steps_and_a_restore(surrogate):
    options = {"surrogate": surrogate, "margin": 0.7, "max_fpr": 0.57, "min_tpr": 0.6, "dual_lr": 0.3}
    reference = Algorithm31(0.57, 0.6, 0.3, surrogate, 0.7)
    follow(lambda: STACOLoss(40, **options).double(), reference, batches())
    assert {0.0, 1.0} < reference.weights  # the weights reached both bounds and values in between


def test_each_task_matches_algorithm_31_with_missing_labels_and_duplicates():
    """Each row of a duplicated new item uses its own start; the tables store their mean after one step."""
    options = {"max_fpr": 0.43, "min_tpr": 0.7, "dual_lr": 0.3}
    follow(lambda: STACOLoss(15, 5, **options).double(), Algorithm31(**options), ragged())


def test_y_is_maximised_despite_the_misprinted_sign():
    """The lowest-ranked positive keeps y = 1 and the highest loses it, because (6.32) is a maximum over y."""
    logits = torch.tensor([-2.0, 2.0, 0.1, 0.0, -0.1], dtype=torch.float64)
    target = torch.tensor([1.0, 1, 0, 0, 0], dtype=torch.float64)
    loss_fn = STACOLoss(5, max_fpr=0.5, min_tpr=0.5, dual_lr=0.2).double()
    for _ in range(500):
        loss_fn(logits, target, torch.arange(5))
    assert loss_fn.weight.value[:2].tolist() == [1, 0]


@pytest.mark.parametrize("surrogate", sorted(set(ELL) - {"squared"}))  # squared is not monotone
def test_full_batches_converge_to_the_optimum(surrogate):
    logits, target, index = fixed(6, 20)
    expected = bottom_by_top(logits, target, 3, 5, surrogate)
    loss_fn = STACOLoss(26, surrogate=surrogate, max_fpr=0.25, min_tpr=0.5, dual_lr=0.2).double()
    loss_fn(logits.flip(0), target, index)  # start from other thresholds
    assert abs(loss_fn(logits, target, index).item() - expected) > 1e-3
    for _ in range(2000):
        loss = loss_fn(logits, target, index)
    assert loss.item() == pytest.approx(expected, abs=1e-12)
    lowest = logits[:6].argsort()
    assert (loss_fn.weight.value[lowest[:3]] == 1).all()
    assert (loss_fn.weight.value[lowest[3:]] == 0).all()


@pytest.mark.parametrize(("max_fpr", "min_tpr"), [(0.25, 0.5), (0.3, 0.2), (1 / 3, 0.95), (1.0, 0.6), (0.4, 0.0)])
@pytest.mark.parametrize("surrogate", ["squared_hinge", "logistic"])
def test_eval_gives_the_optimum_even_if_it_splits_a_pair(surrogate, max_fpr, min_tpr):
    options = {"surrogate": surrogate, "max_fpr": max_fpr, "min_tpr": min_tpr}
    loss_fn = STACOLoss(26, **options).double().eval()
    before = tables(loss_fn)
    for seed in range(5):
        logits, target, index = fixed(6, 20, seed)
        expected = two_way(logits, target, max_fpr, min_tpr, surrogate)
        assert loss_fn(logits, target).item() == pytest.approx(expected, abs=1e-12)
        assert loss_fn(logits, target, index).item() == pytest.approx(expected, abs=1e-12)
    assert unchanged(before, loss_fn)
    logits, target, index = fixed(5, 7, seed=1)
    assert torch.autograd.gradcheck(lambda scores: loss_fn(scores, target), (logits.clone().requires_grad_(),))
    two = STACOLoss(12, 2, **options).double().eval()
    logits, target = torch.stack([logits, logits.sin()], 1), torch.stack([target, target.flip(0)], 1)
    assert torch.autograd.gradcheck(lambda scores: two(scores, target), (logits.requires_grad_(),))


def test_eval_matches_the_definition_for_whole_counts():
    logits, target, _ = fixed(6, 20)
    for k1, k2 in ((1, 1), (3, 5), (2, 20), (6, 7)):
        loss_fn = STACOLoss(26, max_fpr=k2 / 20, min_tpr=1 - k1 / 6).double().eval()
        assert loss_fn(logits, target).item() == pytest.approx(bottom_by_top(logits, target, k1, k2), abs=1e-12)


def test_eval_with_missing_labels_is_the_mean_over_tasks():
    logits, target = holes(4)
    expected = mean(two_way(logits[:, t], target[:, t], 0.3, 0.6) for t in (0, 1, 3))
    loss_fn = STACOLoss(30, 4, max_fpr=0.3, min_tpr=0.6).double().eval()
    assert loss_fn(logits, target).item() == pytest.approx(expected, abs=1e-12)


def test_min_tpr_zero_equals_one_way_partial_auc():
    logits, target, _ = fixed(6, 20)
    one_way = SOPALoss(26, max_fpr=0.3).double().eval()(logits, target).item()
    assert STACOLoss(26, max_fpr=0.3, min_tpr=0.0).double().eval()(logits, target).item() == pytest.approx(one_way)


def test_small_steps_converge_to_the_duals_of_the_whole_data_set():
    """With a quarter of each class per batch, y ends at 1 for the lower half of the positives, ν at their quantiles."""
    torch.manual_seed(0)
    scores, target, _ = fixed(16, 200)
    loss_fn = STACOLoss(216, surrogate="logistic", max_fpr=0.25, min_tpr=0.5, dual_lr=0.03).double()
    values = []
    for _ in range(3_000):
        index = torch.cat([torch.randperm(16)[:4], 16 + torch.randperm(200)[:50]])
        values.append(loss_fn(scores[index], target[index], index).item())
    y, nu = loss_fn.weight.value[:16], loss_fn.threshold.value[:16]
    order = scores[:16].argsort()
    assert y[order[:6]].min() > 0.9  # the two next to the boundary gain almost nothing in either direction
    assert y[order[10:]].max() < 0.1
    losses = torch.nn.functional.softplus(scores[None, 16:] - scores[:16, None])
    share = (losses > nu[:, None]).double().mean(1)
    assert (share[order[:6]] - 0.25).abs().max() < 0.03
    inner = torch.tensor([cvar(row, 0.25) / 0.25 for row in losses.tolist()]).sort(descending=True).values
    assert inner[9] - 0.02 < loss_fn.task_threshold.value[0] < inner[6] + 0.02
    expected = bottom_by_top(scores, target, 8, 50, "logistic")
    assert mean(values[-2000:]) == pytest.approx(expected, rel=0.02)


def test_monitor_reports_the_tracked_objective():
    loss_fn = STACOLoss(26, gamma=0.25, max_fpr=0.25, dual_lr=0.2).double()
    assert math.isnan(loss_fn.monitor()["objective"])
    logits, target, index = fixed(6, 20)
    first, second = loss_fn(logits, target, index).item(), loss_fn(logits.flip(0), target, index).item()
    assert loss_fn.monitor()["objective"] == pytest.approx(0.75 * first + 0.25 * second, rel=1e-6)
    assert loss_fn.monitor()["seen"] == pytest.approx(6 / 26)
    for _ in range(2000):
        loss_fn(logits, target, index)
    assert loss_fn.monitor()["objective"] == pytest.approx(bottom_by_top(logits, target, 3, 5), rel=1e-6)
