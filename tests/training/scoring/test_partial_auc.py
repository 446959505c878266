import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from xgraph.training.scoring.metrics import METRICS, partial_metrics, score_all
from xgraph.training.scoring.partial_auc import partial_auc, two_way_pauc

LIMITS = [(0.5, 0.5), (0.6, 0.4), (0.25, 0.9), (0.9, 0.1), (0.0, 0.3), (0.3, 1.0), (1 / 3, 2 / 3), (0.999, 0.001)]


def by_pairs(y: np.ndarray, s: np.ndarray, min_tpr: float, max_fpr: float, copies: int = 1) -> float:
    """The definition: the share of ordered pairs of the worst positives and the best negatives.

    A tie is a straight segment of the ROC curve, which is what many small copies of its items, evenly mixed, give.
    """
    spread = (np.arange(copies) + 0.5) / copies
    positive = np.sort((s[y == 1][:, None] + 1e-6 * spread).ravel())  # the worst first
    negative = np.sort((s[y == 0][:, None] + 1e-6 * spread).ravel())[::-1]  # the best first

    def weights(count: int, share: float) -> np.ndarray:
        """The fraction of each item that belongs to the first share."""
        return np.clip(share * count - np.arange(count), 0, 1)

    p, n = weights(len(positive), 1 - min_tpr), weights(len(negative), max_fpr)
    order = (positive[:, None] > negative).astype(float) + 0.5 * (positive[:, None] == negative)
    return float(p @ order @ n / (p.sum() * n.sum()))


def example(seed: int, n: int, levels: int | None) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.3).astype(float)
    y[:2] = 0, 1
    s = rng.normal(size=n) + y
    return y, s if levels is None else np.round(s * levels) / levels


@pytest.mark.parametrize("max_fpr", [0.001, 0.05, 0.1, 0.3, 1 / 3, 0.5, 0.8, 0.999, 1.0])
@pytest.mark.parametrize("levels", [None, 1, 5])
def test_one_way_equals_scikit_learn(max_fpr: float, levels: int | None) -> None:
    for seed, n in enumerate((2, 3, 7, 20, 100, 1000)):
        y, s = example(seed, n, levels)
        standard = roc_auc_score(y, s, max_fpr=max_fpr)
        assert partial_auc(y, s, max_fpr) == pytest.approx(standard, abs=1e-12)
        chance = max_fpr**2 / 2
        area = (2 * standard - 1) * (max_fpr - chance) + chance  # scikit-learn's, without its normalisation
        assert partial_auc(y, s, max_fpr, "area") == pytest.approx(area / max_fpr, abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=25), st.floats(0.01, 1.0))
def test_one_way_equals_scikit_learn_on_random_scores(rows: list[tuple[bool, int]], max_fpr: float) -> None:
    y, s = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    assume(y.min() < y.max())
    assert partial_auc(y, s, max_fpr) == pytest.approx(roc_auc_score(y, s, max_fpr=max_fpr), abs=1e-9)


@pytest.mark.parametrize(("min_tpr", "max_fpr"), LIMITS)
def test_two_way_is_the_share_of_ordered_pairs(min_tpr: float, max_fpr: float) -> None:
    for seed, n in enumerate((2, 3, 7, 20, 100, 400)):
        y, s = example(seed, n, None)
        assert two_way_pauc(y, s, min_tpr, max_fpr) == pytest.approx(by_pairs(y, s, min_tpr, max_fpr), abs=1e-9)


@pytest.mark.parametrize(("min_tpr", "max_fpr"), LIMITS[:-1])
def test_two_way_area_with_ties(min_tpr: float, max_fpr: float) -> None:
    for seed, n in enumerate((3, 7, 20)):
        y, s = example(seed, n, 1)
        expected = by_pairs(y, s, min_tpr, max_fpr, copies=200)
        assert two_way_pauc(y, s, min_tpr, max_fpr) == pytest.approx(expected, abs=0.01)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(-50, 50)), min_size=2, max_size=15, unique_by=lambda row: row[1]),
    st.floats(0, 0.98),
    st.floats(0.02, 1.0),
)
def test_two_way_area_on_random_scores(rows: list[tuple[bool, int]], min_tpr: float, max_fpr: float) -> None:
    y, s = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    assume(y.min() < y.max())
    value = two_way_pauc(y, s, min_tpr, max_fpr)
    assert value == pytest.approx(by_pairs(y, s, min_tpr, max_fpr), abs=1e-9)
    assert -1e-12 <= value <= 1 + 1e-12


