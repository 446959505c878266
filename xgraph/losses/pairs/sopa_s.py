"""SOPA-s: one-way partial AUC with a soft maximum over the negatives."""

from __future__ import annotations

import math

from torch import Tensor

from xgraph.checks import LARGE, SMALL, number
from xgraph.estimators import GammaSchedule, LogMovingAverage
from xgraph.losses.base import RESTART_LAG
from xgraph.losses.pairs.base import Activation, PairLoss, mean_over_tasks
from xgraph.losses.pairs.reduce import Pairs
from xgraph.losses.pairs.surrogates import Surrogate


class SOPAsLoss(PairLoss):
    r"""One-way partial AUC: the area under the ROC curve at low false-positive rates, in smooth form (SOPA-s).

    .. math:: \min_w \mathrm{mean}_{i ∈ S_+} τ \log \mathrm{mean}_{j ∈ S_-} \exp(ℓ(h_j - h_i) / τ)

    Each positive gives more weight to the negatives that outscore it most; the smaller τ, the stronger this effect. As
    τ → 0 only the highest-scoring negative counts; as τ → ∞ the loss becomes the pairwise AUC loss. Each positive
    (item, task) pair tracks log u_i, so nothing overflows, and the loss returns mean τ log u_i.

    `Zhu et al., ICML 2022 <https://arxiv.org/abs/2203.00176>`__; equation (6.28) and Algorithm 30.

    Args:
        num_items: Size of the data set that ``index`` refers to.
        num_tasks: T, the number of label columns; each (item, task) pair has its own state.
        surrogate: ℓ: squared_hinge, hinge, squared, logistic or sigmoid (from Python also a :class:`Surrogate`).
        margin: Margin m of the surrogates that have one.
        activation: With sigmoid, apply ℓ to σ(h), as published recipes do; with none, to the logits.
        gamma: Weight of the new value in the moving average, in (0, 1] (from Python also a schedule).
        temperature: Temperature τ, in units of ℓ.
        max_lag: Bound on log u_i above its newest estimate; inf for none. Beyond 50 an item restarts in any case.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> import torch
        >>> loss_fn = SOPAsLoss(num_items=100, temperature=1.0)
        >>> logits = torch.tensor([0.5, -1.0, 0.5], requires_grad=True)
        >>> loss = loss_fn(logits, torch.tensor([1.0, 0.0, 0.0]), index=torch.tensor([7, 3, 42]))
        >>> loss.backward()
        >>> round(loss.item(), 4)  # log((e⁰ + e¹) / 2)
        0.6201
    """

    def __init__(
        self,
        num_items: int,
        num_tasks: int = 1,
        *,
        surrogate: str | Surrogate = "squared_hinge",
        margin: float = 1.0,
        activation: Activation | None = None,
        gamma: float | GammaSchedule = 0.1,
        temperature: float = 1.0,
        max_lag: float = math.inf,
    ) -> None:
        super().__init__(num_items, num_tasks, surrogate=surrogate, margin=margin, activation=activation)
        self.temperature = number("temperature", temperature, SMALL, LARGE)
        self.track = LogMovingAverage(num_items * num_tasks, (), gamma, max_lag=max_lag, restart_lag=RESTART_LAG)

    def _objective(self, pairs: Pairs, rows: Tensor | None, duplicates: bool) -> Tensor:
        log_means = pairs.log_mean_exp(self.temperature)
        if rows is not None:
            log_means = self.track.step(log_means, rows, duplicates)
        return self.temperature * pairs.anchors.mean(log_means)

    def monitor(self) -> dict[str, float]:
        """Return figures to log during training.

        Returns:
            ``objective``: the mean of τ log u_i over the positives seen so far; ``seen`` and ``stuck`` of the table.
        """
        objective = self.temperature * mean_over_tasks(self.track.value, self.track, self.num_tasks)
        return {"objective": objective, **self.track.monitor()}
