import math

import pytest
import torch
from torch.nn import functional as F

from tests.losses.references import EACH_SURROGATE, ELL, NAN, batches, follow, ragged
from xgraph.losses import BCELoss, KLDROLoss


class Algorithm24:
    """Algorithm 24 in linear space, one sample at a time in Python floats; with (6.16) if rho is given."""

    def __init__(self, gamma, temperature, rho=None, floor=0.1, lr=0.01, surrogate="logistic", margin=1.0):
        self.gamma, self.start, self.rho, self.floor, self.lr = gamma, temperature, rho, floor, lr
        self.margin, self.u, self.tau = margin, {}, {}
        self.value, self.slope = ELL[surrogate]

    def step(self, scores, labels, index=None, task=0):
        """The loss and d loss / d scores of one task; None if the batch has no labels for it."""
        known = [i for i, y in enumerate(labels) if y == y]
        signs = [-1 if y == 1 else 1 for y in labels]  # a positive should score high
        losses = {i: self.value(signs[i] * scores[i], self.margin) for i in known}
        result = self.reduce(losses, task)
        if result is None:
            return None
        z = [0.0] * len(scores)
        for i, p in result[1].items():
            z[i] = p * signs[i] * self.slope(signs[i] * scores[i], self.margin) / len(known)
        return result[0], z

    def reduce(self, losses, task=0):
        """The loss and each sample's weight p."""
        if not losses:
            return None
        tau, n = self.tau.setdefault(task, self.start), len(losses)
        mean = sum(math.exp(ell / tau) for ell in losses.values()) / n
        old = self.u.get(task, mean)
        assert old < mean * math.exp(45)  # states this far above would have been restarted
        u = self.u[task] = (1 - self.gamma) * old + self.gamma * mean
        p = {i: math.exp(ell / tau) / u for i, ell in losses.items()}
        loss = tau * math.log(u)
        if self.rho is not None:
            loss += tau * self.rho
            z = math.log(u) + self.rho - sum(p[i] * ell / tau for i, ell in losses.items()) / n
            self.tau[task] = max(self.floor, tau - self.lr * z)
        return loss, p

    def tables(self):
        log_means = {(0, task): u for task, u in self.u.items()}
        temperatures = {(0, task): tau for task, tau in self.tau.items()}
        learned = [] if self.rho is None else [("temperature_state", temperatures, lambda value: value)]
        return [("track", log_means, torch.exp), *learned]


def batch(size, tasks=1, spread=1.0):
    logits = (spread * torch.randn(size, tasks, dtype=torch.float64)).requires_grad_()
    return logits, (torch.rand(size, tasks) < 0.3).double()


def cross_entropy(logits, target):
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none")


@EACH_SURROGATE
@pytest.mark.parametrize("learnable", [False, True])
def test_autograd_matches_algorithm_24_over_100_steps_and_a_restore(surrogate, learnable):
    options = {"surrogate": surrogate, "margin": 0.7, "gamma": 0.1, "temperature": 0.9, "learnable": learnable}
    options |= {"rho": 0.3, "min_temperature": 0.4, "temperature_lr": 0.01}
    reference = Algorithm24(0.1, 0.9, 0.3 if learnable else None, 0.4, 0.01, surrogate, 0.7)
    follow(lambda: KLDROLoss(40, **options).double(), reference, batches(spread=0.5))
    if learnable:
        assert abs(reference.tau[0] - 0.9) > 1e-3  # the temperature has changed


@pytest.mark.parametrize("learnable", [False, True])
def test_tasks_have_their_own_states_and_temperatures(learnable):
    """A label of either class is enough; a task without labels keeps its state and its temperature."""
    options = {"gamma": 0.3, "temperature": 0.8, "learnable": learnable, "rho": 0.2, "temperature_lr": 0.02}
    reference = Algorithm24(0.3, 0.8, 0.2 if learnable else None, 0.1, 0.02)
    follow(lambda: KLDROLoss(15, 5, **options).double(), reference, ragged(100, size=4, missing=0.5, empty=True))
    assert set(reference.u) == {0, 1, 2, 3}


