import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from xgraph.training.scoring.metrics import average_precision, partial_auc, prc_auc, roc_auc, score_all, two_way_pauc


def sklearn_prc_auc(y: np.ndarray, s: np.ndarray) -> float:
    precision, recall, _ = sk.precision_recall_curve(y, s)
    return float(sk.auc(recall, precision))


PAIRS = [
    (average_precision, sk.average_precision_score),
    (prc_auc, sklearn_prc_auc),
    (roc_auc, sk.roc_auc_score),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.parametrize("levels", [2, 7, 10**6])
def test_metrics_equal_scikit_learn_with_ties(ours, theirs, levels: int) -> None:
    rng = np.random.default_rng(levels)
    for n in (2, 5, 50, 500):
        y = (rng.random(n) < 0.2).astype(float)
        y[:2] = 0, 1
        s = rng.integers(levels, size=n) / 3.0 - 100.0
        assert ours(y, s) == pytest.approx(theirs(y, s), abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.floats(-1e300, 1e300)), min_size=2, max_size=30))
def test_metrics_equal_scikit_learn_on_extreme_scores(rows: list[tuple[bool, float]]) -> None:
    y = np.array([float(label) for label, _ in rows])
    s = np.array([score for _, score in rows])
    for ours, theirs in PAIRS:
        if y.min() == y.max():
            assert math.isnan(ours(y, s))
        else:
            assert ours(y, s) == pytest.approx(theirs(y, s), abs=1e-12)


def test_confident_logits_are_not_tied() -> None:
    assert roc_auc([0, 1], [40.0, 41.0]) == 1.0


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
    for metric in (average_precision, prc_auc, roc_auc, partial_auc, two_way_pauc, score_all):
        with pytest.raises(ValueError, match=message):
            metric(y, s)
