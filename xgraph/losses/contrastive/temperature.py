"""The temperature of a contrastive loss: a constant, a state that is learned, or given with each batch."""

from __future__ import annotations

import math
import warnings
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from xgraph.checks import LARGE, SMALL, choice, number
from xgraph.estimators import LogMovingAverage, MovingAverage, ProjectedGradient

Learn = Literal["none", "global", "individual", "predicted"]

START = 0.1
"""The temperature, or where one that is learned starts, if no number is given."""

LEAST = 0.005
"""The lowest bound of a learned temperature: differences of similarities, up to 2, are divided by it."""

MAX_CHANGE = 0.3
"""A step changes a temperature by at most this share of it."""


class Temperatures(nn.Module):
    r"""The temperatures of the anchors of one table, and how they are learned.

    An anchor's loss is τ (v + ρ), where v tracks :math:`q = \log \mathrm{mean}_j \exp(ℓ_j / τ)`. Its derivative with
    respect to τ is :math:`z = v + ρ - \mathrm{mean}_j\, e^{ℓ_j/τ - v}\, ℓ_j / τ`.

    - "none": τ is a number, and ρ is 0.
    - "global": τ is one state for all items, "individual": one for each item. It moves by
      :math:`\bar z ← (1-β) \bar z + β z`, :math:`τ ← \mathrm{clip}(τ - η \bar z, τ_0, τ_{max})`.
    - "predicted": τ comes with the batch, and its gradient flows back to the network that predicts it.

    Args:
        num_items: Number of items, each of which has its own temperature if they are individual.
        temperature: τ, or where it starts. One of the words constant, global, individual and predicted is short for
            ``learn`` with a start of .1.
        learn: "none", "global", "individual" or "predicted".
        rho: ρ, the distance (KL divergence) of the weights of the negatives from uniform that is aimed at.
        low: Lower bound τ₀.
        high: Upper bound.
        lr: Step size η.
        momentum: β, the weight of the newest derivative, in (0, 1].
    """

    def __init__(
        self,
        num_items: int,
        temperature: float | str = START,
        learn: Learn = "none",
        *,
        rho: float = 0.3,
        low: float = 0.05,
        high: float = 0.7,
        lr: float = 0.01,
        momentum: float = 0.9,
    ) -> None:
        super().__init__()
        self.start, self.learn = _read(temperature, learn)
        number("rho", rho, 0, LARGE)
        number("min_temperature", low, LEAST, LARGE)
        number("max_temperature", high, low, LARGE, "(]")
        number("temperature_lr", lr, 0, LARGE, "(]")
        number("temperature_momentum", momentum, 0, 1, "(]")
        self.rho = 0.0 if self.learn == "none" else float(rho)
        self.low, self.high = float(low), float(high)
        rows = {"global": 1, "individual": num_items}.get(self.learn)
        if rows is not None:
            number(f"temperature is where the {self.learn} one starts and", self.start, low, high)
            self.state = ProjectedGradient(rows, (), lr, start=self.start, low=low, high=high)
            self.slope = MovingAverage(rows, (), momentum, watch=False)
        self.learned = rows is not None

    def warn_if_free(self, negatives: int) -> None:
        """Warn if no weights of so many negatives are as far from uniform as ρ: the temperature then falls to τ₀."""
        if self.learn != "none" and negatives > 0 and self.rho >= math.log(negatives):
            warnings.warn(
                f"rho = {self.rho:g} is not below log({negatives}) = {math.log(negatives):.3g}, the largest KL "
                f"divergence that the weights of {negatives} negatives can have: every temperature will fall to "
                f"min_temperature = {self.low:g}; use a smaller rho",
                stacklevel=4,
            )

    def at(self, index: Tensor | None, dtype: torch.dtype | None = None) -> Tensor:
        """Return the temperatures of some items, ``[B]``; without an index their mean, ``[]``.

        Items that no batch held yet are where all start.
        """
        if not self.learned:
            return torch.tensor(self.start, dtype=dtype or torch.get_default_dtype())
        if index is not None:
            return self.state.at(self._rows(index), dtype)
        seen = self.state.value[self.state.seen]
        mean = seen.mean() if len(seen) else self.state.value.new_tensor(self.start)
        return mean.to(dtype or mean.dtype)

    def move(self, slope: Tensor, index: Tensor, before: Tensor) -> None:
        """Take a step from `before` along the derivatives of the anchors' losses, ``[B]`` each."""
        rows = self._rows(index)
        smooth = self.slope.write(slope, rows)
        reach = before * (MAX_CHANGE / self.state.lr)
        self.state.move(-smooth.clamp(-reach, reach), rows, before, False)  # the rows of an item are equal

    def monitor(self) -> dict[str, float]:
        """Return the mean of the learned temperatures, and the shares of them at their bounds."""
        if not self.learned:
            return {}
        own = self.state.value
        seen = own[self.state.seen] if bool(self.state.seen.any()) else own[:1]
        low, high = (own.new_tensor(bound) for bound in (self.low, self.high))
        return {
            "temperature": seen.mean().item(),
            "at_min": (seen <= low).double().mean().item(),
            "at_max": (seen >= high).double().mean().item(),
        }

    def extra_repr(self) -> str:
        """Describe the kind."""
        return f"{self.start:g}" if self.learn == "none" else f"{self.learn}, [{self.low:g}, {self.high:g}]"

    def _rows(self, index: Tensor) -> Tensor:
        return index if self.learn == "individual" else torch.zeros_like(index)


