"""Auxiliary variables, one row per item, updated by gradient steps and kept within bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor

from xgraph.checks import number
from xgraph.estimators.moving_rows import Rate
from xgraph.estimators.table import StateTable


class ProjectedGradient(StateTable):
    r"""Tracks thresholds, multipliers and temperatures by projected gradient steps, one row per item.

    .. math:: v_i ← \mathrm{clip}(v_i + η d_i, low, high)

    for the items in the batch. The caller chooses the direction d: the gradient to maximise, its negative to
    minimise. An item that occurs several times in a batch takes one step, along the mean of its directions. The state
    is a constant for autograd, so the optimiser only needs the model's parameters.

    Args:
        num_items: Number of rows.
        shape: Shape of one row; ``()`` for a single number.
        lr: Step size η.
        start: State of an item before its first step.
        low: Lower bound.
        high: Upper bound.
        dtype: Storage type.
        validate: Check ``index`` and the directions and look for duplicates; see :class:`StateTable`.

    Attributes:
        value: Buffer ``[num_items, *shape]``, the state.
        seen: Buffer ``[num_items]``, True for items that have been updated.

    Raises:
        ValueError: If ``num_items`` is below 1, ``lr`` is not positive and finite, ``low`` is not below ``high``, or
            ``start`` is not between them.
        TypeError: If an argument is not a number.

    Example:
        >>> dual = ProjectedGradient(num_items=3, lr=0.5, start=0.5, low=0.0, high=1.0)
        >>> dual(torch.tensor([0.5, -4.0]), index=torch.tensor([0, 2]))
        tensor([0.7500, 0.0000])
        >>> dual.value
        tensor([0.7500, 0.5000, 0.0000])
    """

    def __init__(
        self,
        num_items: int,
        shape: tuple[int, ...] = (),
        lr: float = 0.1,
        *,
        start: float = 0.0,
        low: float = -math.inf,
        high: float = math.inf,
        dtype: torch.dtype = torch.float32,
        validate: bool = True,
    ) -> None:
        super().__init__(num_items, shape, gamma=1.0, dtype=dtype, watch=False, validate=validate)
        # Subclasses decide which items are stuck and mark them.
        self.register_buffer("stuck", torch.zeros(self.num_items, dtype=torch.bool), persistent=False)
        self.lr = number("lr", lr, 0, math.inf, "()")
        self.low = number("low", low, -math.inf, math.inf)
        self.high = number("high", high, -math.inf, math.inf)
        if not self.low < self.high:
            raise ValueError(f"low must be below high, got {low} and {high}")
        self.start = number("start", start, self.low, self.high)
        if math.isinf(self.start):
            raise ValueError(f"start must be finite, got {start}")
        self.value.fill_(self.start)
        self._bounded = self.low > -math.inf or self.high < math.inf

    def forward(self, estimate: Tensor, index: Tensor | None = None) -> Tensor:
        """Update the rows of a batch and return them; in eval mode, return them unchanged.

        Args:
            estimate: ``[B, *shape]``, the direction d of each item.
            index: ``[B]`` integers, the items' rows.

        Returns:
            ``[B, *shape]``, detached.

        Raises:
            IndexError: If an index is negative or not below ``num_items``. Nothing is written in this case.
            ValueError: If ``index`` is missing, shapes do not match or a direction is not finite.
            TypeError: If ``index`` does not hold integers.
        """
        if index is None:
            raise ValueError("index is required: it names the rows to update")
        direction = estimate.detach().to(torch.promote_types(estimate.dtype, torch.float32))
        duplicates = self._check(direction, index) if self.validate else True
        before = self.at(index.long(), direction.dtype)
        return self.move(direction, index.long(), before, duplicates) if self.training else before

    def at(self, index: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Return the state of some rows, ``[B, *shape]``.

        Args:
            index: ``[B]`` int64 row numbers, already checked.
            dtype: Type of the result; ``None`` is the table's own.
        """
        return self.value.index_select(0, index).to(dtype or self.value.dtype)

    def move(self, direction: Tensor, index: Tensor, before: Tensor, duplicates: bool = True) -> Tensor:
        """Take one step for a caller that has already checked ``index``.

        Args:
            direction: ``[B, *shape]``, d, detached.
            index: ``[B]`` int64 row numbers, already checked.
            before: ``[B, *shape]``, the state before the step: the result of :meth:`at`, possibly with another
                starting value for new items.
            duplicates: False if no item occurs more than once in ``index``; this saves searching for duplicates.

        Returns:
            ``[B, *shape]``, the new state, detached.
        """
        # All rows of an item start from the same state, so the mean of their targets is one step along the mean.
        return self.write(torch.add(before, direction, alpha=self.lr), index, duplicates)

    def reset_parameters(self) -> None:
        """Forget all items and return to ``start``."""
        super().reset_parameters()
        self.value.fill_(self.start)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Follow changes of device and type; rows not updated yet keep the exact start, not a rounded one."""
        before = self.value.dtype
        super()._apply(fn, recurse)
        if self.value.dtype != before:
            self.value[~self.seen] = self.start
        return self

    def extra_repr(self) -> str:
        """Describe the size, the step size and the bounds."""
        return f"num_items={self.num_items}, shape={self.shape}, lr={self.lr:g}, low={self.low:g}, high={self.high:g}"

    def _next(self, estimate: Tensor, index: Tensor, gamma: Rate) -> tuple[Tensor, None]:
        return estimate.clamp(self.low, self.high) if self._bounded else estimate, None

    def _attach(self, state: Tensor, change: Tensor, fixed: Tensor) -> Tensor:
        return state
