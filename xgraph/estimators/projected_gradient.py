"""Auxiliary variables, one row an item, moved by gradient steps and kept within bounds."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from xgraph.estimators.table import StateTable


class ProjectedGradient(StateTable):
    r"""Tracks the optimum of an inner problem by projected gradient steps: thresholds, multipliers, temperatures.

    .. math:: v_i ← \mathrm{clip}(v_i + η d_i, low, high)

    for the items in the batch. The direction d is the caller's: the gradient for a maximum, its negative for a
    minimum. An item's first step begins at what the caller gives as its start, so nothing is scaled or lost. An
    item several times in a batch moves once, by the mean of its directions. The state is a constant to the
    gradient: nothing but model parameters goes to the optimiser.

    Args:
        num_items: number of rows.
        shape: shape of one row; ``()`` for a single number.
        lr: η, the step size.
        low: lower bound.
        high: upper bound.
        dtype: storage type.

    Attributes:
        value: buffer ``[num_items, *shape]``, the state.
        seen: buffer ``[num_items]``, True for items that were touched.

    Raises:
        ValueError: if ``num_items`` < 1, ``lr`` is not positive and finite, or ``low`` is not below ``high``.

    Example:
        >>> dual = ProjectedGradient(num_items=3, lr=0.5, low=0.0, high=1.0)
        >>> index = torch.tensor([0, 2])
        >>> dual.move(torch.tensor([1.0, -4.0]), index, start=torch.tensor([0.0, 1.0]))
        tensor([0.5000, 0.0000])
        >>> dual.read(torch.tensor([0, 1]), default=torch.zeros(2))
        tensor([0.5000, 0.0000])
    """

    def __init__(
        self,
        num_items: int,
        shape: tuple[int, ...] = (),
        lr: float = 0.1,
        *,
        low: float = -math.inf,
        high: float = math.inf,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(num_items, shape, gamma=1.0, dtype=dtype)
        if not 0 < lr < math.inf:
            raise ValueError(f"lr must be positive and finite, got {lr}")
        if not low < high:
            raise ValueError(f"low must be below high, got {low} and {high}")
        self.lr, self.low, self.high = lr, low, high

    def move(self, direction: Tensor, index: Tensor, start: Tensor, duplicates: bool = True) -> Tensor:
        """Step, in training.

        Args:
            direction: ``[B, *shape]``, d.
            index: ``[B]``, int64, checked.
            start: ``[B, *shape]``, where the step begins: what `read` gave.
            duplicates: False if no item stands more than once in ``index``, which saves the search.

        Returns:
            ``[B, *shape]``, the new state, detached.
        """
        # All rows of an item begin at its state, so the mean of where they go is one step of the mean direction.
        return self.step(torch.add(start, direction.detach(), alpha=self.lr), index, duplicates).detach()

    def extra_repr(self) -> str:
        """The size, the step and the bounds."""
        return f"num_items={self.num_items}, shape={self.shape}, lr={self.lr:g}, low={self.low:g}, high={self.high:g}"

    def _next(self, estimate: Tensor, index: Tensor) -> Tensor:
        return estimate.clamp(self.low, self.high)

    def _attach(self, state: Tensor, estimate: Tensor, fixed: Tensor) -> Tensor:
        return state
