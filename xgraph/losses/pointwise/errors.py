"""Errors e(r) of predicted numbers, where r is the prediction minus the target."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from xgraph.checks import LARGE, SMALL, number


@dataclass(frozen=True)
class SquaredError:
    """Squared error: :math:`e(r) = r^2`."""

    def __call__(self, residual: Tensor) -> Tensor:
        return residual.square()


@dataclass(frozen=True)
class AbsoluteError:
    """Absolute error: :math:`e(r) = |r|`."""

    def __call__(self, residual: Tensor) -> Tensor:
        return residual.abs()


@dataclass(frozen=True)
class HuberError:
    """Huber's error: :math:`e(r) = r^2 / 2` up to :math:`|r| = δ`, and :math:`δ (|r| - δ / 2)` beyond.

    Args:
        delta: Error δ from which on it is linear, in [1e-6, 1e6].

    Raises:
        ValueError: If ``delta`` is out of range.

    Example:
        >>> import torch
        >>> HuberError(delta=1.0)(torch.tensor([0.5, -3.0]))
        tensor([0.1250, 2.5000])
    """

    delta: float = 1.0

    def __post_init__(self) -> None:
        number("delta", self.delta, SMALL, LARGE)

    def __call__(self, residual: Tensor) -> Tensor:
        return F.huber_loss(residual, residual.new_zeros(()).expand_as(residual), reduction="none", delta=self.delta)


NumberError = SquaredError | AbsoluteError | HuberError

ERRORS: dict[str, type[NumberError]] = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": HuberError,
}
"""The errors by the names that robust losses take as `surrogate`."""


def as_error(surrogate: object) -> NumberError | None:
    """Return the error of a name, or an error itself; None for anything else, which is for labels 0 and 1."""
    if isinstance(surrogate, SquaredError | AbsoluteError | HuberError):
        return surrogate
    return ERRORS[surrogate]() if isinstance(surrogate, str) and surrogate in ERRORS else None
