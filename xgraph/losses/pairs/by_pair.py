"""Reductions of a batch's pairs one by one, in blocks."""

from __future__ import annotations

from typing import cast

from torch import Tensor

from xgraph.losses.pairs.anchors import Anchors
from xgraph.losses.pairs.blocks import Blocks
from xgraph.losses.pairs.reductions import Excess, Reduction
from xgraph.losses.pairs.surrogates import SURROGATES, Surrogate


class ByPair:
    """Plan: one block of pairs after another; holds about `CHUNK` pairs at a time."""

    blocks: Blocks  # of the newest value

    def __init__(self, anchors: Anchors, item: Tensor | None, surrogate: Surrogate, reduction: Reduction) -> None:
        self.anchors, self.item, self.surrogate, self.reduction = anchors, item, surrogate, reduction

    @property
    def above(self) -> Tensor:
        """After a pass of `Excess`, the shares above the thresholds."""
        return cast("Excess", self.reduction).above

    def value(self, scores: Tensor) -> Tensor:
        """Compute the reduction of ``[B, T]`` scores, ``[R]`` or ``[K, R]``."""
        flat = scores.t().contiguous()
        columns = flat if self.item is None else flat.index_select(1, self.item)
        self.blocks = Blocks(self.anchors, flat.take(self.anchors.cell), columns, self.surrogate)
        if self.blocks.single is not None:
            return self.reduction.value(self.blocks.single[0])
        out = flat.new_empty(0)
        for block in self.blocks:
            value = self.reduction.value(block)
            # one tensor for all: small ones kept from each block would lie between the large ones and split the heap
            if not out.numel():
                out = value.new_empty(*value.shape[:-1], self.blocks.length)
            block.part(out).copy_(value)
        return out

    def derivative(self, scores: Tensor, grad: Tensor) -> Tensor:
        """Compute the derivative in the scores, ``[B, T]``."""
        result = grad.new_zeros(scores.shape[::-1])
        columns: Tensor | None = None
        for block in self.blocks:
            slope, weights = block.surrogate.slope(block.difference), self.reduction.slope(block, block.part(grad))
            # a user's surrogate may return its argument; those of this package return new memory
            pairs = slope.mul_(weights) if type(block.surrogate) in SURROGATES else slope * weights
            if block.task is None:
                total = pairs.sum(0, keepdim=True)
                columns = total if columns is None else columns.add_(total)
            elif isinstance(block.task, int):
                result[block.task] += pairs.sum(0)
            else:
                result.index_add_(0, block.task, pairs)
            result.view(-1).index_add_(0, block.cell, pairs.sum(1), alpha=-1)
        if columns is not None:
            result = result + columns if self.item is None else result.index_add_(1, self.item, columns)
        return result.t()
