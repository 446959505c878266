"""Conformal intervals: exact coverage, too few items, missing numbers."""

import itertools
import math

import numpy as np
import pytest

from xgraph.options import OptionError
from xgraph.training.scoring.intervals import Intervals, interval_figures


@pytest.mark.parametrize(("n", "alpha"), [(4, 0.2), (9, 0.1), (6, 0.25), (5, 0.5)])
def test_coverage_is_exact_over_all_orders(n, alpha):
    """Over all choices of the new item among n + 1 with different errors, exactly ⌈(n + 1)(1 − α)⌉ are covered."""
    errors = np.arange(1.0, n + 2) * np.where(np.arange(n + 1) % 2, 1, -1)
    covered = 0
    for new in range(n + 1):
        known = np.delete(errors, new)
        low, high = Intervals(known, np.zeros(n)).bounds([0.0], alpha)
        covered += bool(low[0, 0] <= errors[new] <= high[0, 0])
    assert covered == math.ceil(round((n + 1) * (1 - alpha), 9))
    assert covered / (n + 1) >= 1 - alpha


def test_too_few_items_give_infinite_intervals():
    assert np.isinf(Intervals(np.arange(8.0), np.zeros(8)).widths(0.1)).all()
    assert np.isfinite(Intervals(np.arange(9.0), np.zeros(9)).widths(0.1)).all()
    assert np.isinf(Intervals(np.full(20, np.nan), np.zeros(20)).widths(0.1)).all()


def test_targets_are_calibrated_apart_and_missing_numbers_are_ignored():
    rng = np.random.default_rng(0)
    y = rng.normal(size=(40, 2)) * [1, 10]
    y[::4, 0] = np.nan
    intervals = Intervals(y, np.zeros((40, 2)))
    assert intervals.counts == [30, 40]
    for target, count in itertools.product(range(2), [0]):
        own = np.sort(np.abs(y[~np.isnan(y[:, target]), target]))
        place = math.ceil((len(own) + 1) * 0.8) - 1
        assert intervals.widths(0.2)[target] == pytest.approx(2 * own[place + count])
    low, high = intervals.bounds([[0.0, np.nan]], 0.2)
    assert np.isnan(low[0, 1])
    assert high[0, 0] == -low[0, 0] > 0
    figures = interval_figures((y, np.zeros((40, 2))), y, np.zeros((40, 2)), 0.2)
    assert figures["width"] == pytest.approx(intervals.widths(0.2).mean())
    assert 0.8 <= figures["coverage"] <= 0.9


def test_wrong_arguments():
    with pytest.raises(ValueError, match="expected equal shapes"):
        Intervals([1.0], [1.0, 2.0])
    with pytest.raises(OptionError, match="alpha"):
        Intervals([1.0], [1.0]).widths(1.5)
