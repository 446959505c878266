"""Surrogates ℓ(s) of the indicator 1[s ≥ 0], where s = h(negative) − h(positive)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from xgraph.checks import LARGE, SMALL, number


class Surrogate(Protocol):
    """Protocol of surrogates ℓ(s): a non-decreasing function of a score difference, and its derivative.

    Any object with these two methods can be passed as the ``surrogate`` of a loss. The difference is
    s = h(negative) − h(positive).

    Example:
        >>> class Exponential:
        ...     def __call__(self, difference):
        ...         return difference.exp()
        ...
        ...     def slope(self, difference):
        ...         return difference.exp()
        >>> from xgraph.losses import PairwiseAUCLoss
        >>> loss_fn = PairwiseAUCLoss(num_items=2, surrogate=Exponential())
        >>> loss_fn(torch.tensor([1.0, 1.0]), torch.tensor([1.0, 0.0]))
        tensor(1.)
    """

    def __call__(self, difference: Tensor) -> Tensor:
        """Compute ℓ(s) elementwise."""

    def slope(self, difference: Tensor) -> Tensor:
        """Compute the derivative ℓ'(s) elementwise."""


@dataclass(frozen=True)
class _WithMargin:
    margin: float = 1.0

    def __post_init__(self) -> None:
        number("margin", self.margin, SMALL, LARGE)


@dataclass(frozen=True)
class _WithScale:
    scale: float = 1.0

    def __post_init__(self) -> None:
        number("scale", self.scale, SMALL, LARGE)


class SquaredHinge(_WithMargin):
    """Squared hinge: ℓ(s) = max(m + s, 0)².

    Args:
        margin: Margin m, in [1e-6, 1e6].

    Raises:
        ValueError: If ``margin`` is out of range.

    Example:
        >>> SquaredHinge(margin=0.5)(torch.tensor([-1.0, 0.5]))
        tensor([0., 1.])
    """

    def __call__(self, difference: Tensor) -> Tensor:
        return (difference + self.margin).clamp_min_(0).square_()

    def slope(self, difference: Tensor) -> Tensor:
        """ℓ'(s) = 2 max(m + s, 0)."""
        return (difference + self.margin).clamp_min_(0).mul_(2)


class Hinge(_WithMargin):
    """Hinge: ℓ(s) = max(m + s, 0).

    Args:
        margin: Margin m, in [1e-6, 1e6].

    Raises:
        ValueError: If ``margin`` is out of range.
    """

    def __call__(self, difference: Tensor) -> Tensor:
        return (difference + self.margin).clamp_min_(0)

    def slope(self, difference: Tensor) -> Tensor:
        """ℓ'(s) = 1[s > −m]."""
        return (difference > -self.margin).to(difference.dtype)


class Squared(_WithMargin):
    """Square: ℓ(s) = (m + s)², published as the AUC square loss. It is non-decreasing only for s ≥ −m.

    Args:
        margin: Margin m, in [1e-6, 1e6].

    Raises:
        ValueError: If ``margin`` is out of range.
    """

    def __call__(self, difference: Tensor) -> Tensor:
        return (difference + self.margin).square_()

    def slope(self, difference: Tensor) -> Tensor:
        """ℓ'(s) = 2 (m + s)."""
        return (difference + self.margin).mul_(2)


class Logistic(_WithScale):
    """Logistic: ℓ(s) = log(1 + exp(scale · s)). It has no margin.

    Args:
        scale: Scale in [1e-6, 1e6].

    Raises:
        ValueError: If ``scale`` is out of range.
    """

    def __call__(self, difference: Tensor) -> Tensor:
        return F.softplus(difference * self.scale)

    def slope(self, difference: Tensor) -> Tensor:
        """ℓ'(s) = scale · σ(scale · s)."""
        return torch.sigmoid(difference * self.scale) * self.scale


class Sigmoid(_WithScale):
    """Sigmoid: ℓ(s) = 1 / (1 + exp(−scale · s)). It has no margin.

    Args:
        scale: Scale in [1e-6, 1e6].

    Raises:
        ValueError: If ``scale`` is out of range.
    """

    def __call__(self, difference: Tensor) -> Tensor:
        return torch.sigmoid(difference * self.scale)

    def slope(self, difference: Tensor) -> Tensor:
        """ℓ'(s) = scale · σ(scale · s) (1 − σ(scale · s))."""
        value = torch.sigmoid(difference * self.scale)
        return value * (1 - value) * self.scale


SURROGATES = frozenset({SquaredHinge, Hinge, Squared, Logistic, Sigmoid})
"""The surrogates of this module, which always return new memory."""

_WITH_MARGIN: dict[str, Callable[[float], Surrogate]] = {
    "squared_hinge": SquaredHinge,
    "hinge": Hinge,
    "squared": Squared,
}
_WITH_SCALE: dict[str, Callable[[], Surrogate]] = {"logistic": Logistic, "sigmoid": Sigmoid}

NAMES = (*_WITH_MARGIN, *_WITH_SCALE)


def as_surrogate(surrogate: str | Surrogate, margin: float = 1.0) -> Surrogate:
    """Return the surrogate of a name, with the margin if it has one; return an object unchanged."""
    if not isinstance(surrogate, str):
        if not (callable(surrogate) and hasattr(surrogate, "slope")):
            raise TypeError(f"surrogate must be a name or a callable with a slope() method, got {surrogate!r}")
        return surrogate
    if surrogate in _WITH_MARGIN:
        return _WITH_MARGIN[surrogate](margin)
    if surrogate in _WITH_SCALE:
        return _WITH_SCALE[surrogate]()
    raise ValueError(f"surrogate must be one of {', '.join(NAMES)}, got {surrogate!r}")
