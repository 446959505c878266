"""Curves of a ranking, and bootstrap bands and intervals for them.

Items are collected in cells of equal scores, from the highest down. Long rankings have one cell per score at their top
and cells of several scores below, so that the cost of the bootstrap does not grow with the number of items.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from xgraph.training.scoring.sweep import Sweep

FloatArray = npt.NDArray[np.float64]

DRAWS = 200
"""Samples of the bootstrap."""
_MOST_CELLS, _TOP = 6000, 3000
GRID = 101


class Band(NamedTuple):
    """The middle 95 % of the curves of the bootstrap samples.

    Args:
        x: Where, shape ``[g]``.
        low: Lower limit, shape ``[g]``.
        high: Upper limit, shape ``[g]``.
    """

    x: FloatArray
    low: FloatArray
    high: FloatArray


class Samples:
    """Bootstrap samples of a ranking: positives and negatives are drawn with replacement, each among themselves.

    Args:
        swept: The counts of the ranking.
        draws: Number of samples.
        seed: Seed of the draws.
    """

    def __init__(self, swept: Sweep, draws: int = DRAWS, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        edges = _edges(len(swept.tp))
        positives, negatives = (np.diff(counts[edges], prepend=0.0) for counts in swept)
        self.tp, self.fp = (_cumulated(random, counts, draws) for counts in (positives, negatives))

    def precision(self) -> Band:
        """The band of the precision over the recall."""
        recall, precision = self.tp / self.tp[:, -1:], self._precision()
        grid = np.linspace(0.0, 1.0, GRID)
        at = [own[np.searchsorted(r, grid).clip(0, len(own) - 1)] for r, own in zip(recall, precision, strict=True)]
        return _band(grid, np.stack(at))

    def roc(self) -> Band:
        """The band of the true-positive rate over the false-positive rate."""
        tpr, fpr = self.tp / self.tp[:, -1:], self.fp / self.fp[:, -1:]
        grid = np.linspace(0.0, 1.0, GRID)
        at = [np.interp(grid, np.append(0.0, x), np.append(0.0, y)) for x, y in zip(fpr, tpr, strict=True)]
        return _band(grid, np.stack(at))

    def average_precision(self) -> FloatArray:
        """The average precision of each sample."""
        steps = np.diff(self.tp, axis=1, prepend=0.0)
        result: FloatArray = (steps * self._precision()).sum(axis=1) / self.tp[:, -1]
        return result

    def roc_auc(self) -> FloatArray:
        """The area under the ROC curve of each sample."""
        before = np.concatenate([np.zeros((len(self.tp), 1)), self.tp[:, :-1]], axis=1)
        steps = np.diff(self.fp, axis=1, prepend=0.0)
        result: FloatArray = (steps * (self.tp + before)).sum(axis=1) / (2 * self.tp[:, -1] * self.fp[:, -1])
        return result

    def _precision(self) -> FloatArray:
        return self.tp / np.maximum(self.tp + self.fp, 1.0)


INTERVALS: dict[str, Callable[[Samples], FloatArray]] = {"ap": Samples.average_precision, "roc_auc": Samples.roc_auc}
"""The metrics that have an interval."""


def interval(values: FloatArray) -> tuple[float, float]:
    """Return the middle 95 % of values."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def precision_recall(swept: Sweep) -> tuple[FloatArray, FloatArray]:
    """Return recall and precision from the highest score down, beginning at recall 0."""
    precision = swept.tp / (swept.tp + swept.fp)
    return np.append(0.0, swept.tp / swept.tp[-1]), np.append(precision[0], precision)


def gains(swept: Sweep) -> tuple[FloatArray, FloatArray]:
    """Return the share of the ranking that is looked at, and the share of the positives that it holds."""
    total = swept.tp + swept.fp
    return np.append(0.0, total / total[-1]), np.append(0.0, swept.tp / swept.tp[-1])


def thinned(x: FloatArray, y: FloatArray, most: int = 300) -> tuple[FloatArray, FloatArray]:
    """Leave out points of a long curve, so that those that are left are about equally far apart along it."""
    if len(x) <= most:
        return x, y
    length = np.append(0.0, np.cumsum(np.hypot(np.diff(x), np.diff(y))))
    kept = np.searchsorted(length, np.linspace(0.0, length[-1], most)).clip(0, len(x) - 1)
    kept = np.unique(np.concatenate([[0], kept, [len(x) - 1]]))
    return x[kept], y[kept]


def _edges(count: int) -> npt.NDArray[np.int64]:
    """Return the last score of each cell."""
    if count <= _MOST_CELLS:
        return np.arange(count)
    below = np.linspace(_TOP, count - 1, _MOST_CELLS - _TOP + 1).round().astype(np.int64)
    return np.unique(np.concatenate([np.arange(_TOP), below]))


def _cumulated(random: np.random.Generator, counts: FloatArray, draws: int) -> FloatArray:
    total = counts.sum()
    drawn = random.multinomial(int(total), counts / total, size=draws)
    return np.cumsum(drawn, axis=1, dtype=np.float64)


def _band(grid: FloatArray, curves: FloatArray) -> Band:
    low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    return Band(grid, low, high)
