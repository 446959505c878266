import math

import pytest
import torch

from tests.losses.references import EACH_SURROGATE, ELL, NAN, batches, follow, ragged, sides
from xgraph.losses import SOPAsLoss


class Algorithm30:
    """Algorithm 30 in linear space, one pair at a time in Python floats: u, the weights p and z."""

    def __init__(self, gamma, temperature, surrogate="squared_hinge", margin=1.0):
        self.gamma, self.tau, self.margin, self.u = gamma, temperature, margin, {}
        self.value, self.slope = ELL[surrogate]

    def step(self, scores, labels, index, task=0):
        """The loss and d loss / d scores of one task; None if the batch does not hold both classes."""
        if (classes := sides(labels)) is None:
            return None
        positives, negatives = classes

        def exp(i, j):
            return math.exp(self.value(scores[j] - scores[i], self.margin) / self.tau)

        estimates = {}
        for i in positives:
            estimate = sum(exp(i, j) for j in negatives) / len(negatives)
            estimates.setdefault((index[i], task), []).append(estimate)
        for key, result in estimates.items():
            mean = sum(result) / len(result)
            old = self.u.get(key, mean)
            assert old < mean * math.exp(45)  # states this far above would have been restarted
            self.u[key] = (1 - self.gamma) * old + self.gamma * mean
        z, loss = [0.0] * len(scores), 0.0
        for i in positives:
            u = self.u[(index[i], task)]
            loss += self.tau * math.log(u) / len(positives)
            for j in negatives:
                p = exp(i, j) / u
                slope = p * self.slope(scores[j] - scores[i], self.margin) / len(positives) / len(negatives)
                z[j] += slope
                z[i] -= slope
        return loss, z

    def tables(self):
        return [("track", self.u, torch.exp)]


def inner(scores, positive, negative, temperature, margin=1.0):
    """log mean_j exp(ℓ_ij / τ) for each positive, with the squared hinge."""
    ell = (margin + scores[negative][None] - scores[positive][:, None]).clamp_min(0) ** 2
    return (ell / temperature).exp().mean(1).log()


@EACH_SURROGATE
def test_autograd_matches_algorithm_30_over_100_steps_and_a_restore(surrogate):
    options = {"surrogate": surrogate, "margin": 0.7, "gamma": 0.1, "temperature": 0.8}
    reference = Algorithm30(0.1, 0.8, surrogate, 0.7)
    follow(lambda: SOPAsLoss(40, **options).double(), reference, batches(spread=0.7))


def test_each_task_matches_algorithm_30_with_missing_labels_and_duplicates():
    follow(lambda: SOPAsLoss(15, 5, gamma=0.3, temperature=1.5).double(), Algorithm30(0.3, 1.5), ragged())


@pytest.mark.parametrize("training", [True, False])
def test_gamma_one_on_the_full_batch_equals_the_closed_form(training):
    """(6.28) holds with γ = 1 in training, and with any γ and any history in evaluation."""
    torch.manual_seed(2)
    target = (torch.arange(30) < 7).double()
    loss_fn = SOPAsLoss(30, gamma=1.0 if training else 0.1, temperature=0.6).double()
    loss_fn(torch.randn(30).double(), target, torch.arange(30))
    loss_fn.train(training)
    logits = torch.randn(30, dtype=torch.float64, requires_grad=True)
    expected = 0.6 * inner(logits, target == 1, target == 0, 0.6).mean()
    loss = loss_fn(logits, target, torch.arange(30))
    assert loss.item() == pytest.approx(expected.item(), abs=1e-12)
    grads = [torch.autograd.grad(value, logits)[0] for value in (loss, expected)]
    torch.testing.assert_close(*grads, atol=1e-12, rtol=1e-12)


def test_eval_treats_tasks_separately():
    torch.manual_seed(4)
    logits = torch.randn(40, 3, dtype=torch.float64)
    target = (torch.rand(40, 3) < 0.3).double()
    target[torch.rand(40, 3) < 0.2] = NAN
    target[target[:, 2] == 1, 2] = NAN  # a task without positives
    terms = [0.5 * inner(logits[:, t], target[:, t] == 1, target[:, t] == 0, 0.5).mean() for t in (0, 1)]
    loss = SOPAsLoss(40, 3, temperature=0.5).double().eval()(logits, target)
    assert loss.item() == pytest.approx(sum(terms).item() / 2, abs=1e-12)


def test_temperature_interpolates_between_mean_and_maximum():
    logits = torch.randn(20, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    target = (torch.arange(20) < 5).double()
    ell = (1 + logits[5:][None] - logits[:5, None]).clamp_min(0) ** 2
    mild, sharp = (SOPAsLoss(20, temperature=t).double().eval()(logits, target).item() for t in (1e6, 1e-5))
    assert mild == pytest.approx(ell.mean().item(), rel=1e-4)
    assert sharp == pytest.approx(ell.amax(1).mean().item(), rel=1e-4)


def test_small_gamma_converges_to_the_inner_values_of_the_whole_data_set():
    torch.manual_seed(0)
    scores = 0.5 * torch.randn(50, dtype=torch.float64)
    target = (torch.arange(50) < 10).double()
    expected = inner(scores, target == 1, target == 0, 2.0)
    loss_fn = SOPAsLoss(50, gamma=0.01, temperature=2.0).double()
    for _ in range(2_000):
        index = torch.cat([torch.randperm(10)[:2], 10 + torch.randperm(40)[:8]])
        loss_fn(scores[index], target[index], index)
    error = (loss_fn.track.value[:10] - expected).expm1().abs()
    assert error.mean() < 0.09  # remaining noise: (γ / 2)^½ times that of one batch
    assert error.max() < 0.22


def test_only_items_far_above_their_newest_estimate_restart():
    """At 441 above, the gradient would vanish for thousands of updates. At 36 above, Algorithm 30 applies."""
    target, index = torch.tensor([1.0, 1.0, 0.0, 0.0]).double(), torch.arange(4)
    loss_fn = SOPAsLoss(4, gamma=0.1, temperature=1.0).double()
    loss_fn(torch.tensor([-20.0, -5.0, 0.0, 0.0]).double(), target, index)
    assert loss_fn.track.value[:2].tolist() == [441.0, 36.0]
    logits = torch.tensor([0.0, 0.5, 0.1, 0.2], dtype=torch.float64, requires_grad=True)
    loss_fn(logits, target, index).backward()
    q = inner(logits.detach(), target == 1, target == 0, 1.0).tolist()
    assert loss_fn.track.value[0].item() == pytest.approx(q[0], abs=1e-12)
    assert loss_fn.track.value[1].item() == pytest.approx(math.log(0.9 * math.exp(36) + 0.1 * math.exp(q[1])), abs=1e-9)
    fresh = SOPAsLoss(4).double()(logits, target, index)
    reference = torch.autograd.grad(fresh, logits)[0]
    assert logits.grad[0].item() == pytest.approx(reference[0].item(), abs=1e-12)
    assert abs(logits.grad[1]) < 1e-10
