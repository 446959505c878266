"""Metrics of ranked lists. Items with equal scores count as if in random order: each value is an exact expectation.

The columns of labels and scores are queries; an item with a missing label is not in the list. Queries without a
relevant item are left out of the means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from xgraph.checks import integer
from xgraph.metric_names import LIST_METRICS
from xgraph.training.scoring.places import Blocks, Places
from xgraph.training.scoring.sweep import FloatArray

__all__ = ["LIST_METRICS", "hit_at", "map_at", "mrr", "ndcg", "precision_at", "ranking_metrics", "recall_at"]


def ndcg(target: npt.ArrayLike, score: npt.ArrayLike, k: int | None = None, *, gain: str = "exp2") -> float:
    """Normalised discounted cumulative gain: Σ gain / log₂(1 + rank), divided by its largest possible value.

    A constant score gets what a random order gets on average. Without this, the order of the rows would decide.

    Args:
        target: Relevance of 0 or more, NaN for an item that is not in the list, shape ``[n]`` or ``[n, T]``.
        score: Finite scores of the same shape.
        k: Count the first k places only, in the sum and in its largest value.
        gain: "exp2" for gains of 2^y − 1, "linear" for y.

    Returns:
        The mean over the queries with a relevant item; NaN if there is none.

    Raises:
        ValueError: If shapes differ, a relevance is negative or infinite, a score is not finite, or ``k`` or ``gain``
            is out of range.

    Example:
        >>> round(ndcg([3, 0, 1], [0.5, 0.9, 0.1]), 3)
        0.644
        >>> round(ndcg([1, 0, 0, 0], [0.5, 0.5, 0.5, 0.5]), 3)
        0.64
    """
    return _ndcg(Places.of_scores(target, score), k, gain)


def recall_at(target: npt.ArrayLike, score: npt.ArrayLike, k: int) -> float:
    """Share of the relevant items that are among the first k.

    For arguments, result and errors, see :func:`ndcg`.

    Example:
        >>> recall_at([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], 2)
        0.5
    """
    return _recall(Places.of_scores(target, score), k)


def precision_at(target: npt.ArrayLike, score: npt.ArrayLike, k: int) -> float:
    """Share of the first k places with a relevant item; in lists of fewer than k items, the other places have none.

    For arguments, result and errors, see :func:`ndcg`. (The ``precision@k`` of screening divides by the number of items
    if that is less than k.)

    Example:
        >>> precision_at([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], 2)
        0.5
    """
    return _precision(Places.of_scores(target, score), k)


def hit_at(target: npt.ArrayLike, score: npt.ArrayLike, k: int) -> float:
    """Share of the queries with a relevant item among the first k.

    For arguments, result and errors, see :func:`ndcg`.

    Example:
        >>> hit_at([[0, 1], [1, 0], [0, 0]], [[0.9, 0.9], [0.8, 0.5], [0.1, 0.2]], 1)
        0.5
    """
    return _hit(Places.of_scores(target, score), k)


def mrr(target: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Mean reciprocal rank of the first relevant item.

    For arguments, result and errors, see :func:`ndcg`.

    Example:
        >>> mrr([0, 1, 1], [0.9, 0.8, 0.7])
        0.5
    """
    return _mrr(Places.of_scores(target, score))


def map_at(target: npt.ArrayLike, score: npt.ArrayLike, k: int | None = None) -> float:
    """Mean average precision: the precision at each relevant item, averaged; of the first k places, if given.

    With k, the sum is divided by the smaller one of k and the number of relevant items, so that a perfect list has 1.
    For other arguments, result and errors, see :func:`ndcg`.

    Example:
        >>> round(map_at([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], 10), 3)
        0.833
    """
    return _map(Places.of_scores(target, score), k)


def ranking_metrics(places: Places, ks: Iterable[int] = (10, 20), gain: str = "exp2") -> dict[str, float]:
    """Compute all metrics of ranked lists from the places of relevant items.

    Args:
        places: The places: ``Places.of_scores(target, score)``.
        ks: Numbers of first places.
        gain: "exp2" or "linear".

    Returns:
        ``ndcg`` and ``mrr``; ``ndcg@k``, ``recall@k``, ``precision@k``, ``hit@k`` and ``map@k`` of each k; ``queries``,
        the number of queries that the means are over, and ``empty_queries``, those without a relevant item.

    Example:
        >>> found = ranking_metrics(Places.of_scores([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1]), ks=[2])
        >>> found["recall@2"], found["mrr"], found["queries"]
        (0.5, 1.0, 1)
    """
    at: dict[str, Callable[[Places, int], float]] = {
        "ndcg": lambda found, k: _ndcg(found, k, gain),
        "recall": _recall,
        "precision": _precision,
        "hit": _hit,
        "map": _map,
    }
    values = {"ndcg": _ndcg(places, None, gain), "mrr": _mrr(places)}
    values |= {f"{name}@{k}": metric(places, k) for k in ks for name, metric in at.items()}
    used = int((places.counts > 0).sum())
    return {**values, "queries": used, "empty_queries": places.num_queries - used}


