import math

import pytest
import torch
from torch.nn import functional as F

from tests.losses.references import ELL, batches, follow, mean, quantile, ragged
from xgraph.losses import CVaRDROLoss, SquaredError


class Algorithm:
    """(6.117) with ν by descent, one sample at a time in Python floats."""

    def __init__(self, alpha, dual_lr, surrogate="logistic", margin=1.0, reference=None):
        self.alpha, self.dual_lr, self.margin, self.nu = alpha, dual_lr, margin, {}
        self.value, self.slope = ELL[surrogate]
        self.reference = reference  # by item and task

    def step(self, scores, labels, index, task=0):
        """The loss and d loss / d scores of one task; None if the batch has no labels for it."""
        rows = [i for i, y in enumerate(labels) if y == y]
        own = {}
        for i in rows:
            sign = -1 if labels[i] == 1 else 1
            above = self.value(sign * scores[i], self.margin)
            if self.reference is not None:
                above -= self.reference[index[i]][task]
            if above == above:
                own[i] = above, sign * self.slope(sign * scores[i], self.margin)
        if not own:
            return None
        losses = [above for above, _ in own.values()]
        nu = self.nu.get(task, quantile(losses, 1 - self.alpha))
        z = [0.0] * len(scores)
        for i, (above, slope) in own.items():
            z[i] = (above > nu) * slope / self.alpha / len(own)
        share = mean(above > nu for above in losses)
        self.nu[task] = nu - self.dual_lr * (self.alpha - share)
        return nu + mean(max(above - nu, 0.0) for above in losses) / self.alpha, z

    def tables(self):
        return [("threshold", {(0, task): nu for task, nu in self.nu.items()}, lambda value: value)]


@pytest.mark.parametrize("surrogate", ["logistic", "squared_hinge", "sigmoid"])
def test_autograd_matches_the_algorithm_over_100_steps_and_a_restore(surrogate):
    options = {"surrogate": surrogate, "margin": 0.7, "alpha": 0.3, "dual_lr": 0.05}
    reference = Algorithm(0.3, 0.05, surrogate, 0.7)
    follow(lambda: CVaRDROLoss(40, **options).double(), reference, batches(size=9))


def test_each_task_matches_the_algorithm_with_missing_labels_and_a_reference():
    """A label that the reference model does not have is left out; its losses may be larger than those of the model."""
    generator = torch.Generator().manual_seed(0)
    table = torch.rand(15, 5, dtype=torch.float64, generator=generator) * 3
    table[torch.rand(15, 5, generator=generator) < 0.2] = math.nan
    reference = Algorithm(0.4, 0.1, reference=table.tolist())
    data = ragged(100, size=5, missing=0.4, empty=True)
    follow(lambda: CVaRDROLoss(15, 5, alpha=0.4, dual_lr=0.1, reference=table).double(), reference, data)
    assert min(reference.nu.values()) < 0


@pytest.mark.parametrize("alpha", [0.05, 0.3, 0.625, 1.0])
def test_eval_and_a_long_training_on_the_whole_data_give_the_mean_of_the_largest(alpha):
    torch.manual_seed(0)
    losses = 2 * torch.randn(40, dtype=torch.float64)
    count = 40 * alpha
    ordered = losses.sort(descending=True).values
    part = (torch.arange(1, 41).clamp(max=count) - torch.arange(40).clamp(max=count)).double()
    expected = (part * ordered).sum().item() / count
    loss_fn = CVaRDROLoss(40, alpha=alpha, dual_lr=0.02).double()
    for _ in range(4000):
        found = loss_fn.reduce(losses)
    assert found.item() == pytest.approx(expected, abs=0.02 / alpha)
    assert loss_fn.eval().reduce(losses).item() == pytest.approx(expected)


def test_a_share_of_one_is_the_plain_mean_for_any_threshold():
    losses = torch.rand(30, dtype=torch.float64)
    assert CVaRDROLoss(30, alpha=1.0).double().reduce(losses).item() == pytest.approx(losses.mean().item())


def test_an_extreme_batch_does_not_stop_training_for_long():
    loss_fn = CVaRDROLoss(4, alpha=0.5, dual_lr=0.1)
    loss_fn(torch.full((4,), -1e6), torch.ones(4))
    assert loss_fn.threshold.value.item() == pytest.approx(1e6, rel=1e-3)
    logits = torch.tensor([0.0, 0.5, -0.5, 1.0], requires_grad=True)
    loss_fn(logits, torch.ones(4)).backward()
    assert loss_fn.threshold.value.item() < 1
    assert logits.grad.any()


def test_numbers():
    """Errors of predictions, and a reference of the same kind."""
    target, reference = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.0, 4.0, 1.0])
    loss_fn = CVaRDROLoss(3, surrogate=SquaredError(), alpha=1 / 3, reference=reference).eval()
    losses = torch.tensor([0.25, 9.0, 1.0])  # above the reference: .25, 5, 0
    found = loss_fn(target + losses.sqrt(), target, torch.arange(3))
    assert found.item() == pytest.approx(5.0)


def test_monitor_reports_the_threshold():
    loss_fn = CVaRDROLoss(20, 2, gamma=1.0, alpha=0.5)
    assert math.isnan(loss_fn.monitor()["objective"])
    loss = loss_fn(torch.randn(20, 2), torch.tensor([[1.0, math.nan]] * 20), torch.arange(20))
    report = loss_fn.monitor()
    assert report["objective"] == pytest.approx(loss.item())
    assert report["seen"] == 0.5
    assert report["threshold"] == pytest.approx(loss_fn.threshold.value[0].item())


def test_reference_is_ahead_of_the_plain_form_where_labels_are_wrong():
    """The plain form trains on the tenth of labels that are flipped; the reference knows that they cannot be fit."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(400, 3, generator=generator)
    truth = torch.tensor([2.0, -1.0, 0.5])
    clean = (x @ truth + 0.5 * torch.randn(400, generator=generator) > 0).float()
    noisy = torch.where(torch.rand(400, generator=generator) < 0.1, 1 - clean, clean)
    scores = x @ truth * 1.2
    reference = F.binary_cross_entropy_with_logits(scores, noisy, reduction="none")
    errors = {}
    for name, table in (("plain", None), ("reference", reference)):
        loss_fn, w = CVaRDROLoss(400, alpha=0.1, reference=table), torch.zeros(3, requires_grad=True)
        optimiser = torch.optim.Adam([w], lr=0.05)
        for _ in range(300):
            index = torch.randint(400, (50,), generator=generator)
            optimiser.zero_grad()
            loss_fn(x[index] @ w, noisy[index], index).backward()
            optimiser.step()
        errors[name] = ((x @ w.detach() > 0) != clean.bool()).float().mean().item()
    assert errors["reference"] < errors["plain"] - 0.03