def temperature(loss_fn):
    """The temperature of the first task, from the value of the loss: τ (v + ρ) for one sample of loss 0."""
    probe = KLDROLoss(1, learnable=True, rho=1.0).double().eval()
    probe.load_state_dict(loss_fn.state_dict())
    return probe.reduce(torch.zeros(1, dtype=torch.float64)).item()


def test_temperature_converges_to_the_optimum_of_6_16():
    """On the full batch with γ = 1, the value becomes the minimum over τ of τ log mean exp(ℓ/τ) + τρ."""
    torch.manual_seed(2)
    losses = torch.rand(50, dtype=torch.float64) * 4
    loss_fn = KLDROLoss(50, gamma=1.0, learnable=True, rho=0.2, temperature_lr=0.1).double()
    assert temperature(loss_fn) == 1.0
    for _ in range(800):
        value = loss_fn.reduce(losses).item()
    grid = torch.linspace(0.1, 10, 100_000, dtype=torch.float64)
    objective = torch.cat([g * ((losses[None] / g[:, None]).exp().mean(1).log() + 0.2) for g in grid.split(10_000)])
    best = grid[objective.argmin()].item()
    assert 0.5 < best < 5
    assert best != pytest.approx(1.0, abs=0.1)  # not the initial value
    assert temperature(loss_fn) == pytest.approx(best, abs=1e-3)
    assert value == pytest.approx(objective.min().item(), abs=1e-6)


def test_temperature_stops_at_its_lower_bound():
    loss_fn = KLDROLoss(8, learnable=True, rho=5.0, min_temperature=0.7, temperature_lr=0.05).double()
    torch.manual_seed(3)
    seen = []
    for _ in range(40):
        loss_fn(*batch(8))
        seen.append(temperature(loss_fn))
    assert 0.7 < seen[0] < 1.0
    assert seen[-1] == pytest.approx(0.7, abs=1e-7)
    assert min(seen) >= 0.7 - 1e-7


def test_eval_uses_the_temperature_without_changing_it():
    torch.manual_seed(4)
    loss_fn = KLDROLoss(20, learnable=True, rho=0.4, temperature_lr=0.2).double()
    for _ in range(5):
        loss_fn(*batch(20))
    tau = temperature(loss_fn)
    assert tau != pytest.approx(1.0, abs=0.05)
    loss_fn.eval()
    logits, target = batch(20)
    expected = tau * ((cross_entropy(logits, target) / tau).exp().mean().log() + 0.4)
    for _ in range(2):
        assert loss_fn(logits, target).item() == pytest.approx(expected.item(), abs=1e-10)
    assert temperature(loss_fn) == tau


@pytest.mark.parametrize("training", [True, False])
def test_gamma_one_on_the_full_batch_equals_the_closed_form(training):
    """(6.11) with cross-entropy holds with γ = 1 in training, and with any γ and any history in evaluation."""
    torch.manual_seed(5)
    loss_fn = KLDROLoss(30, 2, gamma=1.0 if training else 0.1, temperature=0.6).double()
    loss_fn(*batch(30, 2))
    loss_fn.train(training)
    logits, target = batch(30, 2)
    target[:9, 1] = NAN
    columns = [cross_entropy(logits[:, 0], target[:, 0]), cross_entropy(logits[9:, 1], target[9:, 1])]
    expected = sum(0.6 * (column / 0.6).exp().mean().log() for column in columns) / 2
    loss = loss_fn(logits, target)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-12)
    grads = [torch.autograd.grad(value, logits)[0] for value in (loss, expected)]
    torch.testing.assert_close(*grads, atol=1e-12, rtol=1e-12)


def test_temperature_interpolates_between_mean_and_maximum():
    torch.manual_seed(7)
    logits, target = batch(20)
    plain = cross_entropy(logits, target)
    mild, sharp = (KLDROLoss(20, temperature=t).double().eval()(logits, target).item() for t in (1e6, 1e-5))
    assert mild == pytest.approx(BCELoss(20)(logits, target).item(), rel=1e-5)
    assert sharp == pytest.approx(plain.max().item(), rel=1e-3)


