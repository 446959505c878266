"""Schedules for γ, the weight of the new value in a moving average."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from xgraph.checks import LARGE, SMALL, integer, number

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


@dataclass(frozen=True)
class Proximal:
    r"""A γ for each row of a :class:`LogMovingAverage`, the larger the higher its state is.

    .. math::
        γ_i = σ(\log α + v_i), \qquad v_i ← v_i + \log(1 + α \hat g_i) - \log(1 + α e^{v_i})

    This is stochastic proximal mirror descent on :math:`e^{-v}` (SCENT). A state that one batch of huge values has left
    far too high returns within a touch or two, where a constant γ = .1 takes hundreds. A state that is too low returns
    slowly, and its gradient is weighted by up to 1/γ, which ``max_weight`` bounds.

    Args:
        alpha: α, in [1e-6, 1e6]. An item whose state is v has γ = 1/2 at α = e^−v.
        max_weight: Bound on the weight e^(q − v) of an item's gradient: γ is at least 1 / max_weight. At least 1.

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If an argument is not a number.

    Example:
        >>> import torch
        >>> from xgraph.estimators import LogMovingAverage, Proximal
        >>> track = LogMovingAverage(num_items=1, gamma=Proximal(alpha=1.0))
        >>> index = torch.tensor([0])
        >>> [round(track(torch.tensor([q]), index).item(), 2) for q in (60.0, 0.0, 0.0)]
        [60.0, 0.69, 0.29]
    """

    alpha: float
    max_weight: float = 1e4

    def __post_init__(self) -> None:
        number("alpha", self.alpha, SMALL, LARGE)
        number("max_weight", self.max_weight, 1, math.inf)

    def __call__(self, epoch: int) -> float:
        """Return the γ of a row whose state is 0; the epoch does not matter."""
        return max(self.alpha / (1 + self.alpha), 1 / self.max_weight)

    def logs(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return log γ and log(1 − γ) of rows with this state, finite for any state."""
        level, least = state + math.log(self.alpha), 1 / self.max_weight
        rest = math.log1p(-least) if least < 1 else -math.inf
        return F.logsigmoid(level).clamp_min_(-math.log(self.max_weight)), F.logsigmoid(-level).clamp_max_(rest)


def logs(gamma: float | Tensor | Proximal, state: Tensor) -> tuple[float | Tensor, float | Tensor]:
    """Return log γ and log(1 − γ): for all rows, for each row, or as their states have it."""
    if isinstance(gamma, Proximal):
        return gamma.logs(state)
    if isinstance(gamma, Tensor):
        return gamma.log(), torch.log1p(-gamma)
    return math.log(gamma), math.log1p(-gamma)


def as_schedule(gamma: float | GammaSchedule, name: str = "gamma") -> GammaSchedule:
    """Turn a number into a :class:`ConstantGamma`; return a schedule unchanged."""
    if callable(gamma):
        return gamma
    return ConstantGamma(check_gamma(name, gamma))


def check_gamma(name: str, gamma: object) -> float:
    """Return γ as a float, or raise if it is not a number in (0, 1]."""
    return number(f"{name} is the weight of the new value and", gamma, 0, 1, "(]")


def check_rates(gamma: Tensor, length: int) -> Tensor:
    """Return a γ for each row of a batch, or raise if one is not in (0, 1]."""
    if not gamma.is_floating_point():
        raise TypeError(f"gamma must hold floating-point numbers, got {gamma.dtype}")
    if gamma.shape != (length,):
        raise ValueError(f"gamma must have the shape [{length}], one per row of estimate, got {list(gamma.shape)}")
    wrong = ((gamma > 0) & (gamma <= 1)).logical_not_().nonzero()
    if len(wrong):
        row = int(wrong[0])
        raise ValueError(f"gamma must lie in (0, 1], got {gamma[row].item():g} in row {row}")
    return gamma.detach()
