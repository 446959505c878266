import math

import pytest
import torch

from tests.losses.constraints.references import Tracked, penalty
from tests.losses.references import quantile
from xgraph.losses import ROCFairness

NAN = float("nan")


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


class Algorithm:
    """(6.101) with tracked rates and thresholds, one item at a time in Python floats."""

    def __init__(self, kind, rho, epsilon, gamma, tolerance, count, fixed=None, groups=2):
        self.kind, self.rho, self.epsilon, self.tolerance = kind, rho, epsilon, tolerance
        self.count, self.fixed, self.groups = count, fixed, groups
        self.rates, self.levels = Tracked(gamma), Tracked(gamma)
        self.constants = 0

    def step(self, scores, labels, groups):
        """The penalty and its gradient, or None if no label has a group."""
        items = [i for i, (y, k) in enumerate(zip(labels, groups, strict=True)) if y == y and k >= 0]
        if not items:
            return None
        z, value = [0.0] * len(scores), 0.0
        if self.fixed is None:
            own = [scores[i] for i in items]
            bounds = [self.levels.step(p, quantile(own, (p + 0.5) / self.count)) for p in range(self.count)]
        else:
            bounds = self.fixed
        cells = {}
        for i in items:
            cells.setdefault((labels[i], groups[i]), []).append(i)
        for p, bound in enumerate(bounds):
            for cell, members in cells.items():
                mean = sum(sigmoid(scores[i] - bound) for i in members) / len(members)
                self.rates.step((*cell, p), mean)
        for y in (0.0, 1.0):
            for p, bound in enumerate(bounds):
                known = [k for k in range(self.groups) if (y, k, p) in self.rates.u]
                if len(known) < 2:
                    continue
                rate = {k: self.rates.u[(y, k, p)] for k in known}
                if self.groups == 2:
                    gaps = [(rate[0] - rate[1], {0: 1.0, 1: -1.0})]
                else:
                    mean = sum(rate.values()) / len(known)
                    gaps = [(rate[k] - mean, {j: (j == k) - 1 / len(known) for j in known}) for k in known]
                share = self.rho / (2 * len(bounds) * (1 if self.groups == 2 else self.groups))
                for gap, parts in gaps:
                    f, slope = penalty(self.kind, abs(gap) - self.tolerance, self.epsilon)
                    value += share * f
                    sign = (gap > 0) - (gap < 0)
                    for k, part in parts.items():
                        members = cells.get((y, k), [])
                        self.constants += not members and slope > 0
                        for i in members:
                            s = sigmoid(scores[i] - bound)
                            z[i] += share * slope * sign * part * s * (1 - s) / len(members)
        return value, z


def run(reference, make, steps=60, size=7):
    """Follow the algorithm on batches with missing labels and unknown groups, with a restore in the middle."""
    generator = torch.Generator().manual_seed(3)
    loss_fn = make()
    for step in range(steps):
        if step == steps // 2:
            fresh = make()
            fresh.load_state_dict(loss_fn.state_dict())
            loss_fn = fresh
        logits = (2 * torch.randn(size, generator=generator, dtype=torch.float64)).requires_grad_()
        target = (torch.rand(size, generator=generator) < 0.3).double()
        target[torch.rand(size, generator=generator) < (1 if step % 9 == 0 else 0.2)] = NAN
        group = torch.randint(-1, reference.groups, (size,), generator=generator)
        value, z = reference.step(logits.tolist(), target.tolist(), group.tolist()) or (0.0, [0.0] * size)
        loss = loss_fn(logits, target, group)
        loss.backward()
        assert loss.item() == pytest.approx(value, abs=1e-13)
        torch.testing.assert_close(logits.grad, torch.tensor(z, dtype=torch.float64), atol=1e-13, rtol=1e-12)
    return loss_fn


@pytest.mark.parametrize("kind", ["squared_hinge", "hinge", "smoothed_hinge"])
def test_value_gradient_and_state_match_the_algorithm_over_60_steps_and_a_restore(kind):
    """Small batches, so that cells are absent and enter as constants; the thresholds are quantiles."""
    options = {"kind": kind, "rho": 4.0, "epsilon": 0.1, "gamma": 0.2, "tolerance": 0.02}
    reference = Algorithm(count=3, **options)
    loss_fn = run(reference, lambda: ROCFairness(num_thresholds=3, **options).double())
    assert reference.constants > 20
    for (y, k, p), rate in reference.rates.u.items():
        assert loss_fn.track.value[int(2 * y) + k, p].item() == pytest.approx(rate, abs=1e-13)
    assert loss_fn.thresholds()[0].tolist() == pytest.approx([reference.levels.u[p] for p in range(3)], abs=1e-13)


def test_fixed_thresholds_match_the_algorithm():
    options = {"kind": "smoothed_hinge", "rho": 4.0, "epsilon": 0.1, "gamma": 0.2, "tolerance": 0.02}
    run(
        Algorithm(count=2, fixed=[-0.5, 1.0], **options),
        lambda: ROCFairness(thresholds=[-0.5, 1.0], **options).double(),
    )


def test_more_than_two_groups_are_held_against_their_mean():
    options = {"kind": "smoothed_hinge", "rho": 4.0, "epsilon": 0.1, "gamma": 0.3, "tolerance": 0.05}
    loss_fn = run(
        Algorithm(count=2, groups=4, **options),
        lambda: ROCFairness(num_thresholds=2, num_groups=4, **options).double(),
    )
    assert loss_fn.values().shape == loss_fn.multipliers().shape == (1, 2, 4, 2)


