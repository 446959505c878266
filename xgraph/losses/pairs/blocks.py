"""The pairs of a batch, processed in blocks so that memory use does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import torch
from torch import Tensor

from xgraph.losses.pairs.anchors import Anchors
from xgraph.losses.pairs.surrogates import Surrogate

CHUNK = 1 << 18
"""Pairs per block: 1 MiB of float32, so that a block fits in a core's cache."""


SHARE = 0.25
"""Blocks hold one task each if a task's anchors fill at least this share of a block."""


class Block:
    """Consecutive anchors (r of them; ``span`` is ``None`` for all) and the ``[r, N]`` differences h_j − h_i."""

    def __init__(
        self,
        span: slice | None,
        task: int | None,
        anchors: Anchors,
        own: Tensor,
        columns: Tensor,
        surrogate: Surrogate,
    ) -> None:
        self.span, self.surrogate = span, surrogate
        self.kept: Tensor | None = None  # intermediate result of a reduction's `value`, reused by its `slope`
        self.cell = self.part(anchors.cell)
        self.task = task if task is not None or anchors.task is None else self.part(anchors.task)
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
        self.rest = (anchors, own, columns, surrogate)
        self.length = len(own)
        self.rows = max(CHUNK // max(columns.shape[1], 1), 1)
        self.single = [Block(None, None, *self.rest)] if self.length <= self.rows else None

    def __iter__(self) -> Iterator[Block]:
        if self.single is not None:
            return iter(self.single)
        return (Block(slice(start, end), task, *self.rest) for start, end, task in self._spans())

    def _spans(self) -> Iterator[tuple[int, int, int | None]]:
        """Yield where blocks start and end, and their task if all of their anchors have the same."""
        runs: list[tuple[int | None, int]] = [(None, self.length)]
        task = self.rest[0].task
        if task is not None and not torch.compiler.is_compiling():
            tasks, counts = torch.unique_consecutive(task, return_counts=True)
            if self.length >= len(tasks) * self.rows * SHARE:  # then a block holds few tasks, and copies many rows
                runs = list(zip(tasks.tolist(), counts.tolist(), strict=True))
        first = 0
        for common, count in runs:
            for start in range(first, first + count, self.rows):
                yield start, min(start + self.rows, first + count), common
            first += count


def rows_of(table: Tensor, task: Tensor | int | None) -> Tensor:
    """Select the anchors' rows of a table ``[..., T, N]``; a single task is broadcast instead."""
    if isinstance(task, int):
        return table[..., task : task + 1, :]
    return table if task is None else table.index_select(-2, task)
