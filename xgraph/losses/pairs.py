"""Pairs of a positive item with every item of its task, in memory that does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from xgraph.losses.base import Batch
from xgraph.losses.surrogates import Surrogate

CHUNK = 1 << 18
"""Pairs handled at a time: 1 MiB of float32, so that one block stays in a core's cache."""


class Anchors(NamedTuple):
    """The positives that contribute: (item, task) pairs of tasks that have both classes, sorted by task.

    Attributes:
        cell: ``[R]``, task · B + item: places in the transposed scores.
        item: ``[R]`` positions in the batch.
        task: ``[R]``; ``None`` if there is one task.
        weight: ``[R]``, sums to 1: every contributing task counts the same, so does every positive in it.
    """

    cell: Tensor
    item: Tensor
    task: Tensor | None
    weight: Tensor

    @classmethod
    def of(cls, batch: Batch) -> Anchors:
        """Find them."""
        size, num_tasks = batch.scores.shape
        if num_tasks == 1:  # the same as below in a third of the operations: small batches feel it
            item = batch.positive.view(-1).nonzero().view(-1)
            item = item if batch.negative.any() else item[:0]
            return cls(item, item, None, batch.scores.new_full(item.shape, 1 / max(len(item), 1)))
        positives = batch.positive.sum(0, dtype=batch.scores.dtype)
        contributing = batch.negative.any(0).logical_and_(positives)
        task, item = (batch.positive & contributing).t().nonzero().unbind(1)
        weight = positives.mul_(contributing.sum()).reciprocal_().index_select(0, task)
        return cls(torch.add(item, task, alpha=size), item, task, weight)

    def rows(self, index: Tensor, num_tasks: int) -> Tensor:
        """``[R]`` rows of a table that holds one row for each (item, task)."""
        rows = index.index_select(0, self.item)
        return rows if self.task is None else torch.add(self.task, rows, alpha=num_tasks)


def pair_means(scores: Tensor, anchors: Anchors, weights: Tensor, surrogate: Surrogate) -> Tensor:
    r"""Weighted sums of a surrogate over each anchor's pairs.

    .. math:: out_{rk} = Σ_j weights_{k,t,j} ℓ(h_{jt} - h_{it}), \quad (i, t) = \text{anchor } r

    Args:
        scores: ``[B, T]``.
        anchors: R of them.
        weights: ``[K, T, B]``, constants.
        surrogate: ℓ.

    Returns:
        ``[R, K]``, differentiable (once) in ``scores``. About ``CHUNK`` pairs are held at a time.
    """
    result: Tensor = _PairMeans.apply(scores, anchors.cell, anchors.task, weights, surrogate)  # type: ignore[no-untyped-call]
    return result


class _PairMeans(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, scores: Tensor, cell: Tensor, task: Tensor | None, weights: Tensor, surrogate: Surrogate
    ) -> Tensor:
        blocks = _Blocks(scores.t().contiguous(), cell, task)
        ctx.blocks, ctx.weights, ctx.surrogate = blocks, weights, surrogate
        # not a matrix product: too thin to gain from one, and its threads cost
        means = [(surrogate(block.difference) * _rows(weights, block.task)).sum(2) for block in blocks]
        return (torch.cat(means, 1) if len(means) != 1 else means[0]).t()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError("pairwise losses can be differentiated once only: drop create_graph=True")
        result = torch.zeros_like(ctx.blocks.columns)
        for block in ctx.blocks:
            own = grad[block.start : block.start + len(block.cell)].t().unsqueeze(2)
            pairs = ctx.surrogate.slope(block.difference).mul_((own * _rows(ctx.weights, block.task)).sum(0))
            if block.task is None:
                result += pairs.sum(0)
            else:
                result.index_add_(0, block.task, pairs)
            result.view(-1).index_add_(0, block.cell, pairs.sum(1), alpha=-1)
        return result.t(), None, None, None, None


class _Block(NamedTuple):
    """A run of anchors: where it starts, their cells and tasks, and their score differences ``[rows, B]``."""

    start: int
    cell: Tensor
    task: Tensor | None
    difference: Tensor


class _Blocks:
    """All pairs, a block at a time; made anew at each pass, unless one block holds them all."""

    def __init__(self, columns: Tensor, cell: Tensor, task: Tensor | None) -> None:
        self.columns, self.cell, self.task = columns, cell, task
        self.rows = max(CHUNK // columns.shape[1], 1)
        self.single = [self._block(0, cell, task)] if len(cell) <= self.rows else None

    def __iter__(self) -> Iterator[_Block]:
        return iter(self.single) if self.single is not None else self._several()

    def _several(self) -> Iterator[_Block]:
        for start in range(0, len(self.cell), self.rows):
            part = slice(start, start + self.rows)
            yield self._block(start, self.cell[part], None if self.task is None else self.task[part])

    def _block(self, start: int, cell: Tensor, task: Tensor | None) -> _Block:
        own = self.columns.take(cell).unsqueeze(1)
        return _Block(start, cell, task, _rows(self.columns, task) - own)


def _rows(table: Tensor, task: Tensor | None) -> Tensor:
    """The anchors' rows of ``[..., T, B]``; where there is one task it is broadcast instead."""
    return table if task is None else table.index_select(-2, task)
