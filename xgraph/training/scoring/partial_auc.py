"""Partial areas under the ROC curve: at low false positive rates, and also at high true positive rates only.

There are two normalisations of the one-way area, so a value must name the one it uses:

- `mcclish`: rescaled so that a random ranking has .5 and a perfect one 1 (scikit-learn's `roc_auc_score(max_fpr=)`,
  LibAUC, and the published tables of one-way partial AUC);
- `area`: the area divided by the largest possible one, so that a perfect ranking has 1 and a random one max_fpr / 2.
"""

import math
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from xgraph.training.scoring.sweep import Sweep, sweep

Normalization = Literal["mcclish", "area"]


def partial_auc(
    target: npt.ArrayLike,
    score: npt.ArrayLike,
    max_fpr: float = 0.3,
    normalization: Normalization = "mcclish",
) -> float:
    """One-way partial AUC: the area under the ROC curve at false positive rates up to ``max_fpr``.

    Args:
        target: Labels 0 and 1, or NaN for a missing label, shape ``[n]``.
        score: Finite scores, shape ``[n]``.
        max_fpr: The highest false positive rate, in (0, 1].
        normalization: "mcclish" rescales the area so that a random ranking has .5 and a perfect one 1, as
            scikit-learn's ``roc_auc_score(max_fpr=...)`` does. "area" divides it by the largest possible area.

    Returns:
        The metric; NaN if the labels hold only one class.
    """
    check_limits(0.0, max_fpr)
    if normalization not in get_args(Normalization):
        raise ValueError(f"normalization: expected {' or '.join(get_args(Normalization))}, got {normalization!r}")
    swept = sweep(target, score)
    return math.nan if swept is None else one_way(swept, max_fpr, normalization)


def two_way_pauc(target: npt.ArrayLike, score: npt.ArrayLike, min_tpr: float = 0.5, max_fpr: float = 0.5) -> float:
    """Two-way partial AUC: the share of the corner TPR ≥ ``min_tpr``, FPR ≤ ``max_fpr`` that is under the ROC curve.

    Args:
        target: Labels 0 and 1, or NaN for a missing label, shape ``[n]``.
        score: Finite scores, shape ``[n]``.
        min_tpr: The lowest true positive rate, in [0, 1).
        max_fpr: The highest false positive rate, in (0, 1].

    Returns:
        The metric; NaN if the labels hold only one class.
    """
    check_limits(min_tpr, max_fpr)
    swept = sweep(target, score)
    return math.nan if swept is None else two_way(swept, min_tpr, max_fpr)


def one_way(swept: Sweep, max_fpr: float, normalization: Normalization) -> float:
    """Compute `partial_auc` from a sweep."""
    area = _corner(swept, 0.0, max_fpr)
    if normalization == "area":
        return area / max_fpr
    chance = max_fpr**2 / 2
    return 0.5 * (1 + (area - chance) / (max_fpr - chance))


def two_way(swept: Sweep, min_tpr: float, max_fpr: float) -> float:
    """Compute `two_way_pauc` from a sweep."""
    return _corner(swept, min_tpr, max_fpr) / ((1 - min_tpr) * max_fpr)


def check_limits(min_tpr: float, max_fpr: float) -> None:
    """Raise `ValueError` if a rate is out of range."""
    if not 0 <= min_tpr < 1:
        raise ValueError(f"min_tpr: expected a number in [0, 1), got {min_tpr}")
    if not 0 < max_fpr <= 1:
        raise ValueError(f"max_fpr: expected a number in (0, 1], got {max_fpr}")


def _corner(swept: Sweep, min_tpr: float, max_fpr: float) -> float:
    """Return the area between the ROC curve and the line TPR = min_tpr, left of FPR = max_fpr."""
    x, y = swept.roc()
    start = int(np.searchsorted(y, min_tpr, side="right"))  # the first corner above the line
    rise = (min_tpr - y[start - 1]) / (y[start] - y[start - 1])
    x = np.append(x[start - 1] + rise * (x[start] - x[start - 1]), x[start:])
    y = np.append(min_tpr, y[start:])
    end = int(np.searchsorted(x, max_fpr, side="right"))  # the first corner beyond the limit
    if end == 0:
        return 0.0
    if end < len(x):
        run = (max_fpr - x[end - 1]) / (x[end] - x[end - 1])
        x, y = np.append(x[:end], max_fpr), np.append(y[:end], y[end - 1] + run * (y[end] - y[end - 1]))
    height = y - min_tpr
    return float(np.sum(np.diff(x) * (height[1:] + height[:-1]) / 2))
