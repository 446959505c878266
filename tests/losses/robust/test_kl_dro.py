import math

import pytest
import torch
from torch.nn import functional as F

from xgraph.losses import BCELoss, KLDROLoss

NAN = float("nan")
ELL = {
    "squared_hinge": (lambda s, m: max(m + s, 0.0) ** 2, lambda s, m: 2 * max(m + s, 0.0)),
    "hinge": (lambda s, m: max(m + s, 0.0), lambda s, m: float(m + s > 0)),
    "squared": (lambda s, m: (m + s) ** 2, lambda s, m: 2 * (m + s)),
    "logistic": (lambda s, m: math.log1p(math.exp(s)), lambda s, m: 1 / (1 + math.exp(-s))),
    "sigmoid": (lambda s, m: 1 / (1 + math.exp(-s)), lambda s, m: math.exp(-s) / (1 + math.exp(-s)) ** 2),
}


class Algorithm24:
    """The chapter's algorithm in linear space, one sample at a time in Python floats; with (6.16) if rho is given."""

    def __init__(self, gamma, temperature, rho=None, floor=0.1, lr=0.01, surrogate="logistic", margin=1.0):
        self.gamma, self.start, self.rho, self.floor, self.lr = gamma, temperature, rho, floor, lr
        self.margin, self.u, self.tau = margin, {}, {}
        self.value, self.slope = ELL[surrogate]

    def step(self, scores, labels, task=0):
        """The loss and d loss / d scores of one task; None if the batch has no label of it."""
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
        assert old < mean * math.exp(45)  # no state that far above is meant to survive
        u = self.u[task] = (1 - self.gamma) * old + self.gamma * mean
        p = {i: math.exp(ell / tau) / u for i, ell in losses.items()}
        loss = tau * math.log(u)
        if self.rho is not None:
            loss += tau * self.rho
            z = math.log(u) + self.rho - sum(p[i] * ell / tau for i, ell in losses.items()) / n
            self.tau[task] = max(self.floor, tau - self.lr * z)
        return loss, p


def batch(size, tasks=1, spread=1.0):
    logits = (spread * torch.randn(size, tasks, dtype=torch.float64)).requires_grad_()
    return logits, (torch.rand(size, tasks) < 0.3).double()


def cross_entropy(logits, target):
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none")


@pytest.mark.parametrize("surrogate", sorted(ELL))
@pytest.mark.parametrize("learnable", [False, True])
def test_autograd_is_algorithm_24_over_100_steps_and_a_restore(surrogate, learnable):
    torch.manual_seed(0)
    options = {"surrogate": surrogate, "margin": 0.7, "gamma": 0.1, "temperature": 0.9, "learnable": learnable}
    options |= {"rho": 0.3, "min_temperature": 0.4, "temperature_lr": 0.01}
    loss_fn = KLDROLoss(40, **options).double()
    reference = Algorithm24(0.1, 0.9, 0.3 if learnable else None, 0.4, 0.01, surrogate, 0.7)
    for step in range(100):
        if step == 50:
            fresh = KLDROLoss(40, **options).double()
            fresh.load_state_dict(loss_fn.state_dict())
            loss_fn = fresh
        logits, target = batch(12, spread=0.7)
        expected, z = reference.step(logits[:, 0].tolist(), target[:, 0].tolist())
        loss = loss_fn(logits, target, torch.randperm(40)[:12])
        loss.backward()
        assert loss.item() == pytest.approx(expected, abs=1e-8)
        torch.testing.assert_close(logits.grad[:, 0], torch.tensor(z, dtype=torch.float64), atol=1e-8, rtol=1e-8)
    assert loss_fn.track.value[0].exp().item() == pytest.approx(reference.u[0], rel=1e-8)
    if learnable:
        assert abs(reference.tau[0] - 0.9) > 1e-3  # it went somewhere


