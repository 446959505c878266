"""Pair losses, reduced per positive with memory use that does not grow with the number of pairs."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from xgraph.losses.batch import Batch
from xgraph.losses.pairs.anchors import Anchors, Opponents
from xgraph.losses.pairs.blocks import Blocks, rows_of
from xgraph.losses.pairs.reductions import Excess, LogMeanExp, Mean, Reduction, Sums, Tail, quantiles
from xgraph.losses.pairs.surrogates import SURROGATES, Surrogate


class Pairs:
    """The surrogate losses ℓ_ij = ℓ(h_j − h_i) of a batch, reduced over j for each of the R anchors i."""

    def __init__(self, batch: Batch, anchors: Anchors, scores: Tensor, surrogate: Surrogate) -> None:
        self.batch, self.anchors, self.scores, self.surrogate = batch, anchors, scores, surrogate

    @cached_property
    def negatives(self) -> Opponents:
        """The opponents of the anchors in all reductions but `shares`."""
        return Opponents.negatives(self.batch)

    def shares(self) -> Tensor:
        """Compute mean_j 1[y_j = 1] ℓ_ij and mean_j ℓ_ij over all labelled items j, ``[R, 2]``."""
        batch = self.batch
        if batch.weight is None:
            weights = torch.stack([batch.positive, batch.known]) / batch.known.sum(0, dtype=self.scores.dtype)
        else:
            known = batch.weighted(batch.known.to(self.scores.dtype))
            weights = torch.stack([known * batch.positive, known]) / known.sum(0)
        return self._reduce(Opponents(None, None), Sums(weights.transpose(1, 2))).t()

    def mean(self) -> Tensor:
        """Compute mean_j ℓ_ij over the negatives, ``[R]``."""
        return self._reduce(self.negatives, Mean(self.negatives.share))

    def log_mean_exp(self, temperature: float) -> Tensor:
        """Compute log mean_j exp(ℓ_ij / τ) over the negatives, ``[R]``."""
        return self._reduce(self.negatives, LogMeanExp(temperature, self.negatives.share))

    def excess(self, threshold: Tensor) -> tuple[Tensor, Tensor]:
        """Compute mean_j (ℓ_ij − ν_i)₊ over the negatives, and the constant share of ℓ_ij above ν_i; ``[R]`` each."""
        reduction = Excess(threshold, self.negatives.share)
        return self._reduce(self.negatives, reduction), reduction.above

    def tail(self, top: float) -> Tensor:
        """Compute the sum of the largest β·n of the n negatives' ℓ_ij, divided by n; ``[R]``."""
        return self._reduce(self.negatives, Tail(top, self.negatives.share, self.negatives.weighted))

    def largest(self) -> Tensor:
        """Compute max_j ℓ_ij over the negatives (for a non-decreasing ℓ), ``[R]`` constants."""
        columns = self._columns(self.negatives)
        if self.negatives.share is not None:
            columns = columns.masked_fill(self.negatives.share == 0, -torch.inf)
        highest = rows_of(columns.amax(1, keepdim=True), self.anchors.task).squeeze(1)
        return self.surrogate(highest - self._own())

    def quantile(self, q: float, mask: Tensor) -> Tensor:
        """Compute the constant q-quantile of ℓ_ij over the negatives for the anchors selected by ``mask [R]``."""
        selected, share = self.anchors.select(mask), self.negatives.share
        known = None if share is None else share > 0
        blocks = Blocks(selected, self._own()[mask], self._columns(self.negatives), self.surrogate)
        return torch.cat([quantiles(b.values, None if known is None else rows_of(known, b.task), q) for b in blocks])

    def _own(self) -> Tensor:
        return self.scores.detach().t().take(self.anchors.cell)

    def _columns(self, opponents: Opponents) -> Tensor:
        columns = self.scores.detach().t()
        return columns if opponents.item is None else columns.index_select(1, opponents.item)

    def _reduce(self, opponents: Opponents, reduction: Reduction) -> Tensor:
        result: Tensor = _Reduce.apply(self.scores, self.anchors, opponents.item, self.surrogate, reduction)  # type: ignore[no-untyped-call]
        return result


class _Reduce(torch.autograd.Function):
    """A reduction to ``[R]`` or ``[K, R]``, differentiable once in the scores; holds about `CHUNK` pairs at a time."""

    @staticmethod
    def forward(
        ctx: Any, scores: Tensor, anchors: Anchors, item: Tensor | None, surrogate: Surrogate, reduction: Reduction
    ) -> Tensor:
        flat = scores.t().contiguous()
        columns = flat if item is None else flat.index_select(1, item)
        blocks = Blocks(anchors, flat.take(anchors.cell), columns, surrogate)
        values = [reduction.value(block) for block in blocks]
        out = torch.cat(values, -1) if len(values) != 1 else values[0]
        ctx.save_for_backward(scores)  # blocks may be views of the scores: this detects in-place changes
        ctx.item, ctx.blocks, ctx.reduction = item, blocks, reduction
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError("pairwise losses can only be differentiated once: do not use create_graph=True")
        (scores,) = ctx.saved_tensors
        result = grad.new_zeros(scores.shape[::-1])
        columns: Tensor | None = None
        for block in ctx.blocks:
            slope, weights = block.surrogate.slope(block.difference), ctx.reduction.slope(block, block.part(grad))
            # a user's surrogate may return its argument; those of this package return new memory
            pairs = slope.mul_(weights) if type(block.surrogate) in SURROGATES else slope * weights
            if block.task is None:
                total = pairs.sum(0, keepdim=True)
                columns = total if columns is None else columns.add_(total)
            else:
                result.index_add_(0, block.task, pairs)
            result.view(-1).index_add_(0, block.cell, pairs.sum(1), alpha=-1)
        if columns is not None:
            result = result + columns if ctx.item is None else result.index_add_(1, ctx.item, columns)
        return result.t(), None, None, None, None
