import math

import pytest
import torch

from tests.losses.constraints.references import Tracked, penalty
from xgraph.losses import Penalty

KINDS = ["squared_hinge", "hinge", "smoothed_hinge"]


@pytest.mark.parametrize("kind", KINDS)
def test_value_gradient_and_state_match_the_algorithm_over_60_steps_and_a_restore(kind):
    """min_w Σ_k g_k(w) with g_k = a_k·w − 1 estimated with noise; some constraints are absent, some occur twice."""
    generator = torch.Generator().manual_seed(0)
    slopes = torch.randn(6, 4, generator=generator, dtype=torch.float64)
    options = {"kind": kind, "rho": 3.0, "epsilon": 0.4, "gamma": 0.3}
    loss_fn, reference, pieces = Penalty(6, **options).double(), Tracked(0.3), set()
    for step in range(60):
        if step == 30:
            fresh = Penalty(6, **options).double()
            fresh.load_state_dict(loss_fn.state_dict())
            loss_fn = fresh
        which = torch.randint(5, (4,), generator=generator)  # constraint 5 is never in a batch
        noise = torch.randn(4, generator=generator, dtype=torch.float64)
        w = torch.randn(4, generator=generator, dtype=torch.float64, requires_grad=True)
        values = slopes[which] @ w - 1 + noise
        value, gradient = 0.0, torch.zeros(4, dtype=torch.float64)
        numbers = sorted(set(which.tolist()))
        for k in numbers:
            rows = [i for i in range(4) if which[i] == k]
            u = reference.step(k, sum(values[i].item() for i in rows) / len(rows))
            f, slope = penalty(kind, u, 0.4)
            pieces.add((u > 0) + (u > 0.4))
            value += 3.0 * f / len(numbers)
            gradient += 3.0 * slope / len(numbers) * slopes[k]
        loss = loss_fn(values, which)
        loss.backward()
        assert loss.item() == pytest.approx(value, abs=1e-13)
        torch.testing.assert_close(w.grad, gradient, atol=1e-13, rtol=1e-13)
    assert pieces == {0, 1, 2}
    tracked = loss_fn.values()
    assert {k: tracked[k].item() for k in range(5)} == pytest.approx(reference.u, abs=1e-13)
    assert math.isnan(tracked[5])
    expected = [3.0 / 6 * penalty(kind, reference.u[k], 0.4)[1] for k in range(5)]
    assert loss_fn.multipliers()[:5].tolist() == pytest.approx(expected)
    assert math.isnan(loss_fn.multipliers()[5])


@pytest.mark.parametrize("kind", KINDS)
def test_gamma_one_with_all_constraints_is_the_exact_penalty(kind):
    for seed in range(3):
        values = torch.randn(8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        loss_fn = Penalty(8, kind=kind, rho=2.0, epsilon=0.5, gamma=1.0).double()
        for shift in (0.0, 0.3):
            expected = 2.0 / 8 * sum(penalty(kind, value, 0.5)[0] for value in (values + shift).tolist())
            assert loss_fn(values + shift, torch.arange(8)).item() == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize(
    ("kind", "rho", "end"),
    [
        *(("squared_hinge", rho, 1 + 2 / (rho + 2)) for rho in (4.0, 40.0, 400.0)),
        ("hinge", 4.0, 1.0),
        ("hinge", 1.0, 1.5),
        ("smoothed_hinge", 4.0, 1 + 0.1 * 2 / 4.2),
    ],
)
def test_minimum_of_a_toy_problem(kind, rho, end):
    """min (x − 2)² s.t. x ≤ 1, whose multiplier is 2: the hinges meet the constraint at a small ρ."""
    x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    loss_fn = Penalty(1, kind=kind, rho=rho, epsilon=0.1, gamma=1.0).double()
    rate = 0.4 / (2 + rho / (0.1 if kind == "smoothed_hinge" else 1))
    for step in range(8000):
        x.grad = None
        ((x - 2) ** 2 + loss_fn(x - 1, torch.zeros(1, dtype=torch.long))).sum().backward()
        with torch.no_grad():
            x -= rate / (1 + step / 100 * (kind == "hinge")) * x.grad
    assert x.item() == pytest.approx(end, abs=2e-3)
    if kind != "hinge":  # whose slope jumps at the minimum
        assert loss_fn.multipliers().item() == pytest.approx(2 * (2 - end), rel=1e-2)


def test_tracking_does_not_penalise_a_constraint_that_is_met_on_average():
    """The constraint is met by .3, with noise 1: the mean weight of a batch's hinge is .38, of the tracked one 0."""
    generator = torch.Generator().manual_seed(0)
    tracked, batch = (Penalty(1, kind="hinge", rho=1.0, gamma=gamma) for gamma in (0.03, 1.0))
    slopes = {tracked: 0.0, batch: 0.0}
    for _ in range(2000):
        value = torch.randn(1, generator=generator) - 0.3
        for loss_fn in slopes:
            estimate = value.clone().requires_grad_()
            loss_fn(estimate, torch.zeros(1, dtype=torch.long)).backward()
            slopes[loss_fn] += estimate.grad.item() / 2000
    assert slopes[batch] == pytest.approx(0.38, abs=0.04)
    assert slopes[tracked] < 0.06  # mostly from the first batches


def test_always_and_never_violated_constraints():
    loss_fn = Penalty(2, rho=1.0, epsilon=0.1)
    for _ in range(5):
        values = torch.tensor([1e6, -1e6], requires_grad=True)
        loss_fn(values, torch.arange(2)).backward()
        assert values.grad.tolist() == [0.5, 0.0]
    assert loss_fn.multipliers().tolist() == [0.5, 0.0]
    assert loss_fn.monitor() == pytest.approx({"penalty": 5e5, "worst": 1e6, "violated": 0.5, "seen": 1.0}, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_constraint_that_is_just_met_has_no_gradient(kind):
    values = torch.zeros(2, requires_grad=True)
    Penalty(2, kind=kind)(values, torch.arange(2)).backward()
    assert values.grad.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "cubic"}, "kind must be one of squared_hinge, hinge, smoothed_hinge, got 'cubic'"),
        ({"rho": 0}, "rho must lie in"),
        ({"epsilon": 0}, "epsilon must lie in"),
        ({"gamma": 1.5}, "must lie in .0, 1., got 1.5"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        Penalty(2, **options)


def test_state_of_another_size_is_refused():
    with pytest.raises(RuntimeError, match="size mismatch for track.*num_constraints differ"):
        Penalty(2).load_state_dict(Penalty(3).state_dict())
