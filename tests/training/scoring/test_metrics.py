import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from xgraph.training.scoring.metrics import (
    average_precision,
    partial_auc,
    prc_auc,
    roc_auc,
    score_all,
    tied,
    two_way_pauc,
)


def published_prc_auc(y: np.ndarray, s: np.ndarray) -> float:
    """The area that begins at a precision of 1, as scikit-learn's curve does."""
    precision, recall, _ = sk.precision_recall_curve(y, s)
    return float(sk.auc(recall, precision))


def prc_auc_by_blocks(y: np.ndarray, s: np.ndarray) -> float:
    """The area that begins at the precision of the highest scores, one block of equal scores after the other."""
    area, recall, precision = 0.0, 0.0, None
    for threshold in sorted(set(s.tolist()), reverse=True):
        above = y[s >= threshold].tolist()
        new_recall, new_precision = sum(above) / y.sum(), sum(above) / len(above)
        area += (new_recall - recall) * (new_precision + (new_precision if precision is None else precision)) / 2
        recall, precision = new_recall, new_precision
    return area


PAIRS = [
    (average_precision, sk.average_precision_score),
    (prc_auc, prc_auc_by_blocks),
    (roc_auc, sk.roc_auc_score),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.parametrize("levels", [1, 2, 7, 10**6])
def test_metrics_equal_references_with_ties(ours, theirs, levels: int) -> None:
    rng = np.random.default_rng(levels)
    for n in (2, 5, 50, 500):
        y = (rng.random(n) < 0.2).astype(float)
        y[:2] = 0, 1
        s = rng.integers(levels, size=n) / 3.0 - 100.0
        assert ours(y, s) == pytest.approx(theirs(y, s), abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.floats(-1e300, 1e300)), min_size=2, max_size=30))
def test_metrics_equal_references_on_extreme_scores(rows: list[tuple[bool, float]]) -> None:
    y = np.array([float(label) for label, _ in rows])
    s = np.array([score for _, score in rows])
    for ours, theirs in PAIRS:
        if y.min() == y.max():
            assert math.isnan(ours(y, s))
        else:
            assert ours(y, s) == pytest.approx(theirs(y, s), abs=1e-12)


LABELS = st.lists(st.booleans(), min_size=2, max_size=60).filter(lambda rows: 0 < sum(rows) < len(rows))


@settings(max_examples=200, deadline=None)
@given(LABELS, st.randoms(use_true_random=False))
def test_without_ties_the_area_is_the_published_one(rows: list[bool], random: Random) -> None:
    y, s = np.array(rows, dtype=float), np.array(random.sample(range(1000), len(rows)), dtype=float)
    assert prc_auc(y, s) == pytest.approx(published_prc_auc(y, s), abs=1e-12)
    assert tied(y, s) == 0


@settings(max_examples=200, deadline=None)
@given(LABELS, st.floats(-1e300, 1e300))
def test_a_constant_score_has_the_share_of_positives(rows: list[bool], score: float) -> None:
    y, s = np.array(rows, dtype=float), np.full(len(rows), score)
    for metric in (prc_auc, average_precision):
        assert metric(y, s) == pytest.approx(y.mean(), abs=1e-12)
    assert tied(y, s) == 1
    assert published_prc_auc(y, s) == pytest.approx((1 + y.mean()) / 2)  # what this metric is to avoid


@settings(max_examples=200, deadline=None)
@given(LABELS, st.randoms(use_true_random=False), st.integers(1, 8))
def test_tied_is_the_share_of_items_that_the_scores_leave_without_an_order(
    rows: list[bool], random: Random, levels: int
) -> None:
    y, s = np.array(rows, dtype=float), np.array([random.randrange(levels) for _ in rows], dtype=float)
    expected = np.mean([any(s[i] == s[j] and y[i] != y[j] for j in range(len(y))) for i in range(len(y))])
    assert tied(y, s) == pytest.approx(expected)
    assert score_all(y, s)["tied"] == pytest.approx(expected)


def test_items_without_a_label_are_not_tied() -> None:
    assert tied([1, math.nan, 0, 0], [2.0, 2.0, 1.0, 1.0]) == 0


def test_confident_logits_are_not_tied() -> None:
    assert roc_auc([0, 1], [40.0, 41.0]) == 1.0


def test_many_tasks_are_each_scored_as_alone() -> None:
    rng = np.random.default_rng(0)
    y = np.where(rng.random((40, 150)) < 0.3, np.nan, rng.random((40, 150)) < 0.3).astype(np.float32)
    s = rng.normal(size=(40, 150))
    each = [score_all(y[:, t], s[:, t]) for t in range(150)]
    for name, value in score_all(y, s).items():
        assert value == np.nanmean([one[name] for one in each])


def test_tasks_are_averaged_over_those_with_both_classes() -> None:
    nan = math.nan
    y = np.array([[0, 1, 0, nan], [1, 1, nan, nan], [0, nan, 1, nan]])
    s = np.array([[0.1, 0, 3, 0], [0.0, 0, 9, 0], [-0.2, 0, 2, 0.0]])
    expected = (sk.roc_auc_score([0, 1, 0], [0.1, 0, -0.2]) + sk.roc_auc_score([0, 1], [3, 2])) / 2
    assert score_all(y, s)["roc_auc"] == pytest.approx(expected)


def test_metrics_are_nan_without_both_classes() -> None:
    assert all(math.isnan(value) for value in score_all([[1.0], [1.0]], [[0.0], [1.0]]).values())
    assert all(math.isnan(value) for value in score_all(np.empty((0, 2)), np.empty((0, 2))).values())


@pytest.mark.parametrize(
    ("y", "s", "message"),
    [
        ([0, 1], [0.0], "shape"),
        ([0, 2], [0.0, 1.0], "2.0"),
        ([0, 1], [0.0, math.inf], "inf"),
        ([0, 1], [0.0, math.nan], "nan"),
    ],
)
def test_invalid_inputs_are_refused(y: list[float], s: list[float], message: str) -> None:
    for metric in (average_precision, prc_auc, tied, roc_auc, partial_auc, two_way_pauc, score_all):
        with pytest.raises(ValueError, match=message):
            metric(y, s)
