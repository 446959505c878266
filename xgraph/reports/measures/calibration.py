"""Whether scores are probabilities: Brier score, calibration error, and the curve behind it."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

BINS = 10


class Calibration(NamedTuple):
    """How often what was predicted with some score came true, in bins with about equally many items.

    Args:
        predicted: Mean score of each bin, shape ``[b]``.
        observed: Share of positives in each bin, shape ``[b]``.
        low: Lower limit of its 95 % interval (Wilson).
        high: Upper limit of its 95 % interval.
        items: Number of items in each bin.
        error: Expected calibration error: the mean distance between both, weighted by the number of items.
        brier: Brier score: the mean squared distance between score and label, over all items.
        constant: Brier score of predicting the share of positives for all.
    """

    predicted: FloatArray
    observed: FloatArray
    low: FloatArray
    high: FloatArray
    items: FloatArray
    error: float
    brier: float
    constant: float


def calibration(labels: FloatArray, scores: FloatArray, bins: int = BINS) -> Calibration:
    """Compare scores with labels.

    Args:
        labels: 0 and 1, or NaN for a missing label, shape ``[n]``.
        scores: Scores between 0 and 1, shape ``[n]``.
        bins: Number of bins; fewer where items have equal scores, which stay together.

    Raises:
        ValueError: If no label is known.

    Example:
        >>> one = calibration(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.1, 0.6, 0.8]), bins=2)
        >>> round(one.brier, 4), one.constant, round(one.error, 2)
        (0.055, 0.25, 0.2)
    """
    known = ~np.isnan(labels)
    y, p = labels[known], scores[known]
    if not len(y):
        raise ValueError("labels: expected at least one that is not missing")
    order = np.argsort(p, kind="stable")
    y, p = y[order], p[order]
    distinct = np.append(np.flatnonzero(p[1:] != p[:-1]) + 1, len(p))  # where a bin may end
    wanted = np.linspace(0, len(p), bins + 1)[1:]
    ends = np.unique(distinct[np.searchsorted(distinct, wanted - 0.5)])
    starts = np.append(0, ends[:-1])
    count = (ends - starts).astype(np.float64)
    predicted, observed = (np.add.reduceat(values, starts) / count for values in (p, y))
    low, high = wilson(observed * count, count)
    return Calibration(
        *(predicted, observed, low, high, count),
        error=float((count * np.abs(predicted - observed)).sum() / count.sum()),
        brier=float(np.mean((p - y) ** 2)),
        constant=float(y.mean() * (1 - y.mean())),
    )


def wilson(successes: FloatArray, count: FloatArray, z: float = 1.959963984540054) -> tuple[FloatArray, FloatArray]:
    """Return the 95 % interval of Wilson for shares.

    Args:
        successes: Number of successes.
        count: Number of trials, at least 1.
        z: Quantile of the normal distribution.
    """
    share, square = successes / count, z * z / count
    middle = (share + square / 2) / (1 + square)
    half = z / (1 + square) * np.sqrt(share * (1 - share) / count + square / count / 4)
    return (middle - half).clip(0, 1), (middle + half).clip(0, 1)