def test_reduce_accepts_per_item_losses_of_any_kind():
    """For example multi-class cross-entropy: 100 steps of Algorithm 24 on the losses."""
    torch.manual_seed(8)
    loss_fn = KLDROLoss(40, gamma=0.2, temperature=0.7).double()
    reference = Algorithm24(0.2, 0.7)
    for _ in range(100):
        logits = torch.randn(9, 5, dtype=torch.float64, requires_grad=True)
        losses = F.cross_entropy(logits, torch.randint(5, (9,)), reduction="none")
        expected, p = reference.reduce(dict(enumerate(losses.tolist())))
        weights = torch.tensor([p[i] / 9 for i in range(9)], dtype=torch.float64)
        (z,) = torch.autograd.grad(losses, logits, weights, retain_graph=True)
        loss = loss_fn.reduce(losses)
        loss.backward()
        assert loss.item() == pytest.approx(expected, abs=1e-8)
        torch.testing.assert_close(logits.grad, z, atol=1e-8, rtol=1e-8)


def test_reduce_ignores_unknown_losses():
    torch.manual_seed(9)
    one, other = (KLDROLoss(40, 3, gamma=0.2, temperature=0.7, learnable=True).double() for _ in range(2))
    for _ in range(20):
        logits, target = batch(8, 3)
        target[torch.rand(8, 3) < 0.3] = NAN
        target[:, 2] = NAN
        expected = one(logits, target)
        known = ~target.isnan()
        losses = cross_entropy(logits, target)  # NaN where the label is missing
        loss = other.reduce(losses, known)
        assert loss.item() == pytest.approx(expected.item(), abs=1e-12)
        (grad,) = torch.autograd.grad(expected, logits)
        filled = cross_entropy(logits, target.nan_to_num())
        (same,) = torch.autograd.grad(other.eval().reduce(filled, known), logits)
        (exact,) = torch.autograd.grad(one.eval()(logits, target), logits)
        torch.testing.assert_close(same, exact)
        assert not torch.equal(grad, exact)
        one.train()
        other.train()
    for key, value in one.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[key])


def test_reduce_without_known_losses_gives_zero_loss_and_gradients():
    loss_fn = KLDROLoss(40)
    losses = torch.rand(4, requires_grad=True)
    loss = loss_fn.reduce(losses, torch.zeros(4, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(losses.grad, torch.zeros(4))
    assert not loss_fn.track.seen.any()


def test_small_gamma_converges_to_the_inner_value_of_the_whole_data_set():
    torch.manual_seed(0)
    logits, target = torch.randn(200, dtype=torch.float64), (torch.arange(200) < 60).double()
    expected = cross_entropy(logits, target).exp().mean().log()
    loss_fn = KLDROLoss(200, gamma=0.01).double()
    for _ in range(2_000):
        index = torch.randint(200, (8,))
        loss_fn(logits[index], target[index], index)
    assert (loss_fn.track.value[0] - expected).expm1().abs() < 0.08


def test_state_far_above_its_newest_estimate_restarts():
    loss_fn = KLDROLoss(4, gamma=0.1).double()
    loss_fn(torch.full((4,), -200.0).double(), torch.ones(4))
    assert loss_fn.track.value[0].item() == pytest.approx(200.0, abs=1e-9)
    torch.manual_seed(10)
    logits, target = batch(4)
    loss = loss_fn(logits, target)
    (grad,) = torch.autograd.grad(loss, logits)
    plain = loss_fn.eval()(logits, target)
    assert loss.item() == pytest.approx(plain.item(), abs=1e-12)
    torch.testing.assert_close(grad, torch.autograd.grad(plain, logits)[0])


def test_state_slightly_above_its_newest_estimate_does_not_restart():
    """Small weights are part of the algorithm: nothing is cut off within 20 log units."""
    loss_fn = KLDROLoss(4, gamma=0.1).double()
    loss_fn(torch.full((4,), -8.0).double(), torch.ones(4))
    loss_fn(torch.zeros(4).double(), torch.ones(4))
    expected = math.log(0.9 * math.exp(8 + math.log1p(math.exp(-8))) + 0.1 * 2)
    assert loss_fn.track.value[0].item() == pytest.approx(expected, abs=1e-9)


def test_largest_losses_at_the_lowest_temperature_are_finite():
    assert KLDROLoss(4, temperature=1e-3).reduce(torch.tensor([0.0, 1e15])).isfinite()