def anchor_losses(
    gap: Tensor,
    negative: Tensor,
    index: Tensor | None,
    track: LogMovingAverage,
    temperatures: Temperatures,
    given: Tensor | None = None,
) -> Tensor:
    r"""Return the loss of each anchor, :math:`τ (\mathrm{track}(\log \mathrm{mean}_j e^{ℓ_j/τ}) + ρ)`, ``[B]``.

    Args:
        gap: ``[B, M]``, ℓ: the similarities to M candidates, usually minus that to the positive.
        negative: ``[B, M]``, the candidates to take the mean over; at least one for each anchor.
        index: ``[B]`` rows of the tables; ``None`` leaves them unread and unwritten.
        track: The table of q.
        temperatures: The temperatures; those that are learned take a step.
        given: ``[B]`` predicted temperatures.
    """
    tau = temperatures.at(index, gap.dtype).to(gap.device) if given is None else given.to(gap.dtype)
    scaled = gap / tau.view(-1, 1)
    count = negative.sum(1).to(gap.dtype)
    level = scaled.masked_fill(~negative, -torch.inf).logsumexp(1) - count.log()
    if index is not None and track.training:
        level = track.step(level, index)
        if temperatures.learned:
            state, ratio = level.detach(), scaled.detach()
            share = (ratio - state.unsqueeze(1)).exp().masked_fill(~negative, 0)
            slope = state + temperatures.rho - (share * ratio).sum(1) / count
            temperatures.move(slope, index, tau)
    return tau * (level + temperatures.rho)


def check_given(name: str, tau: Tensor | None, length: int, learn: Learn) -> None:
    """Raise unless temperatures come with the batch if, and only if, they are predicted."""
    if learn != "predicted":
        if tau is not None:
            raise ValueError(f"{name}: a temperature for each row is for learn='predicted', but learn is {learn!r}")
        return
    if tau is None:
        raise ValueError(f"{name} is required for learn='predicted': give the temperatures of the rows, as predicted")
    if not isinstance(tau, Tensor) or not tau.is_floating_point():
        kind = tau.dtype if isinstance(tau, Tensor) else type(tau).__name__
        raise TypeError(f"{name} must be a tensor of floating-point numbers, got {kind}")
    if tau.shape != (length,):
        raise ValueError(f"{name} must have the shape [{length}], one temperature per row, got {list(tau.shape)}")
    wrong = ((tau >= SMALL) & (tau <= LARGE)).logical_not_().nonzero()
    if len(wrong):
        row = int(wrong[0])
        raise ValueError(f"{name} must lie in [{SMALL:g}, {LARGE:g}], got {tau[row].item():g} in row {row}")


def _read(temperature: float | str, learn: str) -> tuple[float, Learn]:
    """Return the number and the kind of a temperature that is a number or a word."""
    choice("learn", learn, get_args(Learn))
    if isinstance(temperature, str):
        words: dict[str, Any] = {"constant": "none", **{kind: kind for kind in get_args(Learn)[1:]}}
        if temperature not in words:
            raise ValueError(f"temperature must be a number or one of {', '.join(words)}, got {temperature!r}")
        if learn not in ("none", words[temperature]):
            raise ValueError(f"temperature = {temperature!r} contradicts learn = {learn!r}; give only one of them")
        return START, words[temperature]
    return number("temperature", temperature, SMALL, LARGE), learn  # type: ignore[return-value]
