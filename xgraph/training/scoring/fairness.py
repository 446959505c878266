"""How far the scores of a task treat groups alike."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def fairness(
    y: npt.NDArray[Any], scores: Floats, groups: npt.NDArray[np.int64], names: list[str], threshold: float = 0.5
) -> dict[str, Any]:
    """Compare groups: differences of rates, 0 if they are equal, and the area under the ROC curve of each group.

    Args:
        y: Labels 0 and 1, NaN for missing. Shape ``[n]``.
        scores: Scores between 0 and 1. Shape ``[n]``.
        groups: Group of each item, -1 if it is not known. Shape ``[n]``.
        names: Names of the groups.
        threshold: Scores of this or more are predictions of 1.

    Returns:
        ``statistical_parity``: the largest difference between two groups' shares of predictions of 1;
        ``equal_opportunity``: the same among the positives (true-positive rates); ``tpr_gap`` and ``fpr_gap``: the
        largest difference of true-positive and of false-positive rates at any threshold; ``roc_gap``: the larger of
        these two; ``groups``: by name, the number of labelled items, positives and ``roc_auc``. A difference is NaN
        unless two groups have items for it.
    """
    from sklearn.metrics import roc_auc_score

    known = ~np.isnan(y.astype(float)) & (groups >= 0)
    y, scores, groups = y[known], scores[known], groups[known]
    thresholds = np.unique(scores)
    predicted = scores >= threshold
    gaps = {
        "statistical_parity": _difference([predicted[groups == k] for k in range(len(names))]),
        "equal_opportunity": _difference([predicted[(groups == k) & (y == 1)] for k in range(len(names))]),
    }
    for name, label in (("tpr_gap", 1), ("fpr_gap", 0)):
        gaps[name] = _largest([np.sort(scores[(groups == k) & (y == label)]) for k in range(len(names))], thresholds)
    gaps["roc_gap"] = float(np.fmax(gaps["tpr_gap"], gaps["fpr_gap"]))
    own: dict[str, Any] = {}
    for k, name in enumerate(names):
        labels = y[groups == k]
        both = 0 < labels.sum() < len(labels)
        area = float(roc_auc_score(labels, scores[groups == k])) if both else math.nan
        own[name] = {"labels": len(labels), "positives": int(labels.sum()), "roc_auc": area}
    return {**gaps, "groups": own}


def _difference(parts: list[npt.NDArray[np.bool_]]) -> float:
    rates = [float(part.mean()) for part in parts if len(part)]
    return max(rates) - min(rates) if len(rates) > 1 else math.nan


def _largest(parts: list[Floats], thresholds: Floats) -> float:
    """The largest difference, over all thresholds, between the shares of sorted scores at or above them."""
    rates = np.array([1 - np.searchsorted(part, thresholds) / len(part) for part in parts if len(part)])
    return float((rates.max(axis=0) - rates.min(axis=0)).max()) if len(rates) > 1 and len(thresholds) else math.nan
