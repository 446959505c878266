"""The lists of a batch: which items are relevant to which query, and what the sampled items stand for."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from xgraph.losses.batch import Batch
from xgraph.losses.pairs.anchors import Anchors
from xgraph.losses.pairs.by_pair import ByPair
from xgraph.losses.pairs.gradient import reduce
from xgraph.losses.pairs.reductions import Mean
from xgraph.losses.pairs.surrogates import Surrogate

Strata = Literal["stratified", "pooled"]


class Lists(NamedTuple):
    """The C queries of a batch that contribute, with L rows of items; R pairs are relevant, sorted by query."""

    scores: Tensor  # [L, C]
    relevant: Tensor  # [L, C]
    other: Tensor  # [L, C], the irrelevant items
    relevance: Tensor  # [L, C], 0 where missing
    query: Tensor  # [C], their numbers
    size: Tensor  # [C], n: items in the whole list, in the type of the scores; so are the next ones
    num_relevant: Tensor  # [C], n⁺ in the whole list
    drawn: Tensor  # [C], b⁺ in the batch
    drawn_others: Tensor  # [C], b⁻ in the batch
    item: Tensor  # [R], rows of the relevant pairs
    column: Tensor  # [R], their columns
    pooled: bool

    @classmethod
    def of(cls, batch: Batch, size: Tensor, num_relevant: Tensor, strata: Strata) -> Lists | None:
        """Find the queries that contribute: those with a relevant item and another one to compare it with.

        Args:
            batch: A checked batch with ``relevance``.
            size: ``[Q]``, the number of items in the list of each query.
            num_relevant: ``[Q]``, the number of relevant ones.
            strata: How the sampled items stand for those that were not sampled.
        """
        scores, relevant, other, relevance = batch.scores, batch.positive, batch.negative, batch.relevance
        if relevance is None:
            raise TypeError("batch: expected one with relevance, got one of labels")
        query = torch.arange(scores.shape[1], device=scores.device) if batch.query is None else batch.query
        drawn, others = relevant.sum(0), other.sum(0)
        size, num_relevant = size.index_select(0, query), num_relevant.index_select(0, query)
        strange = ((drawn > 0) & (num_relevant == 0)).nonzero()
        if len(strange):
            raise ValueError(
                "target must agree with the lists that the loss was built with, got a relevant item of query "
                f"{int(query[strange[0, 0]])},"
                " which has none there; pass `relevance` of all items that batches are drawn from"
            )
        used = ((drawn > 0) & ((drawn + others > 1) | (size == 1))).nonzero().squeeze(1)
        if not len(used):
            return None
        if len(used) < len(query):
            scores, relevant, other, relevance = (m[:, used] for m in (scores, relevant, other, relevance))
            query, size, num_relevant, drawn, others = (v[used] for v in (query, size, num_relevant, drawn, others))
        column, item = relevant.t().nonzero().unbind(1)
        size, num_relevant, drawn, others = (values.to(scores.dtype) for values in (size, num_relevant, drawn, others))
        pooled = strata == "pooled"
        return cls(scores, relevant, other, relevance, query, size, num_relevant, drawn, others, item, column, pooled)

    def shares(self) -> Tensor:
        """Return what each row stands for, ``[C, L]``: n⁺/b⁺ relevant or n⁻/b⁻ irrelevant items, n in total."""
        total = self.size / (self.drawn + self.drawn_others)
        if self.pooled:
            return self._spread(total, total)
        rest = self.size - self.num_relevant
        alone = (self.drawn_others == 0) & (rest > 0)  # the relevant items stand for all others too
        own = torch.where(alone, total, self.num_relevant / self.drawn)
        return self._spread(own, rest / self.drawn_others.clamp_min(1))

    def ranks(self, surrogate: Surrogate) -> Tensor:
        """Compute the surrogate rank of each relevant item in its whole list, ``[R]``: 1 + Σ over the other items."""
        pooled = (self.size - 1) / (self.drawn + self.drawn_others - 1).clamp_min(1)
        rest, fellows = self.size - self.num_relevant, self.drawn - 1
        if self.pooled:
            own, share = pooled, self._spread(pooled, pooled)
        else:
            own = (self.num_relevant - 1) / fellows.clamp_min(1)
            own = torch.where((self.drawn_others == 0) & (rest > 0), pooled, own)
            alone = (fellows == 0) & (self.num_relevant > 1)
            own = torch.where(fellows == 0, 0, own)
            share = self._spread(own, torch.where(alone, pooled, rest / self.drawn_others.clamp_min(1)))
        length, single = len(self.scores), len(self.query) == 1
        cell = torch.add(self.item, self.column, alpha=length)
        anchors = Anchors(cell, self.item, None if single else self.column, None)
        total = reduce(self.scores, ByPair(anchors, None, surrogate, Mean(share)))
        itself = own * surrogate(own.new_zeros(()))  # the item compared with itself, which counts as 1 instead
        return (total - itself.index_select(0, self.column) + 1).clamp_min(1)

    def at(self, values: Tensor) -> Tensor:
        """Return the values of the relevant pairs, ``[R]``, of ``[L, C]`` for all, or of ``[C]`` for each query."""
        return values[self.item, self.column] if values.dim() == 2 else values.index_select(0, self.column)

    def mean(self, values: Tensor, weight: Tensor) -> Tensor:
        """Compute the mean over queries of the sum over all relevant items, estimated from those in the batch.

        Args:
            values: ``[R]``.
            weight: ``[R]``.
        """
        each = self.num_relevant / self.drawn / len(self.query)
        return torch.dot(values, weight * self.at(each))

    def _spread(self, relevant: Tensor, other: Tensor) -> Tensor:
        """Give each row the value of its stratum, ``[C, L]``, and 0 to those without a label."""
        return self.relevant.t() * relevant.unsqueeze(1) + self.other.t() * other.unsqueeze(1)
