"""SOTA-s: two-way partial AUC with soft maxima over negatives and positives."""

from __future__ import annotations

import math

from torch import Tensor

from xgraph.checks import LARGE, SMALL, number
from xgraph.estimators import GammaSchedule, LogMovingAverage
from xgraph.estimators.schedules import as_schedule
from xgraph.losses.base import TASK_RESTART_LAG
from xgraph.losses.pairs.base import Activation, PairLoss, mean_over_tasks
from xgraph.losses.pairs.reduce import Pairs
from xgraph.losses.pairs.surrogates import Surrogate


class SOTAsLoss(PairLoss):
    r"""Two-way partial AUC: the area at low false-positive and high true-positive rates, in smooth form (SOTA-s).

    .. math::
        \min_w τ_1 \log \mathrm{mean}_{i ∈ S_+}
        \big( \mathrm{mean}_{j ∈ S_-} \exp(ℓ(h_j - h_i) / τ_2) \big)^{τ_2 / τ_1}

    The highest-scoring negatives (τ₂) and the lowest-ranked positives (τ₁) get the most weight. Each positive
    (item, task) pair tracks the logarithm of its mean over negatives, and each task the logarithm of its mean over
    positives. The loss returns τ₁ times the latter, averaged over tasks.

    `Zhu et al., ICML 2022 <https://arxiv.org/abs/2203.00176>`__; equation (6.33) and Algorithm 32.

    Args:
        num_items: Size of the data set that ``index`` refers to.
        num_tasks: T, the number of label columns; each (item, task) pair has its own state.
        surrogate: ℓ: squared_hinge, hinge, squared, logistic or sigmoid (from Python also a :class:`Surrogate`).
        margin: Margin m of the surrogates that have one.
        activation: With sigmoid, apply ℓ to σ(h), as published recipes do; with none, to the logits.
        gamma: Weight of the new value in each positive's average, in (0, 1] (from Python also a schedule).
        pos_temperature: Temperature τ₁ over positives, in units of ℓ.
        neg_temperature: Temperature τ₂ over negatives, in units of ℓ.
        task_gamma: Weight of the new value in each task's average; by default that of gamma.
        max_lag: Bound on either logarithm above its newest estimate; inf for none. Beyond 20 it restarts in any case.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> import torch
        >>> loss_fn = SOTAsLoss(num_items=100, pos_temperature=0.5)
        >>> logits = torch.tensor([0.5, 0.5, 0.5], requires_grad=True)
        >>> loss = loss_fn(logits, torch.tensor([1.0, 0.0, 0.0]), index=torch.tensor([7, 3, 42]))
        >>> loss.backward()
        >>> round(loss.item(), 4)  # all scores are tied, so ℓ = 1
        1.0
    """

    takes_weights = False  # its own weights of positives are part of the objective

    def __init__(
        self,
        num_items: int,
        num_tasks: int = 1,
        *,
        surrogate: str | Surrogate = "squared_hinge",
        margin: float = 1.0,
        activation: Activation | None = None,
        gamma: float | GammaSchedule = 0.1,
        pos_temperature: float = 1.0,
        neg_temperature: float = 1.0,
        task_gamma: float | GammaSchedule | None = None,
        max_lag: float = math.inf,
    ) -> None:
        super().__init__(num_items, num_tasks, surrogate=surrogate, margin=margin, activation=activation)
        self.pos_temperature = number("pos_temperature", pos_temperature, SMALL, LARGE)
        self.neg_temperature = number("neg_temperature", neg_temperature, SMALL, LARGE)
        outer = gamma if task_gamma is None else as_schedule(task_gamma, "task_gamma")
        self.track = LogMovingAverage(num_items * num_tasks, (), gamma, max_lag=max_lag, restart_lag=TASK_RESTART_LAG)
        self.track_tasks = LogMovingAverage(num_tasks, (), outer, max_lag=max_lag, restart_lag=TASK_RESTART_LAG)

    def _objective(self, pairs: Pairs, rows: Tensor | None, duplicates: bool) -> Tensor:
        log_means = pairs.log_mean_exp(self.neg_temperature)
        if rows is not None:
            log_means = self.track.step(log_means, rows, duplicates)
        tasks = pairs.anchors.by_task()
        outer = tasks.log_mean_exp(_times(self.neg_temperature / self.pos_temperature, log_means))
        if rows is not None:
            outer = self.track_tasks.step(outer, tasks.task, False)
        return _times(self.pos_temperature, tasks.over_all(outer))

    def monitor(self) -> dict[str, float]:
        """Return figures to log during training.

        Returns:
            ``objective``: the mean over tasks of τ₁ times the task's logarithm; ``seen`` and ``stuck`` of the table of
            positives; ``task_stuck``: the share of tasks that are stuck.
        """
        objective = self.pos_temperature * mean_over_tasks(self.track_tasks.value, self.track_tasks, self.num_tasks)
        stuck = self.track_tasks.monitor()["stuck"]
        return {"objective": objective, **self.track.monitor(), "task_stuck": stuck}


def _times(factor: float, values: Tensor) -> Tensor:
    return values if factor == 1 else values * factor
