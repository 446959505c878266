"""Distributionally robust optimisation with a KL divergence."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from xgraph.checks import LARGE, SMALL, number
from xgraph.estimators import GammaSchedule, LogMovingAverage, ProjectedGradient
from xgraph.losses.base import TASK_RESTART_LAG
from xgraph.losses.batch import Batch
from xgraph.losses.pairs.base import Activation, mean_over_tasks
from xgraph.losses.pairs.surrogates import Surrogate
from xgraph.losses.robust.base import PointwiseLoss

MAX_CHANGE = 0.3
"""A step changes a temperature by this part of it at most: v belongs to the old one, so a large step runs away."""


class KLDROLoss(PointwiseLoss):
    r"""KL-regularised distributionally robust loss: hard items weigh more (AB-SGD; Qi et al., 2020).

    .. math:: \min_w τ \log \mathrm{mean}_i \exp(ℓ_i / τ)

    (6.11) and Algorithm 24 of the chapter, in log space (6.14). Each task tracks one number, v = log u; the value
    returned is τ·v, and an item's weight in the gradient is exp(ℓ_i/τ − v). τ → ∞ is the plain mean. A learnable
    temperature is that of the constrained form (6.16), min over τ ≥ τ₀ of τ·v + τρ: state too, moved by
    τ ← max(τ₀, τ − η z), z = v + ρ − mean exp(ℓ_i/τ − v) ℓ_i/τ, by 30 % a step at most.

    :meth:`reduce` does the same to per-item losses of any kind: multi-class, regression, another library's.

    Args:
        num_items: Size of the data set (unused; ``index`` is checked against it).
        num_tasks: T, the number of label columns.
        surrogate: ℓ(−h) on positives and ℓ(h) on negatives; logistic is cross-entropy.
        margin: Margin m, for the surrogates that have one.
        activation: With sigmoid, ℓ is applied to 2σ(h) − 1; with none, to the logits.
        gamma: Weight of the new value in the moving average, in (0, 1] (in Python also a schedule).
        temperature: τ, in units of ℓ; where it starts, if learnable.
        learnable: Whether τ is learned.
        rho: ρ, how far the weights may go from uniform (KL divergence), if learnable.
        min_temperature: τ₀, if learnable.
        temperature_lr: η, if learnable.
        max_lag: Bound on v above its newest estimate; inf = none. Beyond 20 it restarts in any case.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> loss_fn = KLDROLoss(num_items=100, temperature=0.5)
        >>> loss_fn(torch.tensor([2.0, 0.0]), torch.tensor([1.0, 0.0]))  # the mean is 0.41
        tensor(0.4862)
        >>> loss_fn.eval().reduce(torch.tensor([0.0, 1.0]))
        tensor(0.7169)
    """

    def __init__(
        self,
        num_items: int,
        num_tasks: int = 1,
        *,
        surrogate: str | Surrogate = "logistic",
        margin: float = 1.0,
        activation: Activation | None = None,
        gamma: float | GammaSchedule = 0.1,
        temperature: float = 1.0,
        learnable: bool = False,
        rho: float = 0.5,
        min_temperature: float = 0.1,
        temperature_lr: float = 0.01,
        max_lag: float = math.inf,
    ) -> None:
        super().__init__(num_items, num_tasks, surrogate=surrogate, margin=margin, activation=activation)
        self.temperature = number("temperature", temperature, SMALL, LARGE)
        number("min_temperature", min_temperature, SMALL, LARGE)
        self.rho = number("rho", rho, 0, LARGE) * learnable
        number("temperature_lr", temperature_lr, 0, LARGE, "(]")
        if learnable and temperature < min_temperature:
            raise ValueError(f"min_temperature must not exceed temperature = {temperature}, got {min_temperature}")
        self.track = LogMovingAverage(num_tasks, (), gamma, max_lag=max_lag, restart_lag=TASK_RESTART_LAG)
        self.temperature_state = (
            ProjectedGradient(num_tasks, (), temperature_lr, start=temperature, low=min_temperature)
            if learnable
            else None
        )

    def _loss(self, batch: Batch) -> Tensor | None:
        return self._reduce(self.pointwise(batch), batch.known)

    def reduce(self, losses: Tensor, known: Tensor | None = None) -> Tensor:
        """The robust mean of per-item losses, instead of their plain mean.

        Args:
            losses: ``[B]`` or ``[B, T]``, with gradient.
            known: Boolean, of the same shape: which of them count; all if ``None``.

        Returns:
            A scalar.

        Raises:
            ValueError: If a shape or device does not fit, or a loss that counts is not finite or beyond ±1e15.
            TypeError: If losses are not floating-point numbers.
        """
        loss = self._reduce(*self._check_losses(losses, known))
        return losses[:0].sum() if loss is None else loss

    def _reduce(self, losses: Tensor, known: Tensor) -> Tensor | None:
        count = known.sum(0, dtype=losses.dtype)
        task = count.nonzero().squeeze(1)
        if not len(task):
            return None
        if len(task) < self.num_tasks:
            losses, known, count = losses[:, task], known[:, task], count[task]
        temperature = losses.new_full((len(task),), self.temperature)
        if self.temperature_state is not None:
            temperature = self.temperature_state.at(task, losses.dtype)
        ratio = (losses / temperature).masked_fill(~known, -torch.inf)
        level = ratio.logsumexp(0) - count.log()
        if self.training:
            level = self.track.step(level, task, False)
            if self.temperature_state is not None:
                share = (ratio - level).detach().exp() * known
                slope = level + self.rho - (share * (losses / temperature)).sum(0) / count
                reach = temperature * (MAX_CHANGE / self.temperature_state.lr)
                step = slope.detach().clamp(-reach, reach)
                self.temperature_state.move(-step, task, temperature, False)
        return (temperature * (level + self.rho)).mean()

    def monitor(self) -> dict[str, float]:
        """``objective``: the mean over tasks of τ·v (+ τρ); ``temperature``: that of τ; ``seen``, ``stuck``."""
        start = torch.full_like(self.track.value, self.temperature)
        temperature = start if self.temperature_state is None else self.temperature_state.value
        objective = mean_over_tasks(temperature * (self.track.value + self.rho), self.track, self.num_tasks)
        return {"objective": objective, "temperature": temperature.mean().item(), **self.track.monitor()}
