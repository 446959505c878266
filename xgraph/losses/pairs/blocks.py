"""All pairs of a batch a block at a time, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from torch import Tensor

from xgraph.losses.pairs.anchors import Anchors
from xgraph.losses.pairs.surrogates import Surrogate

CHUNK = 1 << 18
"""Pairs handled at a time: 1 MiB of float32, so that one block stays in a core's cache."""


class Block:
    """A run of r anchors and their N pairs each.

    Attributes:
        span: where the anchors stand among all; ``None`` = they are all.
        cell: ``[r]``, their places in the transposed scores.
        task: ``[r]``, or ``None`` if there is one task.
        difference: ``[r, N]``, h_j − h_i.
        kept: what a reduction keeps from its value for its slope, as long as the block lives.
    """

    def __init__(
        self, span: slice | None, anchors: Anchors, own: Tensor, columns: Tensor, surrogate: Surrogate
    ) -> None:
        self.span, self.surrogate = span, surrogate
        self.kept: Tensor | None = None
        self.cell = self.part(anchors.cell)
        self.task = None if anchors.task is None else self.part(anchors.task)
        self.difference = rows_of(columns, self.task) - self.part(own).unsqueeze(1)

    def part(self, values: Tensor) -> Tensor:
        """``[..., R]`` to ``[..., r]``."""
        return values if self.span is None else values[..., self.span]

    @cached_property
    def values(self) -> Tensor:
        """``[r, N]``, ℓ(h_j − h_i)."""
        return self.surrogate(self.difference)


class Blocks:
    """Every block in turn; made anew at each pass, unless one holds them all."""

    def __init__(self, anchors: Anchors, own: Tensor, columns: Tensor, surrogate: Surrogate) -> None:
        self.rest = (anchors, own, columns, surrogate)
        self.length = len(own)
        self.rows = max(CHUNK // max(columns.shape[1], 1), 1)
        self.single = [Block(None, *self.rest)] if self.length <= self.rows else None

    def __iter__(self) -> Iterator[Block]:
        if self.single is not None:
            return iter(self.single)
        starts = range(0, self.length, self.rows)
        return (Block(slice(start, start + self.rows), *self.rest) for start in starts)


def rows_of(table: Tensor, task: Tensor | None) -> Tensor:
    """The anchors' rows of ``[..., T, N]``; where there is one task it is broadcast instead."""
    return table if task is None else table.index_select(-2, task)
