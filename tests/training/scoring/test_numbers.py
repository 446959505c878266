"""Metrics of numbers against scikit-learn and SciPy, and the direction of metrics."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from xgraph.metric_names import NUMBER_METRICS
from xgraph.training.scoring.direction import better, higher_is_better, merit
from xgraph.training.scoring.numbers import mae, pearson, r2, rmse, score_numbers, spearman

NAN = math.nan
values = st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=3, max_size=20)


@given(values, st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_equal_to_references_with_ties(pairs, scale, shift):
    y, p = (np.array(column) * scale + shift for column in zip(*pairs, strict=True))
    assert rmse(y, p) == pytest.approx(math.sqrt(sk.mean_squared_error(y, p)))
    assert mae(y, p) == pytest.approx(sk.mean_absolute_error(y, p))
    if len(set(y)) == 1:
        assert math.isnan(r2(y, p))
        assert math.isnan(pearson(y, p))
        assert math.isnan(spearman(y, p))
        return
    assert r2(y, p) == pytest.approx(sk.r2_score(y, p))
    constant = len(set(p)) == 1
    assert pearson(y, p) == pytest.approx(0 if constant else stats.pearsonr(y, p)[0], abs=1e-9)
    assert spearman(y, p) == pytest.approx(0 if constant else stats.spearmanr(y, p)[0], abs=1e-9)


def test_several_targets_are_averaged_where_they_are_defined():
    y = np.array([[1.0, 7.0, NAN], [2.0, 7.0, NAN], [4.0, NAN, NAN]])
    p = np.array([[1.0, 6.0, 0.0], [2.0, 8.0, 0.0], [3.0, 0.0, 0.0]])
    scores = score_numbers(y, p)
    assert scores["rmse"] == pytest.approx((math.sqrt(1 / 3) + 1) / 2)
    assert scores["r2"] == pytest.approx(r2(y[:, 0], p[:, 0]))  # the second target is constant
    assert all(math.isnan(value) for value in score_numbers(y[:, 2:], p[:, 2:]).values())


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match="predicted: expected finite numbers, got inf"):
        rmse([1.0, 2.0], [math.inf, 0.0])
    with pytest.raises(ValueError, match=r"expected equal shapes .* got \(2,\) and \(3,\)"):
        score_numbers([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"expected numbers of one target, \[n\], got the shape \[1, 2\]"):
        mae([[1.0, 2.0]], [[1.0, 2.0]])


def test_directions():
    assert tuple(score_numbers([0.0], [0.0])) == NUMBER_METRICS
    assert higher_is_better("ap")
    assert higher_is_better("spearman")
    assert not higher_is_better("rmse")
    for metric, good, bad in (("ap", 0.6, 0.5), ("rmse", 0.5, 0.6)):
        assert better(metric, good, bad)
        assert not better(metric, bad, good)
        assert not better(metric, good, good)
        assert better(metric, bad, NAN)
        assert not better(metric, NAN, bad)
        assert not better(metric, NAN, NAN)
        assert merit(metric, good) > merit(metric, bad) > merit(metric, NAN)
