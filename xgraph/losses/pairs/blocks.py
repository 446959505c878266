"""The pairs of a batch, processed in blocks so that memory use does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from torch import Tensor

from xgraph.losses.pairs.anchors import Anchors
from xgraph.losses.pairs.surrogates import Surrogate

CHUNK = 1 << 18
"""Pairs per block: 1 MiB of float32, so that a block fits in a core's cache."""


class Block:
    """Consecutive anchors (r of them; ``span`` is ``None`` for all) and the ``[r, N]`` differences h_j − h_i."""

    def __init__(
        self, span: slice | None, anchors: Anchors, own: Tensor, columns: Tensor, surrogate: Surrogate
    ) -> None:
        self.span, self.surrogate = span, surrogate
        self.kept: Tensor | None = None  # intermediate result of a reduction's `value`, reused by its `slope`
        self.cell = self.part(anchors.cell)
        self.task = None if anchors.task is None else self.part(anchors.task)
        self.difference = rows_of(columns, self.task) - self.part(own).unsqueeze(1)

    def part(self, values: Tensor) -> Tensor:
        """Slice values of all anchors: ``[..., R]`` to ``[..., r]``."""
        return values if self.span is None else values[..., self.span]

    @cached_property
    def values(self) -> Tensor:
        """``[r, N]``, ℓ(h_j − h_i)."""
        return self.surrogate(self.difference)


class Blocks:
    """The blocks of anchors with scores ``own [R]`` against ``columns [T, N]``; several are recomputed in each pass."""

    def __init__(self, anchors: Anchors, own: Tensor, columns: Tensor, surrogate: Surrogate) -> None:
        self.own = own
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
    """Select the anchors' rows of a table ``[..., T, N]``; a single task is broadcast instead."""
    return table if task is None else table.index_select(-2, task)
