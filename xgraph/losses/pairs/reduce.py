"""Pair losses, reduced per positive with memory use that does not grow with the number of pairs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from xgraph.losses.batch import Batch
from xgraph.losses.pairs.anchors import Anchors, Opponents
from xgraph.losses.pairs.blocks import Blocks, rows_of
from xgraph.losses.pairs.by_pair import ByPair
from xgraph.losses.pairs.choice import by_sorting
from xgraph.losses.pairs.gradient import Plan, reduce
from xgraph.losses.pairs.ordered import BySorting, Ordered
from xgraph.losses.pairs.ordered import quantile as sorted_quantile
from xgraph.losses.pairs.reductions import Excess, LogMeanExp, Mean, Reduction, Sums, Tail, quantiles
from xgraph.losses.pairs.surrogates import Surrogate


class Pairs:
    """The surrogate losses ℓ_ij = ℓ(h_j − h_i) of a batch, reduced over j for each of the R anchors i."""

    def __init__(self, batch: Batch, anchors: Anchors, scores: Tensor, surrogate: Surrogate) -> None:
        self.batch, self.anchors, self.scores, self.surrogate = batch, anchors, scores, surrogate
        shape = by_sorting(anchors, scores, surrogate)
        self.ordered = None if shape is None else Ordered(batch, anchors, shape)

    @cached_property
    def negatives(self) -> Opponents:
        """The opponents of the anchors in all reductions but `shares`."""
        return Opponents.negatives(self.batch)

    def shares(self) -> Tensor:
        """Compute mean_j 1[y_j = 1] ℓ_ij and mean_j ℓ_ij over all labelled items j, ``[R, 2]``."""
        plan: Plan = (
            self._shares()
            if self.ordered is None
            else BySorting(self.ordered, self.ordered.shares, self._shares, own=True)
        )
        return self._reduce(plan).t()

    def _shares(self) -> ByPair:
        batch = self.batch
        if batch.weight is None:
            weights = torch.stack([batch.positive, batch.known]) / batch.known.sum(0, dtype=self.scores.dtype)
        else:
            known = batch.weighted(batch.known.to(self.scores.dtype))
            weights = torch.stack([known * batch.positive, known]) / known.sum(0)
        return ByPair(self.anchors, None, self.surrogate, Sums(weights.transpose(1, 2)))

    def mean(self) -> Tensor:
        """Compute mean_j ℓ_ij over the negatives, ``[R]``."""

        def by_pair() -> ByPair:
            return self._by_pair(Mean(self.negatives.share))

        ordered = self.ordered
        return self._reduce(by_pair() if ordered is None else BySorting(ordered, lambda: ordered.negatives, by_pair))

    def log_mean_exp(self, temperature: float) -> Tensor:
        """Compute log mean_j exp(ℓ_ij / τ) over the negatives, ``[R]``."""
        return self._reduce(self._by_pair(LogMeanExp(temperature, self.negatives.share)))

    def excess(self, threshold: Tensor) -> tuple[Tensor, Tensor]:
        """Compute mean_j (ℓ_ij − ν_i)₊ over the negatives, and the constant share of ℓ_ij above ν_i; ``[R]`` each."""

        def by_pair() -> ByPair:
            return self._by_pair(Excess(threshold, self.negatives.share))

        ordered = self.ordered
        plan = by_pair() if ordered is None else BySorting(ordered, lambda: ordered.negatives, by_pair, threshold)
        value = self._reduce(plan)
        return value, plan.above

    def tail(self, top: float) -> Tensor:
        """Compute the sum of the largest β·n of the n negatives' ℓ_ij, divided by n; ``[R]``."""

        def by_pair() -> ByPair:
            return self._by_pair(Tail(top, self.negatives.share, self.negatives.weighted))

        ordered = self._monotone
        return self._reduce(by_pair() if ordered is None else BySorting(ordered, lambda: ordered.tail(top), by_pair))

    def largest(self) -> Tensor:
        """Compute max_j ℓ_ij over the negatives (for a non-decreasing ℓ), ``[R]`` constants."""
        columns = self._columns(self.negatives)
        if self.negatives.share is not None:
            columns = columns.masked_fill(self.negatives.share == 0, -torch.inf)
        highest = rows_of(columns.amax(1, keepdim=True), self.anchors.task).squeeze(1)
        return self.surrogate(highest - self._own())

    def quantile(self, q: float, mask: Tensor) -> Tensor:
        """Compute the constant q-quantile of ℓ_ij over the negatives for the anchors selected by ``mask [R]``."""
        ordered = self._monotone
        if ordered is not None:
            found: Tensor | None = _eager(sorted_quantile, "quantile")(ordered, self.scores.detach(), q, mask)
            if found is not None:
                return found
        selected, share = self.anchors.select(mask), self.negatives.share
        known = None if share is None else share > 0
        blocks = Blocks(selected, self._own()[mask], self._columns(self.negatives), self.surrogate)
        return torch.cat([quantiles(b.values, None if known is None else rows_of(known, b.task), q) for b in blocks])

    @property
    def _monotone(self) -> Ordered | None:
        """The sorted scores if their order is that of the losses."""
        return None if self.ordered is None or self.ordered.shape.even else self.ordered

    def _own(self) -> Tensor:
        return self.scores.detach().t().take(self.anchors.cell)

    def _columns(self, opponents: Opponents) -> Tensor:
        columns = self.scores.detach().t()
        return columns if opponents.item is None else columns.index_select(1, opponents.item)

    def _by_pair(self, reduction: Reduction) -> ByPair:
        return ByPair(self.anchors, self.negatives.item, self.surrogate, reduction)

    def _reduce(self, plan: Plan) -> Tensor:
        result: Tensor = (_eager(reduce, "reduce") if isinstance(plan, BySorting) else reduce)(self.scores, plan)
        return result


def _eager(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return a function of this package, excluded from compiled graphs."""
    if torch.compiler.is_compiling() or "torch._dynamo" in sys.modules:
        from xgraph.losses.pairs import uncompiled

        return getattr(uncompiled, name)  # type: ignore[no-any-return]
    return function
