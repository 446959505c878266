"""Ranking metrics, each computed from one sorted sweep over the scores of a task."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from xgraph.training.scoring.partial_auc import check_limits, one_way, partial_auc, two_way, two_way_pauc
from xgraph.training.scoring.screening import bedroc, enrichment, hits, precision_at
from xgraph.training.scoring.sweep import Sweep, columns, sweep

__all__ = [
    "METRICS",
    "Metric",
    "accuracy",
    "average_precision",
    "partial_auc",
    "partial_metrics",
    "prc_auc",
    "roc_auc",
    "score_all",
    "tied",
    "two_way_pauc",
]

Metric = Callable[[Sweep], float]


def average_precision(target: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Average precision: the sum of (recall step) × precision, without interpolation. Tied scores form one step.

    Args:
        target: Labels 0 and 1, or NaN for a missing label, shape ``[n]``.
        score: Finite scores, shape ``[n]``.

    Returns:
        The metric; NaN if the labels hold only one class.

    Example:
        >>> round(average_precision([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1]), 3)
        0.833
    """
    return _of(sweep(target, score), _average_precision)


def prc_auc(target: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Area under the precision-recall curve by trapezoids, for comparison with published figures of that kind.

    The curve begins at the precision of the items with the highest score, so a constant score has the share of
    positives as its area. Published figures often begin at a precision of 1 instead, which makes no difference without
    ties, but gives a constant score about .5. A large block of tied scores further down still raises the area: see
    :func:`tied`, or use :func:`average_precision`, in which such a block counts with its own precision only.

    Args:
        target: Labels 0 and 1, or NaN for a missing label, shape ``[n]``.
        score: Finite scores, shape ``[n]``.

    Returns:
        The metric; NaN if the labels hold only one class.

    Example:
        >>> prc_auc([1, 0, 0, 0], [0.5, 0.5, 0.5, 0.5])
        0.25
        >>> round(prc_auc([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1]), 3)
        0.792
    """
    return _of(sweep(target, score), _prc_auc)


def tied(target: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Share of the items whose score equals that of an item of the other class: the part without an order.

    It is 0 if the scores order every pair of a positive and a negative, and 1 for a constant score. Ties among
    positives or among negatives, such as those of repeated molecules, change no metric and are not counted.

    Args:
        target: Labels 0 and 1, or NaN for a missing label, shape ``[n]``.
        score: Finite scores, shape ``[n]``.

    Returns:
        The share; NaN if the labels hold only one class.

    Example:
        >>> tied([1, 0, 1, 0, 0], [0.9, 0.8, 0.8, 0.1, 0.1])
        0.4
    """
    return _of(sweep(target, score), _tied)


def roc_auc(target: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Area under the ROC curve: the share of (positive, negative) pairs in the right order; ties count half.

    Args:
        target: Labels 0 and 1, or NaN for a missing label, shape ``[n]``.
        score: Finite scores, shape ``[n]``.

    Returns:
        The metric; NaN if the labels hold only one class.

    Example:
        >>> roc_auc([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1])
        0.75
    """
    return _of(sweep(target, score), _roc_auc)


def accuracy(target: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Share of items whose highest score is that of their class.

    Args:
        target: One-hot rows, or rows of NaN for missing labels, shape ``[n, C]``.
        score: Finite scores, shape ``[n, C]``.

    Returns:
        The accuracy; NaN if all labels are missing.
    """
    y, s = (np.asarray(a, dtype=np.float64) for a in (target, score))
    if y.shape != s.shape or y.ndim != 2:
        raise ValueError(f"target and score: expected equal shapes [n, C], got {y.shape} and {s.shape}")
    if not np.isfinite(s).all():
        raise ValueError(f"score: expected finite numbers, got {float(s[~np.isfinite(s)][0])}")
    known = ~np.isnan(y).any(axis=1)
    return float(np.mean(y[known].argmax(axis=1) == s[known].argmax(axis=1))) if known.any() else math.nan


def partial_metrics(max_fpr: float | None = None, min_tpr: float | None = None) -> dict[str, Metric]:
    """Return the partial areas by name; the names contain the limits."""
    fpr = 0.3 if max_fpr is None else max_fpr
    low, high = 0.5 if min_tpr is None else min_tpr, 0.5 if max_fpr is None else max_fpr
    check_limits(low, fpr)
    return {
        f"pauc_mcclish_fpr{fpr:g}": lambda swept: one_way(swept, fpr, "mcclish"),
        f"pauc_area_fpr{fpr:g}": lambda swept: one_way(swept, fpr, "area"),
        f"tpauc_tpr{low:g}_fpr{high:g}": lambda swept: two_way(swept, low, high),
    }


def top_metrics(k: int) -> dict[str, Metric]:
    """Return the metrics of the first k items by name; of all items if there are fewer."""
    return {f"precision@{k}": lambda swept: precision_at(swept, k), f"hits@{k}": lambda swept: hits(swept, k)}


def score_all(
    target: npt.ArrayLike, score: npt.ArrayLike, metrics: Mapping[str, Metric] | None = None
) -> dict[str, float]:
    """Compute all metrics, each as the mean over the tasks that have both classes.

    Args:
        target: Labels 0 and 1, or NaN for a missing label, shape ``[n]`` or ``[n, T]``.
        score: Finite scores of the same shape.
        metrics: Further metrics, such as those of ``partial_metrics``.

    Returns:
        Metrics by name; NaN if no task has both classes.
    """
    y, s = np.asarray(target), np.asarray(score)
    if y.shape != s.shape or y.ndim not in (1, 2):
        raise ValueError(f"target and score: expected equal shapes [n] or [n, T], got {y.shape} and {s.shape}")
    if y.ndim == 1:
        y, s = y[:, None], s[:, None]
    every = {**METRICS, **(metrics or {})}
    values: dict[str, list[float]] = {name: [] for name in every}
    for labels, scores in columns(y, s):
        swept = sweep(labels, scores)
        if swept is not None:
            for name, metric in every.items():
                values[name].append(metric(swept))
    return {name: float(np.mean(of_tasks)) if of_tasks else math.nan for name, of_tasks in values.items()}


def _of(swept: Sweep | None, metric: Metric) -> float:
    return math.nan if swept is None else metric(swept)


def _average_precision(swept: Sweep) -> float:
    tp, fp = swept
    return float(np.sum(np.diff(tp, prepend=0.0) * (tp / (tp + fp))) / tp[-1])


def _prc_auc(swept: Sweep) -> float:
    tp, fp = swept
    precision = tp / (tp + fp)
    precision = np.append(precision[0], precision)
    recall = np.append(0.0, tp / tp[-1])
    return float(np.sum(np.diff(recall) * (precision[1:] + precision[:-1]) / 2))


def _tied(swept: Sweep) -> float:
    positives, negatives = (np.diff(counts, prepend=0.0) for counts in swept)
    both = (positives > 0) & (negatives > 0)
    return float((positives + negatives)[both].sum() / (swept.tp[-1] + swept.fp[-1]))


def _roc_auc(swept: Sweep) -> float:
    tp, fp = (np.append(0.0, counts) for counts in swept)
    return float(np.sum(np.diff(fp) * (tp[1:] + tp[:-1]) / 2) / (tp[-1] * fp[-1]))


METRICS: dict[str, Metric] = {
    "ap": _average_precision,
    "prc_auc": _prc_auc,
    "roc_auc": _roc_auc,
    "tied": _tied,
    **partial_metrics(),
    "ef_1": lambda swept: enrichment(swept, 0.01),
    "ef_5": lambda swept: enrichment(swept, 0.05),
    "bedroc": bedroc,
    **top_metrics(10),
}
"""The metrics that every run reports. ``tied`` qualifies the others and is not better if higher. The
limits of the partial areas are fixed, so that runs are comparable.
"""