def test_several_tasks_give_the_mean_of_separate_penalties():
    generator = torch.Generator().manual_seed(0)
    together, alone = ROCFairness(num_tasks=3).double(), [ROCFairness().double() for _ in range(3)]
    for _ in range(5):
        logits = torch.randn(40, 3, generator=generator, dtype=torch.float64, requires_grad=True)
        target = (torch.rand(40, 3, generator=generator) < 0.4).double()
        target[torch.rand(40, 3, generator=generator) < 0.2] = NAN
        target[:, 2] = NAN  # contributes nothing
        group = torch.randint(2, (40,), generator=generator)
        losses = [fn(logits[:, t], target[:, t], group) for t, fn in enumerate(alone)]
        assert losses[2].item() == 0
        expected = (losses[0] + losses[1]) / 2
        loss = together(logits, target, group)
        torch.testing.assert_close(loss, expected)
        gradients = [torch.autograd.grad(value, logits)[0] for value in (loss, expected)]
        torch.testing.assert_close(*gradients)
    assert together.values()[2].isnan().all()
    assert together.thresholds()[2].isnan().all()


def test_gamma_one_on_the_whole_data_is_the_exact_penalty_and_eval_too():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(60, generator=generator, dtype=torch.float64)
    target, group = (torch.rand(60, generator=generator) < 0.4).double(), torch.randint(2, (60,), generator=generator)
    bounds = [quantile(logits.tolist(), (p + 0.5) / 4) for p in range(4)]
    expected = 0.0
    for bound in bounds:
        for y in (0, 1):
            rates = [torch.sigmoid(logits - bound)[(target == y) & (group == k)].mean().item() for k in (0, 1)]
            expected += 6.0 / 8 * penalty("smoothed_hinge", abs(rates[0] - rates[1]) - 0.01, 0.05)[0]
    loss_fn = ROCFairness(num_thresholds=4, tolerance=0.01, rho=6.0, epsilon=0.05, gamma=1.0).double()
    loss_fn(3 * logits, target, group)
    assert loss_fn(logits, target, group).item() == pytest.approx(expected, abs=1e-14)
    loss_fn(3 * logits, target, group)
    assert loss_fn.eval()(logits, target, group).item() == pytest.approx(expected, abs=1e-14)


def test_a_group_that_is_absent_from_the_data_forms_no_constraint():
    fair = ROCFairness()
    logits = torch.randn(20, requires_grad=True)
    loss = fair(logits, (torch.arange(20) % 2).float(), torch.zeros(20, dtype=torch.long))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()
    assert fair.values().isnan().all()
    assert fair.monitor()["seen"] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_groups": 1}, "num_groups must be at least 2"),
        ({"num_thresholds": 0}, "num_thresholds must be at least 1"),
        ({"tolerance": 1.5}, "tolerance must lie in"),
        ({"thresholds": []}, "thresholds must hold at least one number"),
        ({"thresholds": [math.nan]}, "thresholds must be finite"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        ROCFairness(**options)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"group": torch.tensor([0, 2, 1, 0])}, IndexError, r"group must lie in 0..1, or be -1 .*, got 2"),
        ({"group": torch.tensor([0, -2, 1, 0])}, IndexError, r"group must lie in 0..1, or be -1 .*, got -2"),
        ({"group": torch.zeros(4)}, TypeError, "group must be a tensor of integers, got torch.float32"),
        ({"group": torch.zeros(3).long()}, ValueError, r"group must have the shape \[4\]"),
        ({"target": torch.tensor([0.0, 1, 2, 0])}, ValueError, "target must be 0, 1 or NaN .*, got 2 in row 2"),
        ({"logits": torch.tensor([0.0, math.inf, 2, 0])}, ValueError, "logits must be finite, got inf in row 1"),
        ({"logits": torch.zeros(4, 2)}, ValueError, "target must have the shape of logits"),
    ],
)
def test_refused_batches_write_nothing(change, error, message):
    fair = ROCFairness()
    batch = {"logits": torch.randn(4), "target": torch.tensor([0.0, 1, 1, 0]), "group": torch.tensor([0, 1, 0, -1])}
    fair(**batch)
    before = {name: value.clone() for name, value in fair.state_dict().items()}
    with pytest.raises(error, match=message):
        fair(**{**batch, **change})
    assert all(torch.equal(before[name], value) for name, value in fair.state_dict().items())


def test_training_closes_the_gap_of_a_linear_model():
    """The group shifts the labels' score; with the penalty the rates of both groups meet within the tolerance."""
    generator = torch.Generator().manual_seed(0)
    group = torch.arange(2000) % 2
    x = torch.randn(2000, 2, generator=generator)
    x[:, 1] += 2.0 * group
    target = (x.sum(1) - 1 + torch.randn(2000, generator=generator) > 0).float()
    gaps = {}
    for rho in (0.0, 30.0):
        weight = torch.zeros(3, requires_grad=True)
        optimiser = torch.optim.Adam([weight], lr=0.02)
        fair = ROCFairness(tolerance=0.02, rho=rho or 1.0)
        for _ in range(600):
            index = torch.randint(2000, (100,), generator=generator)
            logits = x[index] @ weight[:2] + weight[2]
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, target[index])
            optimiser.zero_grad()
            (loss + bool(rho) * fair(logits, target[index], group[index])).backward()
            optimiser.step()
        exact = ROCFairness(tolerance=0.0, gamma=1.0)
        exact((x @ weight[:2] + weight[2]).detach(), target, group)
        gaps[rho] = exact.values().max().item()
    assert gaps[0.0] > 0.2
    assert gaps[30.0] < 0.06