def list_metrics(target: npt.ArrayLike, score: npt.ArrayLike) -> dict[str, float]:
    """Compute `LIST_METRICS` of score matrices ``[n, T]``."""
    found = ranking_metrics(Places.of_scores(target, score), (10, 20))
    return {name: found[name] for name in LIST_METRICS}


def _ndcg(places: Places, k: int | None, gain: str) -> float:
    if gain not in ("exp2", "linear"):
        raise ValueError(f"gain must be one of exp2, linear, got {gain!r}")
    gains: FloatArray = np.exp2(places.relevance) - 1 if gain == "exp2" else places.relevance
    best = np.lexsort((-gains, places.query))
    start = np.searchsorted(places.query, places.query)
    length = int((places.first + places.size).max(initial=0))
    cut = length if k is None else min(integer("k", k), length)
    discounts = 1 / np.log2(np.arange(2.0, length + 2.0))
    discounts[cut:] = 0
    below = np.append(0.0, np.cumsum(discounts))
    found = (below[places.first + places.size] - below[places.first]) / places.size
    ideal = places.sums(gains[best] * discounts[np.arange(len(best)) - start])
    return places.mean(places.sums(gains * found) / np.where(ideal > 0, ideal, 1.0))


def _hits(places: Places, k: int) -> FloatArray:
    """Return the expected number of relevant items among the first k, ``[Q]``."""
    within = np.clip(integer("k", k) - places.first, 0, places.size)
    return places.sums(within / places.size)


def _recall(places: Places, k: int) -> float:
    return places.mean(_hits(places, k) / np.maximum(places.counts, 1))


def _precision(places: Places, k: int) -> float:
    return places.mean(_hits(places, k) / k)


def _hit(places: Places, k: int) -> float:
    integer("k", k)
    blocks, surely = places.blocks(), np.zeros(places.num_queries)
    last = blocks.first + blocks.size
    surely[blocks.query[last <= k]] = 1
    for block in np.flatnonzero((blocks.first < k) & (last > k)):  # a query has one at most
        if not surely[blocks.query[block]]:
            surely[blocks.query[block]] = 1 - _absent(blocks, int(block), k - int(blocks.first[block]))[-1]
    return places.mean(surely)


def _mrr(places: Places) -> float:
    blocks, value = places.blocks(), np.zeros(places.num_queries)
    first = np.flatnonzero(blocks.before == 0)
    for block in first:
        size, above = int(blocks.size[block]), int(blocks.first[block])
        absent = _absent(blocks, int(block), size)
        place = above + 1 + np.arange(size)
        value[blocks.query[block]] = float(((absent[:-1] - absent[1:]) / place).sum())
    return places.mean(value)


def _absent(blocks: Blocks, block: int, places: int) -> FloatArray:
    """Return the probabilities that the first 0 to ``places`` places of a block hold none of its relevant items."""
    size, relevant = int(blocks.size[block]), int(blocks.relevant[block])
    taken = np.arange(places, dtype=np.float64)
    return np.append(1.0, np.cumprod(np.maximum(size - relevant - taken, 0) / (size - taken)))


def _map(places: Places, k: int | None) -> float:
    blocks = places.blocks()
    last = blocks.first + blocks.size
    length = int(last.max(initial=0))
    cut = length if k is None else min(integer("k", k), length)
    harmonic = np.append(0.0, np.cumsum(1 / np.arange(1.0, length + 1)))
    end, begin = np.minimum(last, cut), np.minimum(blocks.first, cut)
    reciprocal, places_used = harmonic[end] - harmonic[begin], end - begin
    # at the t-th place of a block, from 0, expect (before + 1 + t (p − 1)/(m − 1)) relevant items up to there
    slope = (blocks.relevant - 1) / np.maximum(blocks.size - 1, 1)
    total = (blocks.before + 1) * reciprocal + slope * (places_used - (blocks.first + 1) * reciprocal)
    of_query = np.bincount(blocks.query, blocks.relevant / blocks.size * total, places.num_queries)
    most = places.counts if k is None else np.minimum(places.counts, k)
    return places.mean(of_query / np.maximum(most, 1))
