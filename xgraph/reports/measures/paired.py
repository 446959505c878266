"""Paired differences with confidence intervals."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from xgraph.reports.measures.curves import FloatArray

DRAWS = 400
RANKED = ("ap", "roc_auc")
"""The metrics of `bootstrap`."""
MOST_ITEMS = 2_000_000
"""Items of which the bootstrap takes some seconds per run."""
_ENOUGH = 40_000_000


class Difference(NamedTuple):
    """A mean difference with its 95 % interval.

    Args:
        value: The difference.
        low: Lower limit.
        high: Upper limit.
    """

    value: float
    low: float
    high: float


def over_pairs(one: FloatArray, other: FloatArray) -> Difference | None:
    """Return the mean of one − other over pairs, such as folds, with the interval of Student's t.

    Args:
        one: Values, shape ``[n]``; pairs with NaN are left out.
        other: The values of their partners.

    Example:
        >>> over_pairs(np.array([0.6, 0.7, 0.8]), np.array([0.5, 0.6, 0.7])).value.__round__(3)
        0.1
    """
    from scipy.stats import t

    away = (one - other)[np.isfinite(one) & np.isfinite(other)]
    if len(away) < 2:
        return None
    half = float(t.ppf(0.975, len(away) - 1) * away.std(ddof=1) / np.sqrt(len(away)))
    return Difference(float(away.mean()), float(away.mean()) - half, float(away.mean()) + half)


class Ordered(NamedTuple):
    """The labelled items of a task from the highest score of a run down.

    Args:
        order: Their positions.
        positive: Whether each is positive.
        ends: The last place of each block of equal scores.
    """

    order: npt.NDArray[np.int64]
    positive: npt.NDArray[np.bool_]
    ends: npt.NDArray[np.int64]

    @classmethod
    def of(cls, labels: FloatArray, scores: FloatArray) -> "Ordered":
        """Sort the items of a task."""
        known = np.flatnonzero(~np.isnan(labels))
        order = known[np.argsort(-scores[known], kind="stable")]
        sorted_scores = scores[order]
        ends = np.append(np.flatnonzero(sorted_scores[1:] != sorted_scores[:-1]), len(order) - 1)
        return cls(order, labels[order] == 1, ends)

    def values(self, weight: FloatArray) -> tuple[float, float]:
        """Return average precision and ROC AUC with items counted `weight` times; NaN without both classes."""
        own = weight[self.order]
        tp = np.cumsum(np.where(self.positive, own, 0.0))[self.ends]
        fp = np.cumsum(np.where(self.positive, 0.0, own))[self.ends]
        if not len(tp) or tp[-1] == 0 or fp[-1] == 0:
            return np.nan, np.nan
        steps, before = np.diff(tp, prepend=0.0), np.append(0.0, tp[:-1])
        ap = (steps * tp / np.maximum(tp + fp, 1.0)).sum() / tp[-1]
        auc = (np.diff(fp, prepend=0.0) * (tp + before)).sum() / (2 * tp[-1] * fp[-1])
        return float(ap), float(auc)


def draws_for(items: int) -> int:
    """Return how many bootstrap samples are drawn of some items."""
    return int(np.clip(_ENOUGH // max(items, 1), 50, DRAWS))


def bootstrap(labels: FloatArray, scores: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Return the metrics of several runs in the same bootstrap samples of items, and those of all items.

    Args:
        labels: 0, 1 or NaN, shape ``[N, T]``.
        scores: The scores of each run, shape ``[N, T]``.

    Returns:
        Mean average precision and mean ROC AUC over the tasks with both classes, of shapes ``[draws, runs, 2]`` and
        ``[runs, 2]``.
    """
    ordered = [[Ordered.of(labels[:, t], own[:, t]) for t in range(labels.shape[1])] for own in scores]

    def metrics(weight: FloatArray) -> FloatArray:
        every = np.array([[one.values(weight) for one in tasks] for tasks in ordered])  # [runs, T, 2]
        both = np.isfinite(every[0, :, 0])
        return every[:, both].mean(axis=1) if both.any() else np.full((len(scores), 2), np.nan)

    values = [metrics(weight) for weight in _weights(labels, draws_for(len(labels) * labels.shape[1]))]
    return np.stack(values), metrics(np.ones(len(labels)))


def _weights(labels: FloatArray, draws: int) -> Iterator[FloatArray]:
    """Yield how often each item is drawn. Positives and negatives of a single task are drawn among themselves."""
    random = np.random.default_rng(0)
    single = labels.shape[1] == 1
    groups = [np.flatnonzero(labels[:, 0] == value) for value in (0, 1)] if single else [np.arange(len(labels))]
    for _ in range(draws):
        weight = np.zeros(len(labels))
        for group in groups:
            if len(group):
                weight[group] = np.bincount(random.integers(len(group), size=len(group)), minlength=len(group))
        yield weight
