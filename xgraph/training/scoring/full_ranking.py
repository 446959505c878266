"""Ranking of all items for each query, in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor

from xgraph.checks import integer
from xgraph.relevance import RelevanceLists
from xgraph.training.scoring.places import IntArray, Places

__all__ = ["rank_all"]


def rank_all(
    score: Callable[[Tensor], Tensor],
    lists: RelevanceLists,
    without: Iterable[RelevanceLists] = (),
    chunk: int = 256,
) -> Places:
    """Find the places of the relevant items among all items, leaving out those that are known already.

    Args:
        score: Maps ``[B]`` queries to their scores of all items, ``[B, M]``, such as the ``scorer()`` of a model of
            pairs.
        lists: The relevant items to rank, such as those of the test part.
        without: Lists whose relevant items are left out of the ranking of their query, such as those of the training
            part; an item that is relevant in ``lists`` stays.
        chunk: Queries that are scored at a time.

    Returns:
        The places, for :func:`xgraph.training.scoring.ranking.ranking_metrics`. Items with equal scores share theirs.

    Raises:
        ValueError: If a score is not finite, or the shapes do not match.

    Example:
        >>> from xgraph.training.scoring.ranking import ranking_metrics
        >>> scores = torch.tensor([[0.9, 0.8, 0.7, 0.1]])
        >>> train, test = (RelevanceLists([0], [item], num_items=4) for item in (0, 2))
        >>> ranking_metrics(rank_all(lambda query: scores[query], test, [train]), ks=[1, 2])["recall@2"]
        1.0
    """
    known = list(without)
    for other in known:
        if (other.num_queries, other.num_items) != (lists.num_queries, lists.num_items):
            raise ValueError(
                f"without must be lists of {lists.num_queries} queries and {lists.num_items} items, got {other}"
            )
    queries = lists.num_relevant.nonzero().squeeze(1)
    first, last = np.zeros(lists.num_pairs, dtype=np.int64), np.zeros(lists.num_pairs, dtype=np.int64)
    done = 0
    for begin in range(0, len(queries), integer("chunk", chunk)):
        part = queries[begin : begin + chunk]
        with torch.no_grad():
            scores = score(part)
        if scores.shape != (len(part), lists.num_items):
            expected = f"{[len(part), lists.num_items]} for {len(part)} queries"
            raise ValueError(f"score must return scores of the shape {expected}, got {list(scores.shape)}")
        if not bool(scores.isfinite().all()):
            raise ValueError("score must return finite numbers, got one that is not")
        row, item = _of(lists, part)
        ordered = -scores.cpu().numpy()
        own, start = ordered[row, item], done
        for other in known:
            ordered[_of(other, part)] = np.inf
        ordered[row, item] = own
        ordered.sort(1)
        for place, count in enumerate(lists.num_relevant[part].tolist()):
            mine, here = own[done - start : done - start + count], slice(done, done + count)
            first[here], last[here] = (np.searchsorted(ordered[place], mine, side) for side in ("left", "right"))
            done += count
    return Places.of(lists.queries().numpy(), first, last - first, lists.relevance.numpy(), lists.num_queries)


def _of(lists: RelevanceLists, queries: Tensor) -> tuple[IntArray, IntArray]:
    """Return the relevant pairs of some queries, as rows of these and items."""
    count = lists.num_relevant[queries]
    row = torch.repeat_interleave(torch.arange(len(queries)), count)
    start = torch.repeat_interleave(lists.offsets[queries] - (count.cumsum(0) - count), count)
    return row.numpy(), lists.item[start + torch.arange(len(row))].numpy()