@pytest.mark.parametrize("learnable", [False, True])
def test_tasks_with_missing_labels_have_states_and_temperatures_of_their_own(learnable):
    """A label of either class is enough to contribute; a task without any keeps its state and its temperature."""
    torch.manual_seed(1)
    tasks = 5
    loss_fn = KLDROLoss(15, tasks, gamma=0.3, temperature=0.8, learnable=learnable, rho=0.2, temperature_lr=0.02)
    loss_fn = loss_fn.double()
    reference = Algorithm24(0.3, 0.8, 0.2 if learnable else None, 0.1, 0.02)
    sometimes = 0
    for step in range(100):
        logits, target = batch(4, tasks)
        target[torch.rand(4, tasks) < 0.5] = NAN
        target[~target[:, 2].isnan(), 2] = 1
        target[:, 3] = 0
        target[:, 4] = NAN
        results = {
            t: result
            for t in range(tasks)
            if (result := reference.step(logits[:, t].tolist(), target[:, t].tolist(), t)) is not None
        }
        sometimes += 0 not in results
        # an item twice is two samples of the batch; no index at all is as good
        loss = loss_fn(logits, target, torch.randint(3, (4,)) if step % 2 else None)
        loss.backward()
        expected = torch.zeros(4, tasks, dtype=torch.float64)
        for t, (_, z) in results.items():
            expected[:, t] = torch.tensor(z, dtype=torch.float64) / len(results)
        assert loss.item() == pytest.approx(sum(r[0] for r in results.values()) / len(results), abs=1e-8)
        torch.testing.assert_close(logits.grad, expected, atol=1e-8, rtol=1e-8)
    assert sometimes > 2
    assert loss_fn.track.seen.tolist() == [True, True, True, True, False]
    for task, u in reference.u.items():
        assert loss_fn.track.value[task].exp().item() == pytest.approx(u, rel=1e-8)


def temperature(loss_fn):
    """Of the first task, from what the loss itself returns: value = τ (v + ρ) for one sample of loss 0."""
    probe = KLDROLoss(1, learnable=True, rho=1.0).double().eval()
    probe.load_state_dict(loss_fn.state_dict())
    return probe.reduce(torch.zeros(1, dtype=torch.float64)).item()


def test_the_temperature_goes_to_the_optimum_of_6_16():
    """On the full batch with γ = 1 the value becomes min over τ of τ log mean exp(ℓ/τ) + τρ."""
    torch.manual_seed(2)
    losses = torch.rand(50, dtype=torch.float64) * 4
    loss_fn = KLDROLoss(50, gamma=1.0, learnable=True, rho=0.2, temperature_lr=0.1).double()
    assert temperature(loss_fn) == 1.0
    for _ in range(2000):
        value = loss_fn.reduce(losses).item()
    grid = torch.linspace(0.1, 10, 100_000, dtype=torch.float64)
    objective = torch.cat([g * ((losses[None] / g[:, None]).exp().mean(1).log() + 0.2) for g in grid.split(10_000)])
    best = grid[objective.argmin()].item()
    assert 0.5 < best < 5
    assert best != pytest.approx(1.0, abs=0.1)  # not where it began
    assert temperature(loss_fn) == pytest.approx(best, abs=1e-3)
    assert value == pytest.approx(objective.min().item(), abs=1e-6)


def test_the_temperature_stops_at_its_floor():
    loss_fn = KLDROLoss(8, learnable=True, rho=5.0, min_temperature=0.7, temperature_lr=0.05).double()
    torch.manual_seed(3)
    seen = []
    for _ in range(40):
        loss_fn(*batch(8))
        seen.append(temperature(loss_fn))
    assert 0.7 < seen[0] < 1.0
    assert seen[-1] == pytest.approx(0.7, abs=1e-7)
    assert min(seen) >= 0.7 - 1e-7


def test_evaluation_leaves_the_temperature_and_uses_it():
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
def test_gamma_one_on_the_full_batch_is_the_closed_form(training):
    """(6.11) of the cross-entropy; with γ = 1 in training, and with any γ and any history in evaluation."""
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


@pytest.mark.parametrize("surrogate", sorted(ELL))
def test_finite_differences_with_gamma_one(surrogate):
    torch.manual_seed(6)
    loss_fn = KLDROLoss(10, 2, surrogate=surrogate, gamma=1.0, temperature=0.5).double()
    logits, target = batch(10, 2)
    target[0, 1] = NAN
    assert torch.autograd.gradcheck(lambda scores: loss_fn(scores, target), (logits,))


