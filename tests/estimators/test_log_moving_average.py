import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.estimators import LogMovingAverage, MovingAverage

STEPS = st.lists(
    st.lists(st.tuples(st.integers(0, 4), st.floats(-20, 20)), min_size=1, max_size=7), min_size=1, max_size=8
)


@settings(max_examples=100, deadline=None)
@given(steps=STEPS, gamma=st.floats(0.01, 1.0))
def test_equals_a_moving_average_of_the_exponentials(steps, gamma):
    """Values and gradients of log(track(exp q)), duplicates included."""
    log, linear = LogMovingAverage(5, gamma=gamma).double(), MovingAverage(5, gamma=gamma).double()
    for step in steps:
        index = torch.tensor([i for i, _ in step])
        one, other = (torch.tensor([q for _, q in step], dtype=torch.float64).requires_grad_() for _ in "ab")
        a, b = log(one, index), linear(other.exp(), index).log()
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)
        a.sum().backward()
        b.sum().backward()
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-9, atol=1e-12)


def test_huge_values_stay_finite():
    track = LogMovingAverage(2, gamma=0.1)
    index = torch.tensor([0, 1])
    for scale in (1e4, -1e4, 3e4, 0.0):
        estimate = torch.tensor([scale, -scale], requires_grad=True)
        out = track(estimate, index)
        out.sum().backward()
        assert out.isfinite().all()
        assert estimate.grad.isfinite().all()
        assert estimate.grad.max() <= 1 / 0.1 * 1.01  # float32 resolves 1e4 to 1e-3 only


@pytest.mark.parametrize("repeats", [1, 3])
def test_gradient_factor_is_at_most_m_over_gamma(repeats):
    track = LogMovingAverage(1, gamma=0.2).double()
    track(torch.tensor([-1000.0], dtype=torch.float64), torch.tensor([0]))
    estimate = torch.full((repeats,), -1000.0, dtype=torch.float64)
    estimate[0] = 0.0
    estimate.requires_grad_()
    track(estimate, torch.zeros(repeats, dtype=torch.long)).sum().backward()
    assert estimate.grad[0].item() == pytest.approx(repeats / 0.2, rel=1e-6)


def test_recovery_time_after_a_burst_matches_theory():
    """Without max_lag the state falls by |log(1 − γ)| per update; with it, it recovers immediately."""
    gap, gamma = 20.0, 0.1
    free, bounded = LogMovingAverage(1, gamma=gamma).double(), LogMovingAverage(1, gamma=gamma, max_lag=2.0).double()
    index = torch.tensor([0])
    for track in (free, bounded):
        track(torch.tensor([gap], dtype=torch.float64), index)
    touches = 0
    while free(torch.tensor([0.0], dtype=torch.float64), index).item() > 1.0:
        touches += 1
    assert touches == pytest.approx((gap - 1) / abs(math.log(1 - gamma)), abs=6)
    assert bounded(torch.tensor([0.0], dtype=torch.float64), index).item() == pytest.approx(2.0)


def test_stuck_states_are_reported_and_released():
    index = torch.arange(3)
    free, bounded = LogMovingAverage(3), LogMovingAverage(3, max_lag=5.0)
    for track in (free, bounded):
        track(torch.tensor([0.0, 1e9, 1e9]), index)
        track(torch.zeros(3), index)
    assert free.monitor()["stuck"] == pytest.approx(2 / 3)
    assert bounded.monitor()["stuck"] == 0.0
    assert bounded.value.tolist() == pytest.approx([0.0, 5.0, 5.0], abs=1e-6)
