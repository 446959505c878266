"""SOPA-s: one-way partial AUC by a soft maximum over the negatives."""

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
    r"""One-way partial AUC, the area at low false-positive rates (SOPA-s; Zhu et al., ICML 2022).

    .. math:: \min_w \mathrm{mean}_{i ∈ S_+} τ \log \mathrm{mean}_{j ∈ S_-} \exp(ℓ(h_j - h_i) / τ)

    (6.28) and Algorithm 30 of the chapter: each positive weighs the negatives by how far they outscore it, the more
    sharply the smaller τ. τ → 0 looks at the top negative only, τ → ∞ is the pairwise AUC loss. Each (item, task)
    that is positive tracks log u_i, so nothing overflows; the value returned is mean τ log u_i.

    Args:
        num_items: Size of the data set that ``index`` points into.
        num_tasks: T, the number of label columns; each (item, task) is an item of its own.
        surrogate: ℓ: squared_hinge, hinge, squared, logistic, sigmoid (in Python also a :class:`Surrogate`).
        margin: Margin m, for the surrogates that have one.
        activation: With sigmoid, ℓ is applied to σ(h), as in published recipes; with none, to the logits.
        gamma: Weight of the new value in the moving average, in (0, 1] (in Python also a schedule).
        temperature: τ, in units of ℓ.
        max_lag: Bound on log u_i above its newest estimate; inf = none. Beyond 50 an item restarts in any case.

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
        """``objective``: the mean of τ log u_i over the positives seen so far; the table's ``seen`` and ``stuck``."""
        objective = self.temperature * mean_over_tasks(self.track.value, self.track, self.num_tasks)
        return {"objective": objective, **self.track.monitor()}