def test_the_temperature_leads_from_the_mean_to_the_maximum():
    torch.manual_seed(7)
    logits, target = batch(20)
    plain = cross_entropy(logits, target)
    mild, sharp = (KLDROLoss(20, temperature=t).double().eval()(logits, target).item() for t in (1e6, 1e-5))
    assert mild == pytest.approx(BCELoss(20)(logits, target).item(), rel=1e-5)
    assert sharp == pytest.approx(plain.max().item(), rel=1e-3)


def test_reduce_takes_per_sample_losses_of_any_kind():
    """Multi-class cross-entropy, say: 100 steps of Algorithm 24 on the losses."""
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


def test_reduce_with_tasks_leaves_out_what_is_not_known():
    torch.manual_seed(9)
    one, other = (KLDROLoss(40, 3, gamma=0.2, temperature=0.7, learnable=True).double() for _ in range(2))
    for _ in range(20):
        logits, target = batch(8, 3)
        target[torch.rand(8, 3) < 0.3] = NAN
        target[:, 2] = NAN
        expected = one(logits, target)
        known = ~target.isnan()
        losses = cross_entropy(logits, target)  # NaN where nothing is known
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


def test_reduce_refuses_what_are_no_losses():
    loss_fn = KLDROLoss(40, 3)
    before = {key: value.clone() for key, value in loss_fn.state_dict().items()}
    with pytest.raises(ValueError, match=r"losses must have the shape \[B, 3\], got \[4, 2\]"):
        loss_fn.reduce(torch.rand(4, 2))
    with pytest.raises(ValueError, match=r"known must .*shape.*\[4, 3\], got .*\[4, 2\]"):
        loss_fn.reduce(torch.rand(4, 3), torch.ones(4, 2, dtype=torch.bool))
    losses = torch.rand(4, 3)
    losses[2, 1] = NAN
    with pytest.raises(ValueError, match="losses must be finite, got nan in row 2"):
        loss_fn.reduce(losses)
    with pytest.raises(TypeError, match="losses must be"):
        loss_fn.reduce([1.0, 2.0])
    after = loss_fn.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())


