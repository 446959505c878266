import math

import pytest

from xgraph.estimators import ConstantGamma, CosineGamma, MovingAverage
from xgraph.estimators.schedules import as_schedule


def test_constant_gamma_does_not_depend_on_the_epoch():
    assert [ConstantGamma(0.3)(epoch) for epoch in (0, 5, 10**6)] == [0.3] * 3


@pytest.mark.parametrize(("epochs", "gamma_min"), [(10, 0.1), (1, 0.5), (100, 1.0)])
def test_cosine_gamma_matches_the_formula_and_then_stays_constant(epochs, gamma_min):
    gamma = CosineGamma(epochs, gamma_min)
    for epoch in range(epochs + 1):
        expected = 0.5 * (1 + math.cos(math.pi * epoch / epochs)) * (1 - gamma_min) + gamma_min
        assert gamma(epoch) == pytest.approx(expected, abs=1e-12)
    assert gamma(0) == 1.0
    assert gamma(epochs + 1) == gamma(10 * epochs) == pytest.approx(gamma_min)


@pytest.mark.parametrize("gamma", [0.0, -0.1, 1.1, float("nan")])
def test_gamma_out_of_range_is_rejected(gamma):
    with pytest.raises(ValueError, match=r"gamma .*\(0, 1\], got"):
        ConstantGamma(gamma)
    with pytest.raises(ValueError, match=r"gamma_min .*\(0, 1\], got"):
        CosineGamma(10, gamma)


def test_cosine_gamma_needs_at_least_one_epoch():
    with pytest.raises(ValueError, match="epochs must be at least 1, got 0"):
        CosineGamma(0)
    with pytest.raises(TypeError, match="epochs must be an integer, got 2.5"):
        CosineGamma(2.5)


@pytest.mark.parametrize("gamma", [None, "0.1", [0.1]])
def test_non_numeric_gamma_is_rejected(gamma):
    with pytest.raises(TypeError, match="^gamma is .* must be a number, got "):
        MovingAverage(3, gamma=gamma)
    with pytest.raises(TypeError, match="^task_gamma is .* must be a number, got "):
        as_schedule(gamma, "task_gamma")


@pytest.mark.parametrize("value", [0.0, 2.0, float("nan")])
def test_schedule_output_is_checked_at_the_start_of_each_epoch(value):
    track = MovingAverage(3, gamma=lambda epoch: 0.5 if epoch < 2 else value)
    track.set_epoch(1)
    with pytest.raises(ValueError, match=rf"gamma .*\(0, 1\], got {value}"):
        track.set_epoch(2)
    assert (track.epoch, track.gamma) == (1, 0.5)
    with pytest.raises(TypeError, match="gamma .*must be a number, got None"):
        MovingAverage(3, gamma=lambda epoch: None)


def test_as_schedule_returns_schedules_unchanged():
    schedule = CosineGamma(5)
    assert as_schedule(schedule) is schedule
    assert as_schedule(1) == ConstantGamma(1.0)


def test_set_epoch_updates_gamma():
    track = MovingAverage(3, gamma=CosineGamma(4, 0.2))
    assert track.gamma == 1.0
    track.set_epoch(4)
    assert track.gamma == pytest.approx(0.2)
