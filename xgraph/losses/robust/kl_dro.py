"""Distributionally robust optimisation with a Kullback-Leibler (KL) divergence."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from xgraph.checks import LARGE, SMALL, number
from xgraph.estimators import GammaSchedule, LogMovingAverage, ProjectedGradient
from xgraph.losses.base import TASK_RESTART_LAG
from xgraph.losses.pairs.base import Activation, mean_over_tasks
from xgraph.losses.pairs.surrogates import Surrogate
from xgraph.losses.pointwise.errors import NumberError
from xgraph.losses.robust.base import RobustLoss

MAX_CHANGE = 0.3
"""Largest relative change of a temperature per step: v belongs to the old temperature, so large steps diverge."""


class KLDROLoss(RobustLoss):
    r"""Distributionally robust optimisation (DRO) with a KL regulariser: hard items get more weight.

    .. math:: \min_w τ \log \mathrm{mean}_i \exp(ℓ_i / τ)

    Each task tracks one number, v = log u. The loss returns τ·v, and an item's weight in the gradient is
    :math:`\exp(ℓ_i/τ - v)`. As τ → ∞, the loss becomes the plain mean.

    With ``learnable=True``, the loss takes the constrained form: it minimises τ·v + τρ over τ ≥ τ₀. The temperature is
    then part of the state and follows τ ← max(τ₀, τ − η z) with z = v + ρ − mean exp(ℓ_i/τ − v) ℓ_i/τ, changing by at
    most 30 % per step.

    With ``reference``, :math:`ℓ_i` is the loss above that of a reference model, so that items which no model can fit
    count little: equation (6.119), DRRho (Wei et al., `ICML 2025 <https://arxiv.org/abs/2505.06699>`__). Losses of the
    reference on items that it was trained on are too low: use those of models that have not seen them.

    :meth:`reduce` applies the same reduction to per-item losses of any kind: multi-class, regression, or losses from
    another library.

    AB-SGD (attentional-biased stochastic gradient descent; `Qi et al., 2020 <https://arxiv.org/abs/2012.06951>`__);
    equations (6.11), in log space (6.14), and (6.16) for a learnable temperature; Algorithm 24.

    Args:
        num_items: Size of the data set (only used to check ``index``).
        num_tasks: T, the number of label columns.
        surrogate: ℓ, applied to −h for positives and to h for negatives; logistic is cross-entropy. For numbers, an
            error of the prediction: squared_error, absolute_error or huber.
        margin: Margin m of the surrogates that have one.
        activation: With sigmoid, apply ℓ to 2σ(h) − 1; with none, to the logits.
        gamma: Weight of the new value in the moving average, in (0, 1] (from Python also a schedule).
        temperature: Temperature τ in units of ℓ; its initial value if learnable.
        learnable: Whether to learn τ.
        rho: How far the weights may deviate from uniform, ρ (KL divergence); only if learnable.
        min_temperature: Lower bound τ₀; only if learnable.
        temperature_lr: Step size η of τ; only if learnable.
        max_lag: Bound on v above its newest estimate; inf for none. Beyond 20 it restarts in any case.
        reference: ``[num_items]`` or ``[num_items, T]`` losses of a reference model, which are subtracted (DRRHO); NaN
            where there is none, which leaves the label out.

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
        surrogate: str | Surrogate | NumberError = "logistic",
        margin: float = 1.0,
        activation: Activation | None = None,
        gamma: float | GammaSchedule = 0.1,
        temperature: float = 1.0,
        learnable: bool = False,
        rho: float = 0.5,
        min_temperature: float = 0.1,
        temperature_lr: float = 0.01,
        max_lag: float = math.inf,
        reference: Tensor | None = None,
    ) -> None:
        super().__init__(
            num_items, num_tasks, surrogate=surrogate, margin=margin, activation=activation, reference=reference
        )
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

    def _reduce(self, losses: Tensor, weight: Tensor) -> Tensor | None:
        """Compute the loss of each task from its items' losses and weights, which are 0 where a label is missing."""
        count = weight.sum(0)
        task = count.nonzero().squeeze(1)
        if not len(task):
            return None
        if len(task) < self.num_tasks:
            losses, weight, count = losses[:, task], weight[:, task], count[task]
        temperature = losses.new_full((len(task),), self.temperature)
        if self.temperature_state is not None:
            temperature = self.temperature_state.at(task, losses.dtype)
        ratio = (losses / temperature + weight.log()).masked_fill(weight == 0, -torch.inf)
        level = ratio.logsumexp(0) - count.log()
        if self.training:
            level = self.track.step(level, task, False)
            if self.temperature_state is not None:
                share = (ratio - level).detach().exp()
                slope = level + self.rho - (share * (losses / temperature)).sum(0) / count
                reach = temperature * (MAX_CHANGE / self.temperature_state.lr)
                step = slope.detach().clamp(-reach, reach)
                self.temperature_state.move(-step, task, temperature, False)
        return (temperature * (level + self.rho)).mean()

    def monitor(self) -> dict[str, float]:
        """Return figures to log during training.

        Returns:
            ``objective``: the mean over tasks of τ·v (+ τρ); ``temperature``: the mean of τ; ``seen`` and ``stuck``
            of the table.
        """
        start = torch.full_like(self.track.value, self.temperature)
        temperature = start if self.temperature_state is None else self.temperature_state.value
        objective = mean_over_tasks(temperature * (self.track.value + self.rho), self.track, self.num_tasks)
        return {"objective": objective, "temperature": temperature.mean().item(), **self.track.monitor()}
