"""Ranking metrics in float64, each from one sorted sweep over the scores, ties counted exactly.

Scores are raw logits: a sigmoid in float32 would tie the confident ones and move the metrics.
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def average_precision(target: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Average precision: sum of (recall step) x precision, without interpolation.

    Args:
        target: Labels 0/1, shape [n]; NaN = missing, left out.
        score: Scores, shape [n]; higher = more positive.

    Returns:
        The metric, or NaN if there is no positive or no negative.

    Raises:
        ValueError: If shapes differ, a score is not finite, or a label is not 0, 1 or NaN.

    Example:
        >>> average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        0.8333333333333333
    """
    sweep = _sweep(target, score)
    if sweep is None:
        return math.nan
    tp, fp = sweep
    precision = tp / (tp + fp)
    return float(np.sum(np.diff(tp, prepend=0.0) * precision) / tp[-1])


def prc_auc(target: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Area under the precision-recall curve by trapezoids (what the AICures leaderboard reports).

    Args:
        target: Labels 0/1, shape [n]; NaN = missing, left out.
        score: Scores, shape [n]; higher = more positive.

    Returns:
        The metric, or NaN if there is no positive or no negative.

    Raises:
        ValueError: As for `average_precision`.

    Example:
        >>> prc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        0.7916666666666666
    """
    sweep = _sweep(target, score)
    if sweep is None:
        return math.nan
    tp, fp = sweep
    precision = np.concatenate([[1.0], tp / (tp + fp)])
    recall = np.concatenate([[0.0], tp / tp[-1]])
    return float(np.sum(np.diff(recall) * (precision[1:] + precision[:-1]) / 2))


def roc_auc(target: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Area under the ROC curve: the share of (positive, negative) pairs in the right order, a tie being half.

    Args:
        target: Labels 0/1, shape [n]; NaN = missing, left out.
        score: Scores, shape [n]; higher = more positive.

    Returns:
        The metric, or NaN if there is no positive or no negative.

    Raises:
        ValueError: As for `average_precision`.

    Example:
        >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        0.75
    """
    sweep = _sweep(target, score)
    if sweep is None:
        return math.nan
    tp, fp = (np.concatenate([[0.0], counts]) for counts in sweep)
    return float(np.sum(np.diff(fp) * (tp[1:] + tp[:-1]) / 2) / (tp[-1] * fp[-1]))


METRICS: dict[str, Callable[[npt.ArrayLike, npt.ArrayLike], float]] = {
    "ap": average_precision,
    "prc_auc": prc_auc,
    "roc_auc": roc_auc,
}


def score_all(target: npt.ArrayLike, score: npt.ArrayLike) -> dict[str, float]:
    """All metrics, each the mean over the tasks that have both classes.

    Args:
        target: Labels 0/1/NaN, shape [n] or [n, T].
        score: Scores of the same shape.

    Returns:
        A value for each of `METRICS`; NaN if no task has both classes.

    Raises:
        ValueError: As for `average_precision`.

    Example:
        >>> score_all([[0, 1], [1, float("nan")]], [[0.2, 0.9], [0.7, 0.1]])
        {'ap': 1.0, 'prc_auc': 1.0, 'roc_auc': 1.0}
    """
    y, s = (np.asarray(a, dtype=np.float64) for a in (target, score))
    if y.shape != s.shape or y.ndim not in (1, 2):
        raise ValueError(f"target and score: expected one shape [n] or [n, T], got {y.shape} and {s.shape}")
    if y.ndim == 1:
        y, s = y[:, None], s[:, None]
    values = {}
    for name, metric in METRICS.items():
        tasks = [metric(y[:, t], s[:, t]) for t in range(y.shape[1])]
        defined = [value for value in tasks if not math.isnan(value)]
        values[name] = float(np.mean(defined)) if defined else math.nan
    return values


def _sweep(target: npt.ArrayLike, score: npt.ArrayLike) -> tuple[FloatArray, FloatArray] | None:
    """True and false positives at each distinct threshold, from the highest; None without both classes."""
    y, s = (np.asarray(a, dtype=np.float64) for a in (target, score))
    if y.shape != s.shape or y.ndim != 1:
        raise ValueError(f"target and score: expected one shape [n], got {y.shape} and {s.shape}")
    known = ~np.isnan(y)
    y, s = y[known], s[known]
    if not np.isin(y, (0.0, 1.0)).all():
        raise ValueError(f"target: expected labels 0, 1 or NaN, got {float(y[~np.isin(y, (0.0, 1.0))][0])}")
    if not np.isfinite(s).all():
        raise ValueError(f"score: expected finite numbers, got {float(s[~np.isfinite(s)][0])}")
    if y.size == 0 or y.min() == y.max():
        return None
    order = np.argsort(-s, kind="stable")
    y, s = y[order], s[order]
    last_of_tie = np.append(np.flatnonzero(s[1:] != s[:-1]), y.size - 1)
    tp = np.cumsum(y)[last_of_tie]
    return tp, last_of_tie + 1.0 - tp
