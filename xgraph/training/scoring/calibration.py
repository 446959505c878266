"""How far scores are probabilities, and what conformal sets made from them hold."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from xgraph.training.scoring.conformal import ALPHA, Conformal, check_alpha

BINS = 10
"""Number of bins of equal width for the expected calibration error."""

Array = npt.NDArray[np.float64]


class Reliability(NamedTuple):
    """The bins of a reliability diagram that hold items, from low to high scores.

    Args:
        score: Mean score of the items of each bin.
        rate: Share of positives among them; for classes that exclude each other, of right predictions.
        items: Number of items.
    """

    score: Array
    rate: Array
    items: npt.NDArray[np.int64]


def brier_score(target: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Brier score: the mean squared difference between scores and labels; the lower, the better.

    Args:
        target: Labels 0 and 1, or NaN for a missing label, shape ``[n]``. For classes that exclude each other, one-hot
            rows, shape ``[n, C]``; the squares are then added up over the classes, as scikit-learn does.
        score: Scores between 0 and 1, of the same shape.

    Returns:
        The score; NaN if all labels are missing.

    Example:
        >>> round(brier_score([1, 0, 1, 0], [0.9, 0.2, 0.6, 0.1]), 3)
        0.055
    """
    y, s = _known(target, score)
    return float(np.mean((s - y) ** 2) if s.ndim == 1 else np.mean(((s - y) ** 2).sum(axis=1))) if len(y) else math.nan


def calibration_error(target: npt.ArrayLike, score: npt.ArrayLike, bins: int = BINS) -> float:
    r"""Expected calibration error: the mean over items of how far the positives of their bin are from its mean score.

    .. math:: \sum_b \frac{n_b}{n} \left| \bar y_b - \bar s_b \right|

    The bins divide 0 to 1 into parts of equal width. The error depends on their number, and it is above 0 for finite
    data even if scores are probabilities: compare runs on the same items and with the same number of bins.

    Args:
        target: Labels 0 and 1, or NaN for a missing label, shape ``[n]``. For classes that exclude each other, one-hot
            rows, shape ``[n, C]``: the error is then that of the score of the predicted class, which is right or wrong.
        score: Scores between 0 and 1, of the same shape.
        bins: Number of bins.

    Returns:
        The error; NaN if all labels are missing.

    Example:
        >>> round(calibration_error([1, 0, 1, 0], [0.9, 0.2, 0.6, 0.1]), 3)
        0.2
    """
    found = reliability(target, score, bins)
    if not len(found.items):
        return math.nan
    return float(np.sum(found.items * np.abs(found.rate - found.score)) / found.items.sum())


def reliability(target: npt.ArrayLike, score: npt.ArrayLike, bins: int = BINS) -> Reliability:
    """Return the bins of a reliability diagram, for the arguments of :func:`calibration_error`."""
    y, s = _known(target, score)
    if s.ndim == 2:
        best = s.argmax(axis=1)
        y, s = y[np.arange(len(y)), best], s[np.arange(len(s)), best]
    place = np.minimum((s * bins).astype(np.int64), bins - 1)
    count = np.bincount(place, minlength=bins)
    filled = count > 0
    means = [np.bincount(place, values, minlength=bins)[filled] / count[filled] for values in (s, y)]
    return Reliability(means[0], means[1], count[filled])


def calibration_facts(
    valid_labels: npt.ArrayLike | None,
    valid_scores: npt.ArrayLike | None,
    test_labels: npt.ArrayLike,
    test_scores: npt.ArrayLike,
    alpha: float = ALPHA,
    *,
    several_classes: bool = False,
    names: Sequence[str] | None = None,
    bins: int = BINS,
) -> dict[str, Any]:
    """Return how far the scores of a part are probabilities, and what its conformal sets hold.

    Args:
        valid_labels: Labels of the validation part, by which the sets are calibrated: 0, 1 or NaN for missing, or
            one-hot rows, shape ``[n, T]``. None if there is no such part.
        valid_scores: Scores of the validation part, between 0 and 1.
        test_labels: Labels of the part that is measured, shape ``[m, T]``.
        test_scores: Its scores.
        alpha: The share of errors that the sets are made for.
        several_classes: Whether the columns are classes that exclude each other.
        names: Names of the columns; by default their numbers.
        bins: Number of bins of equal width for the calibration error.

    Returns:
        Means over the tasks with labels: ``brier`` and ``ece``, with ``bins``; and with a validation part, ``alpha``,
        the share of items whose set holds the true class (``coverage``; for tasks with labels 0 and 1 also
        ``coverage_0`` and ``coverage_1``, those of the negatives and the positives), and the mean number of classes in
        a set (``set_size``). Figures that are not known are left out. ``tasks`` holds the same for each column by name;
        for classes that exclude each other, only the coverage of their items.

    Example:
        >>> valid, scores = [[0]] * 20 + [[1]] * 20, [[i / 40] for i in range(40)]
        >>> facts = calibration_facts(valid, scores, [[0], [1]], [[0.2], [0.9]])
        >>> facts["coverage"], facts["set_size"], round(facts["brier"], 3)
        (1.0, 1.0, 0.025)
    """
    alpha = check_alpha(alpha)
    y, s = (_columns(values) for values in (test_labels, test_scores))
    labels = [str(name) for name in (range(s.shape[1]) if names is None else names)]
    tasks: dict[str, dict[str, float]] = {name: {} for name in labels}
    columns = [(y, s)] if several_classes else [(y[:, t], s[:, t]) for t in range(s.shape[1])]
    found: list[dict[str, float]] = []
    for target, score in columns:
        found.append({"brier": brier_score(target, score), "ece": calibration_error(target, score, bins)})
    more: dict[str, float] = {"bins": bins}
    if valid_labels is not None and valid_scores is not None:
        more["alpha"] = alpha
        fitted = Conformal(_columns(valid_labels), _columns(valid_scores), several_classes=several_classes)
        for one, held in zip(found, fitted.coverage(y, s, alpha), strict=True):
            each = held.pop("by_class")
            one |= held
            if several_classes:
                tasks = {name: _filled({"coverage": value}) for name, value in zip(labels, each, strict=True)}
            else:
                one |= {"coverage_0": each[0], "coverage_1": each[1]}
    found = [_filled(one) for one in found]
    if not several_classes:
        tasks = dict(zip(labels, found, strict=True))
    keys = dict.fromkeys(key for one in found for key in one)
    means = {key: float(np.mean([one[key] for one in found if key in one])) for key in keys}
    return {**means, **(more if means else {}), "tasks": tasks}


def _filled(values: dict[str, Any]) -> dict[str, float]:
    """Return the values without those that are not known."""
    return {name: value for name, value in values.items() if value is not None and value == value}


def _columns(values: npt.ArrayLike) -> Array:
    array = np.asarray(values, dtype=np.float64)
    return array[:, None] if array.ndim == 1 else array


def _known(target: npt.ArrayLike, score: npt.ArrayLike) -> tuple[Array, Array]:
    """Return the items with a label, after checking shapes and scores."""
    y, s = (np.asarray(a, dtype=np.float64) for a in (target, score))
    if y.shape != s.shape or y.ndim not in (1, 2):
        raise ValueError(f"target and score: expected equal shapes [n] or [n, C], got {y.shape} and {s.shape}")
    known = ~np.isnan(y) if y.ndim == 1 else ~np.isnan(y).any(axis=1)
    y, s = y[known], s[known]
    wrong = s[~((s >= 0) & (s <= 1))]
    if wrong.size:
        raise ValueError(f"score: expected numbers between 0 and 1, got {float(wrong[0])}")
    return y, s
