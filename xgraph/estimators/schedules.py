"""Schedules for γ, the weight of the new value in a moving average."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from xgraph.checks import integer, number

GammaSchedule = Callable[[int], float]
"""Maps an epoch (counted from 0) to γ in (0, 1]."""


@dataclass(frozen=True)
class ConstantGamma:
    """γ stays as it is.

    Args:
        gamma: Weight of the new value, in (0, 1].

    Raises:
        ValueError: If ``gamma`` lies outside (0, 1].

    Example:
        >>> ConstantGamma(0.1)(epoch=7)
        0.1
    """

    gamma: float

    def __post_init__(self) -> None:
        check_gamma("gamma", self.gamma)

    def __call__(self, epoch: int) -> float:
        """γ, whatever the epoch."""
        return self.gamma


@dataclass(frozen=True)
class CosineGamma:
    r"""γ falls from 1 to ``gamma_min`` along half a cosine, then stays there.

    .. math:: γ_t = ½ (1 + \cos(π t / E)) (1 - γ_{min}) + γ_{min} \text{ for epoch } t ≤ E

    While the model still moves fast the history is stale, so the average starts without memory and gains it
    as training settles (section 6.5.3 of the chapter; Wang et al., 2023, use it for contrastive learning).

    Args:
        epochs: E, the number of epochs over which γ falls; at least 1.
        gamma_min: Where it ends, in (0, 1].

    Raises:
        ValueError: If ``epochs`` < 1 or ``gamma_min`` lies outside (0, 1].

    Example:
        >>> gamma = CosineGamma(epochs=10, gamma_min=0.2)
        >>> [round(gamma(epoch), 3) for epoch in (0, 5, 10, 11)]
        [1.0, 0.6, 0.2, 0.2]
    """

    epochs: int
    gamma_min: float = 0.1

    def __post_init__(self) -> None:
        integer("epochs", self.epochs)
        check_gamma("gamma_min", self.gamma_min)

    def __call__(self, epoch: int) -> float:
        """γ at ``epoch``, counted from 0."""
        share = min(max(epoch, 0) / self.epochs, 1.0)
        return 0.5 * (1.0 + math.cos(math.pi * share)) * (1.0 - self.gamma_min) + self.gamma_min


def as_schedule(gamma: float | GammaSchedule, name: str = "gamma") -> GammaSchedule:
    """A number becomes a :class:`ConstantGamma`; a schedule stays as it is."""
    if callable(gamma):
        return gamma
    return ConstantGamma(check_gamma(name, gamma))


def check_gamma(name: str, gamma: object) -> float:
    """γ, if it is one."""
    return number(f"{name} is the weight of the new value and", gamma, 0, 1, "(]")
