"""Conformal prediction intervals of numbers."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from xgraph.training.scoring.conformal import check_alpha, least_items

Array = npt.NDArray[np.float64]
ALPHA = 0.1
"""The share of errors of the intervals that every run reports."""


class Intervals:
    r"""Intervals around predicted numbers that hold the true one with a given probability.

    The interval of an item is its prediction ± q, where q is the :math:`\lceil (n + 1)(1 - \alpha) \rceil`-th smallest
    absolute error of the n calibration items. If the items are exchangeable, it misses the true number with a
    probability of at most :math:`\alpha`. With fewer than :math:`1/\alpha - 1` calibration items it is infinite.

    From Lei, G'Sell, Rinaldo, Tibshirani and Wasserman, "Distribution-Free Predictive Inference for Regression",
    Journal of the American Statistical Association 113, 2018.

    Args:
        target: Numbers of the calibration items, NaN for missing. Shape ``[n]`` or ``[n, T]``.
        predicted: Their predictions, of the same shape.

    Example:
        >>> intervals = Intervals(np.arange(19.0), np.arange(19.0) + 1)
        >>> intervals.widths(0.1).tolist()
        [2.0]
        >>> low, high = intervals.bounds([5.0], 0.1)
        >>> low.tolist(), high.tolist()
        ([[4.0]], [[6.0]])
    """

    def __init__(self, target: npt.ArrayLike, predicted: npt.ArrayLike) -> None:
        y, p = _columns(target), _columns(predicted)
        if y.shape != p.shape:
            raise ValueError(f"target and predicted: expected equal shapes [n] or [n, T], got {y.shape} and {p.shape}")
        errors = np.abs(y - p)
        self._errors = [np.sort(own[~np.isnan(own)]) for own in errors.T]

    @property
    def counts(self) -> list[int]:
        """The number of calibration items of each target."""
        return [len(own) for own in self._errors]

    def widths(self, alpha: float) -> Array:
        """Return the width of the intervals of each target, ``[T]``; infinite with too few calibration items."""
        check_alpha(alpha)
        least = least_items(alpha)
        halves = []
        for own in self._errors:
            place = math.ceil((len(own) + 1) * (1 - alpha) - 1e-9) - 1
            halves.append(own[place] if len(own) >= least and place < len(own) else math.inf)
        return 2 * np.array(halves)

    def bounds(self, predicted: npt.ArrayLike, alpha: float) -> tuple[Array, Array]:
        """Return the lower and the upper bounds of items, ``[m, T]`` each; NaN where a prediction is missing.

        Args:
            predicted: Predictions, with NaN for missing. Shape ``[m]`` or ``[m, T]``.
            alpha: The share of errors.
        """
        p, half = _columns(predicted), self.widths(alpha) / 2
        return p - half, p + half

    def coverage(self, target: npt.ArrayLike, predicted: npt.ArrayLike, alpha: float) -> list[dict[str, Any]]:
        """Return the share of intervals that hold the number (``coverage``), and their ``width``, of each target.

        Args:
            target: Numbers of other items, NaN for missing. Shape ``[m]`` or ``[m, T]``.
            predicted: Their predictions.
            alpha: The share of errors.
        """
        y, (low, high) = _columns(target), self.bounds(predicted, alpha)
        inside = (low <= y) & (y <= high)
        found = []
        for own, held, width in zip(y.T, inside.T, self.widths(alpha).tolist(), strict=True):
            known = ~np.isnan(own)
            found.append({"coverage": float(held[known].mean()) if known.any() else None, "width": width})
        return found


def interval_figures(
    valid: tuple[npt.ArrayLike, npt.ArrayLike], target: npt.ArrayLike, predicted: npt.ArrayLike, alpha: float
) -> dict[str, float]:
    """Return the means over the targets of coverage and width of intervals by the validation part.

    Args:
        valid: Numbers and predictions of the validation part.
        target: Numbers of the part that is measured.
        predicted: Its predictions.
        alpha: The share of errors.
    """
    each = Intervals(*valid).coverage(target, predicted, alpha)
    figures = {}
    for name in ("coverage", "width"):
        known = [one[name] for one in each if one[name] is not None]
        figures[name] = float(np.mean(known)) if known else math.nan
    return figures


def _columns(values: npt.ArrayLike) -> Array:
    array = np.asarray(values, dtype=np.float64)
    return array[:, None] if array.ndim == 1 else array
