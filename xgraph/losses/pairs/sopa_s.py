"""SOPA-s: one-way partial AUC by a soft maximum over the negatives."""

from __future__ import annotations

import math

from torch import Tensor

from xgraph.checks import LARGE, SMALL, number
from xgraph.estimators import GammaSchedule, LogMovingAverage
from xgraph.losses.pairs.base import Activation, PairLoss, mean_over_tasks
from xgraph.losses.pairs.reduce import Pairs
from xgraph.losses.pairs.surrogates import Surrogate

RESTART_LAG = 50.0
"""A state e^50 above its newest estimate passes on no gradient in float32: it starts anew."""

TASK_RESTART_LAG = 20.0
"""The same where one state that lags silences all items of its task, at this lag by e⁻²⁰."""


class SOPAsLoss(PairLoss):
    r"""One-way partial AUC, the area at low false-positive rates (SOPA-s; Zhu et al., ICML 2022).

    .. math:: \min_w \mathrm{mean}_{i ∈ S_+} τ \log \mathrm{mean}_{j ∈ S_-} \exp(ℓ(h_j - h_i) / τ)

    (6.28) and Algorithm 30 of the chapter: each positive weighs the negatives by how far they outscore it, the more
    sharply the smaller τ. τ → 0 looks at the top negative only, τ → ∞ is the pairwise AUC loss. Each (item, task)
    that is positive tracks log u_i, so nothing overflows; the value returned is mean τ log u_i.

    Args:
        num_items: size of the data set that ``index`` points into.
        num_tasks: T, the number of label columns; each (item, task) is an item of its own.
        surrogate: ℓ: squared_hinge, hinge, squared, logistic, sigmoid (in Python also a :class:`Surrogate`).
        margin: m of the surrogates that have one.
        activation: sigmoid applies the surrogate to σ(h), as published recipes do; none, to the logits.
        gamma: weight of the new value in the moving average, in (0, 1] (in Python also a schedule).
        temperature: τ, in units of ℓ.
        max_lag: bound on log u_i above its newest estimate; inf = none. Beyond 50 an item starts anew in any case.

    Raises:
        ValueError: if an argument is out of range.

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
        """The tracked objective and the state of the table.

        Returns:
            ``objective``: mean of τ log u_i over the positives seen so far (of each task, then over tasks), NaN
            before the first batch; the table's ``seen`` and ``stuck``.
        """
        objective = self.temperature * mean_over_tasks(self.track.value, self.track, self.num_tasks)
        return {"objective": objective, **self.track.monitor()}
