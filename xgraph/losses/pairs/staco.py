"""STACO: two-way partial AUC with a threshold and a weight per positive."""

from __future__ import annotations

import torch
from torch import Tensor

from xgraph.checks import number
from xgraph.estimators import GammaSchedule, ProjectedGradient
from xgraph.losses.pairs.anchors import Tasks
from xgraph.losses.pairs.base import Activation, PairLoss, RecentLoss
from xgraph.losses.pairs.reduce import Pairs
from xgraph.losses.pairs.reductions import tail_weights
from xgraph.losses.pairs.sopa import Thresholds
from xgraph.losses.pairs.surrogates import Surrogate


class STACOLoss(PairLoss):
    r"""Two-way partial AUC: the area at true-positive rates from 1 − ρ and false-positive rates up to β (STACO).

    .. math::
        \min_{w, ν, ν'} \max_{y ∈ [0, 1]} \mathrm{mean}_{i ∈ S_+} y_i
        \big[ \mathrm{mean}_{j ∈ S_-} (ℓ(h_j - h_i) - ν_i)_+ + β (ν_i - ν') \big] + ρ β ν'

    At the optimum, y_i selects the ρ·n₊ lowest-ranked positives and ν_i the β·n₋ highest-scoring negatives, and the
    value is ρβ times the mean loss of their pairs. Each positive (item, task) pair has its own ν_i, which starts at the
    (1−β)-quantile of its first batch, and y_i, which starts at 1. Each task has its own ν', which starts at 0. In each
    step y ascends while ν and ν' descend; value and gradient use the new y and the old ν and ν'.

    Zhou et al., 2025; equation (6.32) and Algorithm 31, with the sign of its y step corrected.

    Args:
        num_items: Size of the data set that ``index`` refers to.
        num_tasks: T, the number of label columns; each (item, task) pair has its own state.
        surrogate: ℓ: squared_hinge, hinge, squared, logistic or sigmoid (from Python also a :class:`Surrogate`).
        margin: Margin m of the surrogates that have one.
        activation: With sigmoid, apply ℓ to σ(h), as published recipes do; with none, to the logits.
        gamma: Weight of the newest batch in the objective reported by ``monitor``, in (0, 1].
        max_fpr: Largest false-positive rate of interest, β, in (0, 1].
        min_tpr: Smallest true-positive rate of interest, 1 − ρ, in [0, 1); 0 gives SOPA.
        dual_lr: Step size of y, ν and ν'.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> loss_fn = STACOLoss(num_items=100, max_fpr=0.5, min_tpr=0.5).eval()
        >>> logits, target = torch.tensor([0.5, 1.5, -1.0, 0.5]), torch.tensor([1.0, 1.0, 0.0, 0.0])
        >>> loss_fn(logits, target)  # ρβ times the loss of the lower positive and the higher negative: 0.25 · 1
        tensor(0.2500)
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
        max_fpr: float = 0.5,
        min_tpr: float = 0.5,
        dual_lr: float = 0.1,
    ) -> None:
        super().__init__(num_items, num_tasks, surrogate=surrogate, margin=margin, activation=activation)
        self.threshold = Thresholds(num_items * num_tasks, dual_lr, max_fpr)
        self.max_fpr, self.min_tpr = self.threshold.top, number("min_tpr", min_tpr, 0, 1, "[)")
        self.weight = ProjectedGradient(num_items * num_tasks, (), dual_lr, start=1.0, low=0.0, high=1.0)
        self.task_threshold = ProjectedGradient(num_tasks, (), dual_lr)
        self.recent = RecentLoss(gamma)

    def _objective(self, pairs: Pairs, rows: Tensor | None, duplicates: bool) -> Tensor:
        tasks = pairs.anchors.by_task()
        if rows is None:
            return self._optimum(pairs, tasks)
        top, worst = self.max_fpr, 1 - self.min_tpr
        threshold = self.threshold.before(pairs, rows)
        excess, above = pairs.excess(threshold)
        floor = self.task_threshold.at(tasks.task, threshold.dtype)
        rest = top * (threshold - tasks.spread(floor))
        weight = self.weight.move(excess.detach() + rest, rows, self.weight.at(rows, threshold.dtype), duplicates)
        self.threshold.step_along(pairs, rows, threshold, above, weight * (above - top), duplicates)
        self.task_threshold.move(top * (tasks.mean(weight) - worst), tasks.task, floor, False)
        loss = pairs.anchors.mean(weight * (excess + rest)) + worst * top * tasks.over_all(floor)
        self.recent.add(loss)
        return loss

    def _optimum(self, pairs: Pairs, tasks: Tasks) -> Tensor:
        """Compute the value at the optimum of the duals, which selects the lowest-ranked positives of each task."""
        losses = pairs.tail(self.max_fpr)
        slot = torch.zeros_like(pairs.anchors.item) if tasks.slot is None else tasks.slot
        position = (slot, pairs.anchors.item)
        table = losses.new_zeros(len(tasks.task), len(pairs.batch.scores))
        known = torch.zeros_like(table, dtype=torch.bool).index_put_(position, torch.ones_like(slot, dtype=torch.bool))
        weights = tail_weights(table.index_put(position, losses.detach()), known, 1 - self.min_tpr)
        return torch.dot(weights[position], losses) / len(tasks.task)

    def monitor(self) -> dict[str, float]:
        """Return figures to log during training.

        Returns:
            Those of :class:`SOPALoss`, and ``weight``: the mean of y over the positives seen (ρ at the optimum).
        """
        weight = self.weight.value[self.weight.seen].mean().item()
        return {"objective": self.recent.objective, **self.threshold.monitor(), "weight": weight}
