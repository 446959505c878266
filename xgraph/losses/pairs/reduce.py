"""Losses of pairs, reduced for each positive, in memory that does not grow with the number of pairs."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from xgraph.losses.batch import Batch
from xgraph.losses.pairs.anchors import Anchors, Others
from xgraph.losses.pairs.blocks import Blocks, rows_of
from xgraph.losses.pairs.reductions import Excess, LogMeanExp, Mean, Reduction, Sums, Tail, quantiles
from xgraph.losses.pairs.surrogates import SURROGATES, Surrogate


class Pairs:
    """The surrogate losses ℓ_ij = ℓ(h_j − h_i) of a batch, reduced over j for each of R anchors i."""

    def __init__(self, batch: Batch, anchors: Anchors, scores: Tensor, surrogate: Surrogate) -> None:
        self.batch, self.anchors, self.scores, self.surrogate = batch, anchors, scores, surrogate

    @cached_property
    def negatives(self) -> Others:
        """The items that anchors are compared with, everywhere but in `shares`."""
        return Others.negatives(self.batch)

    def shares(self) -> Tensor:
        """``[R, 2]``: over all known items j, mean_j 1[y_j = 1] ℓ_ij and mean_j ℓ_ij."""
        batch = self.batch
        weights = torch.stack([batch.positive, batch.known]) / batch.known.sum(0, dtype=self.scores.dtype)
        return self._reduce(Others(None, None), Sums(weights.transpose(1, 2))).t()

    def mean(self) -> Tensor:
        """``[R]``, mean_j ℓ_ij over the negatives."""
        return self._reduce(self.negatives, Mean(self.negatives.share))

    def log_mean_exp(self, temperature: float) -> Tensor:
        """``[R]``, log mean_j exp(ℓ_ij / τ) over the negatives."""
        return self._reduce(self.negatives, LogMeanExp(temperature, self.negatives.share))

    def excess(self, threshold: Tensor) -> tuple[Tensor, Tensor]:
        """``[R]`` each: mean_j (ℓ_ij − ν_i)₊ over the negatives, and the share of those above ν_i (a constant)."""
        reduction = Excess(threshold, self.negatives.share)
        return self._reduce(self.negatives, reduction), reduction.above

    def tail(self, top: float) -> Tensor:
        """``[R]``, the sum of the largest β·n of the n negatives' ℓ_ij, over n."""
        return self._reduce(self.negatives, Tail(top, self.negatives.share))

    def largest(self) -> Tensor:
        """``[R]``, max_j ℓ_ij over the negatives (for a non-decreasing ℓ), a constant."""
        columns = self._columns(self.negatives)
        if self.negatives.share is not None:
            columns = columns.masked_fill(self.negatives.share == 0, -torch.inf)
        highest = rows_of(columns.amax(1, keepdim=True), self.anchors.task).squeeze(1)
        return self.surrogate(highest - self._own())

    def quantile(self, q: float, which: Tensor) -> Tensor:
        """The q-quantile of ℓ_ij over the negatives, a constant, for the anchors selected by ``which [R]``."""
        some, share = self.anchors.some(which), self.negatives.share
        known = None if share is None else share > 0
        blocks = Blocks(some, self._own()[which], self._columns(self.negatives), self.surrogate)
        return torch.cat([quantiles(b.values, None if known is None else rows_of(known, b.task), q) for b in blocks])

    def _own(self) -> Tensor:
        return self.scores.detach().t().take(self.anchors.cell)

    def _columns(self, others: Others) -> Tensor:
        columns = self.scores.detach().t()
        return columns if others.item is None else columns.index_select(1, others.item)

    def _reduce(self, others: Others, reduction: Reduction) -> Tensor:
        result: Tensor = _Reduce.apply(self.scores, self.anchors, others.item, self.surrogate, reduction)  # type: ignore[no-untyped-call]
        return result


class _Reduce(torch.autograd.Function):
    """``[R]`` or ``[K, R]``, differentiable (once) in the scores. About `CHUNK` pairs are held at a time."""

    @staticmethod
    def forward(
        ctx: Any, scores: Tensor, anchors: Anchors, item: Tensor | None, surrogate: Surrogate, reduction: Reduction
    ) -> Tensor:
        flat = scores.t().contiguous()
        columns = flat if item is None else flat.index_select(1, item)
        blocks = Blocks(anchors, flat.take(anchors.cell), columns, surrogate)
        values = [reduction.value(block) for block in blocks]
        out = torch.cat(values, -1) if len(values) != 1 else values[0]
        ctx.save_for_backward(scores)  # blocks may be views of them: a change in place before backward is noticed
        ctx.item, ctx.blocks, ctx.reduction = item, blocks, reduction
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError("pairwise losses can be differentiated once only: drop create_graph=True")
        (scores,) = ctx.saved_tensors
        result = grad.new_zeros(scores.shape[::-1])
        columns: Tensor | None = None
        for block in ctx.blocks:
            slope, weights = block.surrogate.slope(block.difference), ctx.reduction.slope(block, block.part(grad))
            # what a user's surrogate returns may be its argument; ours return memory of their own
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
