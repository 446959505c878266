"""Huber's loss."""

from __future__ import annotations

from xgraph.losses.pointwise.errors import HuberError
from xgraph.losses.pointwise.number_loss import NumberLoss


class HuberLoss(NumberLoss):
    r"""Huber's loss of predicted numbers: squared for small errors, linear for large ones. It has no state.

    .. math:: \mathrm{mean}\, e(h - y), \quad e(r) = r^2/2 \text{ if } |r| ≤ δ, \quad δ (|r| - δ/2) \text{ otherwise}

    The mean is over all known numbers. From Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical
    Statistics 35, 1964. In ``xgraph train``, targets are standardised, so that δ is in standard deviations.

    Args:
        num_items: Size of the data set (unused; all losses have the same signature).
        num_tasks: T, the number of targets.
        delta: Error δ from which on the loss is linear, in [1e-6, 1e6].

    Raises:
        ValueError: If ``delta`` is out of range.

    Example:
        >>> import torch
        >>> HuberLoss(num_items=2, delta=1.0)(torch.tensor([0.5, 5.0]), torch.tensor([0.0, 2.0]))
        tensor(1.3125)
    """

    def __init__(self, num_items: int, num_tasks: int = 1, *, delta: float = 1.0) -> None:
        super().__init__(num_items, num_tasks)
        self.error = HuberError(delta)
