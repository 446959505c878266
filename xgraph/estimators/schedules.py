"""Schedules for γ, the weight of the new value in a moving average."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from xgraph.checks import integer, number

GammaSchedule = Callable[[int], float]
"""A callable that maps an epoch (counted from 0) to γ in (0, 1]."""


@dataclass(frozen=True)
class ConstantGamma:
    """A schedule that keeps γ constant.

    Args:
        gamma: Weight of the new value, in (0, 1].

    Raises:
        ValueError: If ``gamma`` is outside (0, 1].
        TypeError: If ``gamma`` is not a number.

    Example:
        >>> ConstantGamma(0.1)(epoch=7)
        0.1
    """

    gamma: float

    def __post_init__(self) -> None:
        check_gamma("gamma", self.gamma)

    def __call__(self, epoch: int) -> float:
        """Return γ; the epoch does not matter."""
        return self.gamma


@dataclass(frozen=True)
class CosineGamma:
    r"""A schedule that lowers γ from 1 to ``gamma_min`` along half a cosine and then keeps it there.

    .. math:: γ_t = \tfrac12 (1 + \cos(π t / E)) (1 - γ_{min}) + γ_{min} \quad \text{for epoch } t ≤ E

    Early in training the model changes quickly and the history is out of date, so the average starts without memory.
    As training settles, it relies on more history (section 6.5.3).

    Args:
        epochs: E, the number of epochs over which γ falls; at least 1.
        gamma_min: The final γ, in (0, 1].

    Raises:
        ValueError: If ``epochs`` is below 1 or ``gamma_min`` is outside (0, 1].
        TypeError: If ``epochs`` is not an integer or ``gamma_min`` is not a number.

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
        """Return γ at ``epoch``, counted from 0."""
        share = min(max(epoch, 0) / self.epochs, 1.0)
        return 0.5 * (1.0 + math.cos(math.pi * share)) * (1.0 - self.gamma_min) + self.gamma_min


def as_schedule(gamma: float | GammaSchedule, name: str = "gamma") -> GammaSchedule:
    """Turn a number into a :class:`ConstantGamma`; return a schedule unchanged."""
    if callable(gamma):
        return gamma
    return ConstantGamma(check_gamma(name, gamma))


def check_gamma(name: str, gamma: object) -> float:
    """Return γ as a float, or raise if it is not a number in (0, 1]."""
    return number(f"{name} is the weight of the new value and", gamma, 0, 1, "(]")
