import math

import pytest
import torch

from tests.losses.references import EACH_SURROGATE, ELL, batches, follow, ragged, sides
from xgraph.losses import PairwiseAUCLoss


class AllPairs:
    """Method 1 of section 6.4.1, one pair at a time in Python floats."""

    def __init__(self, surrogate="squared_hinge", margin=1.0):
        self.margin, (self.value, self.slope) = margin, ELL[surrogate]

    def step(self, scores, labels, index=None, task=0):
        """The loss and its gradient; None if the batch does not hold both classes."""
        if (classes := sides(labels)) is None:
            return None
        count = len(classes[0]) * len(classes[1])
        z, loss = [0.0] * len(scores), 0.0
        for i in classes[0]:
            for j in classes[1]:
                loss += self.value(scores[j] - scores[i], self.margin) / count
                slope = self.slope(scores[j] - scores[i], self.margin) / count
                z[j] += slope
                z[i] -= slope
        return loss, z

    def tables(self):
        return []


@pytest.mark.parametrize("mode", ["train", "eval"])
@EACH_SURROGATE
def test_autograd_matches_the_mean_over_pairs(surrogate, mode):
    options = {"surrogate": surrogate, "margin": 0.7}

    def make():
        return PairwiseAUCLoss(40, **options).double().train(mode == "train")

    follow(make, AllPairs(surrogate, 0.7), batches(30), tolerance=1e-12)


def test_tasks_have_equal_weight_with_missing_labels():
    follow(lambda: PairwiseAUCLoss(15, 5).double(), AllPairs(), ragged(30), tolerance=1e-12)


def test_steep_sigmoid_counts_misordered_pairs():
    """With a surrogate close to the indicator, the loss is one minus the AUC."""
    from sklearn.metrics import roc_auc_score

    from xgraph.losses import Sigmoid

    torch.manual_seed(0)
    logits, target = torch.randn(60, dtype=torch.float64), (torch.arange(60) < 20).double()
    loss = PairwiseAUCLoss(60, surrogate=Sigmoid(1e6)).double()(logits, target)
    assert 1 - loss.item() == pytest.approx(roc_auc_score(target, logits), abs=1e-9)


def test_squared_surrogate_has_a_closed_form_in_class_moments():
    """mean (m + b − a)² = var₊ + var₋ + (m + mean₋ − mean₊)²: the link to the AUC margin loss."""
    torch.manual_seed(0)
    logits, target = torch.randn(50, dtype=torch.float64), (torch.arange(50) < 15).double()
    a, b = logits[:15], logits[15:]
    expected = a.var(correction=0) + b.var(correction=0) + (0.3 + b.mean() - a.mean()) ** 2
    loss = PairwiseAUCLoss(50, surrogate="squared", margin=0.3).double()(logits, target)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-12)


def test_gamma_only_smooths_the_monitored_objective():
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


def test_random_batches_average_to_the_objective_of_the_whole_data_set():
    torch.manual_seed(0)
    logits, target = torch.randn(60, dtype=torch.float64), (torch.arange(60) < 12).double()
    loss_fn, values = PairwiseAUCLoss(60).double(), []
    for _ in range(2_000):
        index = torch.cat([torch.randperm(12)[:3], 12 + torch.randperm(48)[:8]])
        values.append(loss_fn(logits[index], target[index], index))
    expected, _ = AllPairs().step(logits.tolist(), target.tolist())
    assert torch.stack(values).mean().item() == pytest.approx(expected, rel=0.02)
