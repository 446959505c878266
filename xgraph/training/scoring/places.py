"""The places of relevant items in ranked lists, from which all metrics of ranked lists are computed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from xgraph.training.scoring.sweep import FloatArray

IntArray = npt.NDArray[np.int64]


class Places(NamedTuple):
    """Where the relevant items of some queries are: item i shares the places first to first + size − 1, from 0.

    Items with equal scores share their places: each order of them is as likely as any other.

    Args:
        query: ``[R]`` queries, in ascending order.
        first: ``[R]`` numbers of items of the same list with a higher score, in ascending order within a query.
        size: ``[R]`` numbers of items with the same score, itself included.
        relevance: ``[R]``, above 0.
        num_queries: Number of queries, with and without relevant items.
    """

    query: IntArray
    first: IntArray
    size: IntArray
    relevance: FloatArray
    num_queries: int

    @classmethod
    def of(cls, query: IntArray, first: IntArray, size: IntArray, relevance: FloatArray, num_queries: int) -> Places:
        """Sort the pairs by query and place."""
        order = np.lexsort((first, query))
        return cls(query[order], first[order], size[order], relevance[order], num_queries)

    @classmethod
    def of_scores(cls, target: npt.ArrayLike, score: npt.ArrayLike) -> Places:
        """Find the places in score matrices whose columns are queries.

        Args:
            target: Relevance of 0 or more, NaN for an item that is not in the list, shape ``[n]`` or ``[n, T]``.
            score: Finite scores of the same shape.
        """
        y, s = (np.asarray(a, dtype=np.float64) for a in (target, score))
        if y.shape != s.shape or y.ndim not in (1, 2):
            raise ValueError(f"target and score: expected equal shapes [n] or [n, T], got {y.shape} and {s.shape}")
        y, s = (a.reshape(len(a), -1) for a in (y, s))
        wrong = (y < 0) | np.isinf(y)
        if wrong.any():
            raise ValueError(f"target: expected relevance of 0 or more, or NaN, got {float(y[wrong][0])}")
        if not np.isfinite(s).all():
            raise ValueError(f"score: expected finite numbers, got {float(s[~np.isfinite(s)][0])}")
        parts = []
        for query in range(y.shape[1]):
            labels, own = y[:, query], -s[:, query]
            relevant = labels > 0
            ordered = np.sort(own[~np.isnan(labels)])
            first, last = (np.searchsorted(ordered, own[relevant], side) for side in ("left", "right"))
            parts.append((np.full(len(first), query), first, last - first, labels[relevant]))
        numbers, firsts, sizes, relevance = (np.concatenate(part) for part in zip(*parts, strict=True))
        return cls.of(numbers, firsts, sizes, relevance, y.shape[1])

    @property
    def counts(self) -> FloatArray:
        """``[Q]``, the number of relevant items of each query."""
        return self.sums(np.ones(len(self.query)))

    def blocks(self) -> Blocks:
        """Group the relevant items by query and score."""
        keys = np.stack([self.query, self.first], 1)
        new = np.ones(len(keys), dtype=np.bool_)
        new[1:] = (keys[1:] != keys[:-1]).any(1)
        start = np.flatnonzero(new)
        relevant = np.diff(np.append(start, len(keys)))
        query, before = self.query[start], start - np.searchsorted(self.query, self.query[start])
        return Blocks(query, self.first[start], self.size[start], relevant, before)

    def mean(self, values: FloatArray, over: npt.NDArray[np.bool_] | None = None) -> float:
        """Average ``[Q]`` values over the queries that have a relevant item; NaN if none has."""
        known = self.counts > 0 if over is None else over
        return float(values[known].mean()) if known.any() else float("nan")

    def sums(self, values: FloatArray) -> FloatArray:
        """Sum ``[R]`` values over the items of each query, ``[Q]``."""
        total = np.zeros(self.num_queries)
        np.add.at(total, self.query, values)
        return total


class Blocks(NamedTuple):
    """Tied items, of which some are relevant, sorted by query and place.

    Args:
        query: ``[N]`` queries.
        first: ``[N]`` numbers of items above.
        size: ``[N]`` numbers of items in the block.
        relevant: ``[N]`` numbers of relevant ones.
        before: ``[N]`` numbers of relevant items above.
    """

    query: IntArray
    first: IntArray
    size: IntArray
    relevant: IntArray
    before: IntArray