def test_the_corner_of_the_two_way_area() -> None:
    """Five positives and five negatives; only the worst positive and the best negative are in the wrong order."""
    y = np.array([1, 1, 1, 1, 0, 1, 0, 0, 0, 0], dtype=float)
    s = np.arange(10.0)[::-1]
    assert two_way_pauc(y, s, min_tpr=0.8, max_fpr=0.2) == 0.0  # that pair alone
    assert two_way_pauc(y, s, min_tpr=0.8, max_fpr=0.4) == pytest.approx(1 / 2)
    assert two_way_pauc(y, s, min_tpr=0.2, max_fpr=0.2) == pytest.approx(3 / 4)
    assert two_way_pauc(y, s, min_tpr=0.0, max_fpr=1.0) == pytest.approx(24 / 25) == pytest.approx(roc_auc_score(y, s))
    assert two_way_pauc(y, s, min_tpr=0.7, max_fpr=0.2) == pytest.approx(1 / 3)  # 1.5 positives
    assert two_way_pauc(y, s, min_tpr=0.8, max_fpr=0.3) == pytest.approx(1 / 3)  # 1.5 negatives


def test_areas_of_tied_scores() -> None:
    y, s = [0, 0, 1, 1], [0.0] * 4
    assert two_way_pauc(y, s, 0.5, 0.5) == 0.0  # the diagonal touches the corner
    assert two_way_pauc(y, s, 0.25, 0.5) == pytest.approx(0.25**2 / 2 / (0.75 * 0.5))
    assert partial_auc(y, s, 0.3) == pytest.approx(0.5)
    assert partial_auc(y, s, 0.3, "area") == pytest.approx(0.15)


def test_two_way_without_a_lower_limit_is_the_one_way_area() -> None:
    y, s = example(0, 50, 5)
    assert two_way_pauc(y, s, 0.0, 0.3) == pytest.approx(partial_auc(y, s, 0.3, "area"), abs=1e-12)


@pytest.mark.parametrize("rate", [-0.1, 1.1, math.nan, math.inf])
def test_rates_out_of_range_are_refused(rate: float) -> None:
    y, s = [0, 1], [0.0, 1.0]
    for call in (
        lambda: partial_auc(y, s, rate),
        lambda: two_way_pauc(y, s, 0.5, rate),
        lambda: partial_metrics(max_fpr=rate),
    ):
        with pytest.raises(ValueError, match=rf"max_fpr: expected a number in \(0, 1\], got {rate}"):
            call()
    for call in (lambda: two_way_pauc(y, s, rate, 0.5), lambda: partial_metrics(min_tpr=rate)):
        with pytest.raises(ValueError, match=rf"min_tpr: expected a number in \[0, 1\), got {rate}"):
            call()


def test_rates_at_the_ends_of_their_ranges() -> None:
    y, s = [0, 1], [0.0, 1.0]
    with pytest.raises(ValueError, match="max_fpr"):
        partial_auc(y, s, 0.0)
    with pytest.raises(ValueError, match="min_tpr"):
        two_way_pauc(y, s, 1.0, 0.5)
    with pytest.raises(ValueError, match="normalization: expected mcclish or area, got 'none'"):
        partial_auc(y, s, 0.3, "none")  # type: ignore[arg-type]


def test_names_of_the_reported_areas() -> None:
    y, s = example(3, 300, 3)
    values = score_all(y, s)
    assert list(values) == list(METRICS)
    assert values["pauc_mcclish_fpr0.3"] == partial_auc(y, s, 0.3, "mcclish")
    assert values["pauc_area_fpr0.3"] == partial_auc(y, s, 0.3, "area")
    assert values["tpauc_tpr0.5_fpr0.5"] == two_way_pauc(y, s, min_tpr=0.5, max_fpr=0.5)
    other = score_all(y, s, partial_metrics(max_fpr=0.1, min_tpr=0.6))
    assert list(other)[len(METRICS) :] == ["pauc_mcclish_fpr0.1", "pauc_area_fpr0.1", "tpauc_tpr0.6_fpr0.1"]
    assert other["tpauc_tpr0.6_fpr0.1"] == two_way_pauc(y, s, min_tpr=0.6, max_fpr=0.1)
    assert other["pauc_area_fpr0.1"] == partial_auc(y, s, 0.1, "area")


def test_mean_over_tasks_with_missing_labels() -> None:
    (y, s), (z, t) = example(1, 40, 2), example(2, 40, None)
    y[5:9] = math.nan
    labels, scores = np.stack([y, np.ones(40), z], axis=1), np.stack([s, t, t], axis=1)
    known = ~np.isnan(y)
    expected = (roc_auc_score(y[known], s[known], max_fpr=0.3) + roc_auc_score(z, t, max_fpr=0.3)) / 2
    assert score_all(labels, scores)["pauc_mcclish_fpr0.3"] == pytest.approx(expected)
    expected = (two_way_pauc(y[known], s[known]) + by_pairs(z, t, 0.5, 0.5)) / 2
    assert score_all(labels, scores)["tpauc_tpr0.5_fpr0.5"] == pytest.approx(expected)
    assert math.isnan(two_way_pauc([1, 1], [0.0, 1.0]))
    assert math.isnan(partial_auc([], []))
