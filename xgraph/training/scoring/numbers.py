"""Metrics of predicted numbers, each the mean over the targets that it is defined for."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def rmse(target: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Root of the mean squared error.

    Args:
        target: Numbers, or NaN for a missing one, shape ``[n]``.
        predicted: Finite numbers, shape ``[n]``.

    Returns:
        The metric, in the units of the target; NaN if no number is known.

    Example:
        >>> rmse([1.0, 2.0], [1.0, 4.0]) == 2 ** 0.5
        True
    """
    return _of(target, predicted, _rmse)


def mae(target: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Mean absolute error.

    Args:
        target: Numbers, or NaN for a missing one, shape ``[n]``.
        predicted: Finite numbers, shape ``[n]``.

    Returns:
        The metric, in the units of the target; NaN if no number is known.

    Example:
        >>> mae([1.0, 2.0], [1.0, 4.0])
        1.0
    """
    return _of(target, predicted, _mae)


def r2(target: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Coefficient of determination R²: 1 minus the squared error over that of the mean of these targets.

    Args:
        target: Numbers, or NaN for a missing one, shape ``[n]``.
        predicted: Finite numbers, shape ``[n]``.

    Returns:
        The metric, at most 1; NaN if the known numbers are all equal.

    Example:
        >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 2.0])
        0.5
    """
    return _of(target, predicted, _r2)


def pearson(target: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Pearson's correlation of prediction and target; a constant prediction has the correlation 0.

    Args:
        target: Numbers, or NaN for a missing one, shape ``[n]``.
        predicted: Finite numbers, shape ``[n]``.

    Returns:
        The metric; NaN if the known numbers are all equal.

    Example:
        >>> round(pearson([1.0, 2.0, 4.0], [2.0, 4.0, 8.0]), 6)
        1.0
    """
    return _of(target, predicted, _pearson)


def spearman(target: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Spearman's rank correlation of prediction and target, where tied numbers have their mean rank.

    Args:
        target: Numbers, or NaN for a missing one, shape ``[n]``.
        predicted: Finite numbers, shape ``[n]``.

    Returns:
        The metric; NaN if the known numbers are all equal.

    Example:
        >>> round(spearman([1.0, 2.0, 9.0], [0.1, 0.2, 0.3]), 6)
        1.0
    """
    return _of(target, predicted, _spearman)


def score_numbers(target: npt.ArrayLike, predicted: npt.ArrayLike) -> dict[str, float]:
    """Compute all metrics of numbers, each as the mean over the targets for which it is defined.

    Args:
        target: Numbers, or NaN for a missing one, shape ``[n]`` or ``[n, T]``.
        predicted: Finite numbers of the same shape.

    Returns:
        Metrics by name: NaN where no target defines it.

    Example:
        >>> {name: round(value, 3) for name, value in score_numbers([1.0, 2.0, 4.0], [1.0, 2.0, 3.0]).items()}
        {'rmse': 0.577, 'mae': 0.333, 'r2': 0.786, 'pearson': 0.982, 'spearman': 1.0}
    """
    y, p = _checked(target, predicted)
    known = [(y[mask, t], p[mask, t]) for t in range(y.shape[1]) if (mask := ~np.isnan(y[:, t])).any()]
    return {name: _mean([metric(*pair) for pair in known]) for name, metric in NUMBER_METRICS.items()}


def _mean(values: list[float]) -> float:
    defined = [value for value in values if not math.isnan(value)]
    return float(np.mean(defined)) if defined else math.nan


def _checked(target: npt.ArrayLike, predicted: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    y, p = (np.asarray(a, dtype=np.float64) for a in (target, predicted))
    if y.shape != p.shape or y.ndim not in (1, 2):
        raise ValueError(f"target and predicted: expected equal shapes [n] or [n, T], got {y.shape} and {p.shape}")
    if not np.isfinite(p).all():
        raise ValueError(f"predicted: expected finite numbers, got {float(p[~np.isfinite(p)][0])}")
    return (y[:, None], p[:, None]) if y.ndim == 1 else (y, p)


def _of(target: npt.ArrayLike, predicted: npt.ArrayLike, metric: "NumberMetric") -> float:
    y, p = _checked(target, predicted)
    if y.shape[1] != 1:
        raise ValueError(f"target: expected numbers of one target, [n], got the shape {list(y.shape)}")
    known = ~np.isnan(y[:, 0])
    return metric(y[known, 0], p[known, 0]) if known.any() else math.nan


def _rmse(y: FloatArray, p: FloatArray) -> float:
    return float(np.sqrt(np.mean(np.square(p - y))))


def _mae(y: FloatArray, p: FloatArray) -> float:
    return float(np.mean(np.abs(p - y)))


def _r2(y: FloatArray, p: FloatArray) -> float:
    if (y == y[0]).all():
        return math.nan
    return float(1 - np.sum(np.square(p - y)) / np.sum(np.square(y - y.mean())))


def _pearson(y: FloatArray, p: FloatArray) -> float:
    if (y == y[0]).all():
        return math.nan
    if (p == p[0]).all():
        return 0.0
    a, b = y - y.mean(), p - p.mean()
    a, b = a / np.abs(a).max(), b / np.abs(b).max()
    return float(np.clip(np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b)), -1, 1))


def _spearman(y: FloatArray, p: FloatArray) -> float:
    return _pearson(_ranks(y), _ranks(p))


def _ranks(values: FloatArray) -> FloatArray:
    """Return ranks from 0; equal values have the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    result: FloatArray = (np.cumsum(count) - (count + 1) / 2)[place]
    return result


NumberMetric = Callable[[FloatArray, FloatArray], float]

NUMBER_METRICS: dict[str, NumberMetric] = {
    "rmse": _rmse,
    "mae": _mae,
    "r2": _r2,
    "pearson": _pearson,
    "spearman": _spearman,
}
"""The metrics that every run on numbers reports. For ``rmse`` and ``mae``, lower is better."""