def test_reduce_of_nothing_known_is_zero_with_zero_gradients():
    loss_fn = KLDROLoss(40)
    losses = torch.rand(4, requires_grad=True)
    loss = loss_fn.reduce(losses, torch.zeros(4, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(losses.grad, torch.zeros(4))
    assert not loss_fn.track.seen.any()


def test_tiny_gamma_converges_to_the_inner_value_of_the_whole_set():
    torch.manual_seed(0)
    logits, target = torch.randn(200, dtype=torch.float64), (torch.arange(200) < 60).double()
    expected = cross_entropy(logits, target).exp().mean().log()
    loss_fn = KLDROLoss(200, gamma=0.002).double()
    for _ in range(10_000):
        index = torch.randint(200, (8,))
        loss_fn(logits[index], target[index], index)
    assert (loss_fn.track.value[0] - expected).expm1().abs() < 0.04


def test_a_state_far_above_its_newest_estimate_starts_anew():
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


def test_a_state_somewhat_above_goes_on_as_ever():
    """The weights are what the algorithm is about, large or small: nothing is cut off within 20 log units."""
    loss_fn = KLDROLoss(4, gamma=0.1).double()
    loss_fn(torch.full((4,), -8.0).double(), torch.ones(4))
    loss_fn(torch.zeros(4).double(), torch.ones(4))
    expected = math.log(0.9 * math.exp(8 + math.log1p(math.exp(-8))) + 0.1 * 2)
    assert loss_fn.track.value[0].item() == pytest.approx(expected, abs=1e-9)


def test_max_lag_bounds_the_state():
    loss_fn = KLDROLoss(4, gamma=0.1, max_lag=3.0).double()
    loss_fn(torch.full((4,), -12.0).double(), torch.ones(4))
    loss_fn(torch.zeros(4).double(), torch.ones(4))
    assert loss_fn.track.value[0].item() == pytest.approx(math.log(2) + 3.0, abs=1e-9)


@pytest.mark.parametrize("learnable", [False, True])
def test_a_temperature_of_a_thousandth_keeps_learning(learnable):
    torch.manual_seed(11)
    options = {"temperature": 1e-3, "min_temperature": 1e-3, "learnable": learnable}
    loss_fn, plain_fn = KLDROLoss(30, **options), KLDROLoss(30, **options).eval()
    target = (torch.arange(30) < 6).float()
    norms, references = [], []
    for step in range(50):
        logits = torch.randn(30)
        if step == 5:
            logits *= 1e4
        logits.requires_grad_()
        loss = loss_fn(logits, target)
        assert loss.isfinite()
        norms.append(torch.autograd.grad(loss, logits)[0].norm())
        assert norms[-1].isfinite()
        references.append(torch.autograd.grad(plain_fn(logits, target), logits)[0].norm())
    assert sum(norms[6:]) > 0.1 * sum(references[6:])


def test_monitor_gives_the_tracked_objective():
    torch.manual_seed(12)
    loss_fn = KLDROLoss(20, 3, gamma=1.0, temperature=0.5)
    assert math.isnan(loss_fn.monitor()["objective"])
    logits, target = torch.randn(20, 3), (torch.rand(20, 3) < 0.5).float()
    target[:, 2] = NAN
    loss = loss_fn(logits, target)
    report = loss_fn.monitor()
    assert report["objective"] == pytest.approx(loss.item(), rel=1e-5)
    assert report["seen"] == pytest.approx(2 / 3)
    assert report["stuck"] == 0.0


def rare(count, generator):
    """One in twenty is a positive; two features and a constant."""
    x = torch.cat([torch.randn(count, 2, generator=generator), torch.ones(count, 1)], 1)
    target = (torch.arange(count) < count // 20).float()
    x[: count // 20, 0] += 2.0
    return x, target


def fitted(loss_fn, x, target, seed):
    """A linear model after 150 shuffled batches of 40."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.zeros(3, requires_grad=True)
    optimiser = torch.optim.Adam([weight], lr=0.1)
    for _ in range(150):
        index = torch.randperm(len(x), generator=generator)[:40]
        optimiser.zero_grad()
        loss_fn(x[index] @ weight, target[index], index).backward()
        optimiser.step()
    return weight.detach()


@pytest.mark.parametrize("learnable", [False, True])
def test_it_serves_the_rare_class_where_cross_entropy_serves_the_common_one(learnable):
    """Recall of the rare class, and the loss of the class that fares worse, on new data."""
    options = {"gamma": 0.1, "temperature": 0.5, "learnable": learnable}
    recalls, losses = [], []
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        x, target = rare(400, generator)
        others, truth = rare(4000, generator)
        found = [others @ fitted(fn, x, target, seed) for fn in (KLDROLoss(400, **options), BCELoss(400))]
        recall = [(h[truth == 1] > 0).double().mean().item() for h in found]
        worst = [max(F.softplus(-h[truth == 1]).mean(), F.softplus(h[truth == 0]).mean()).item() for h in found]
        recalls.append(recall[0] - recall[1])
        losses.append(worst[1] - worst[0])
    for gains in (recalls, losses):
        mean = sum(gains) / 20
        std = (sum((g - mean) ** 2 for g in gains) / 19) ** 0.5
        assert mean / (std / 20**0.5) > 2.54  # paired t-test, one-sided, p < .01 at 19 degrees of freedom


def test_bad_options_are_named():
    with pytest.raises(ValueError, match="min_temperature .*0.05, got 0.1"):
        KLDROLoss(5, learnable=True, temperature=0.05, min_temperature=0.1)


def test_losses_too_large_to_be_divided_are_refused_and_nothing_is_written():
    loss_fn = KLDROLoss(4, temperature=1e-3)
    with pytest.raises(ValueError, match=r"losses must lie within ±1e\+15, got .*e\+37 in row 1"):
        loss_fn.reduce(torch.tensor([0.0, 1e38]))
    assert not loss_fn.track.seen.any()
    assert loss_fn.reduce(torch.tensor([0.0, 1e15])).isfinite()
