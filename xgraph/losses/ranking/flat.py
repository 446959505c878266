"""Batches of ragged lists, given pair by pair: checks, and their layout as columns."""

from __future__ import annotations

import torch
from torch import Tensor

from xgraph.checks import holds_integers, outside
from xgraph.losses.batch import Batch


def check_flat(
    scores: Tensor, target: Tensor, pair: Tensor | None, query: Tensor | None, num_relevant: Tensor
) -> tuple[Tensor | None, Tensor]:
    """Check the shapes and numbers of a flat batch; return its pairs and queries as int64.

    Args:
        scores: ``[N]``.
        target: ``[N]``, relevance.
        pair: ``[N]``, the numbers of the relevant pairs; not read elsewhere.
        query: ``[N]``.
        num_relevant: ``[Q]``, from which the numbers of a query's pairs follow.
    """
    if query is None:
        raise ValueError("query is required: the number of the list that each score belongs to")
    for name, values in (("target", target), ("pair", pair), ("query", query)):
        if values is not None and not isinstance(values, Tensor):
            raise TypeError(f"{name} must be a tensor, got {type(values).__name__}")
        if values is not None and (scores.dim() != 1 or values.shape != scores.shape):
            expected = f"[{len(scores)}]" if scores.dim() == 1 else "[N], as scores"
            raise ValueError(
                f"{name} must have the shape {expected}, got {list(values.shape)} for {list(scores.shape)}"
            )
        if name != "target" and values is not None and not holds_integers(values):
            raise TypeError(f"{name} must be a tensor of integers, got {values.dtype}")
    query = query.long()
    wrong = outside(query, len(num_relevant))
    if wrong is not None:
        raise IndexError(f"query must lie in 0..{len(num_relevant) - 1}, got {wrong}")
    if pair is None:
        return None, query
    pair = pair.long()
    last = num_relevant.cumsum(0)[query]
    strange = ((target > 0) & ((pair >= last) | (pair < last - num_relevant[query]))).nonzero()
    if len(strange):
        row = int(strange[0, 0])
        end = int(last[row])
        raise IndexError(
            f"pair must be the number of a relevant pair of its query, {end - int(num_relevant[query[row]])}.."
            f"{end - 1} for query {int(query[row])}, got {int(pair[row])} in row {row}; see RelevanceLists.offsets"
        )
    return pair, query


def columns_of(batch: Batch, pair: Tensor | None, query: Tensor) -> Batch:
    """Lay out the ``[N, 1]`` rows of a batch as one column for each query in it, padded with unknown items."""
    known = batch.known.squeeze(1)
    own, column = torch.unique(query[known], return_inverse=True)
    order = column.argsort(stable=True)
    counts = torch.bincount(column, minlength=len(own))
    starts = counts.cumsum(0) - counts
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order), device=order.device) - starts[column[order]]
    length = int(counts.max()) if len(own) else 0

    def spread(values: Tensor) -> Tensor:
        return values.new_zeros(length, len(own)).index_put((place, column), values[known])

    scores, positive, negative = (spread(m.squeeze(1)) for m in (batch.scores, batch.positive, batch.negative))
    dense = Batch(scores, positive, negative)
    relevance = batch.relevance
    dense.relevance, dense.query = None if relevance is None else spread(relevance.squeeze(1)), own
    if pair is not None:
        dense.items = spread(pair)
        used = pair[batch.positive.squeeze(1)]
        dense.duplicates = len(torch.unique(used)) < len(used)
    return dense
