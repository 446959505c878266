"""Binary cross-entropy with a weight per task."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from xgraph.losses.base import Loss
from xgraph.losses.batch import Batch


class WeightedBCELoss(Loss):
    """Binary cross-entropy on logits: a weighted mean over all known labels with a weight per task. It has no state.

    Args:
        num_items: Size of the data set (unused; all losses have the same signature).
        num_tasks: T, the number of label columns.
        task_weight: ``[T]`` weights of the tasks' labels, 0 or more.

    Raises:
        ValueError: If ``task_weight`` has the wrong shape, or a weight is negative or not finite.

    Example:
        >>> loss_fn = WeightedBCELoss(3, 2, task_weight=torch.tensor([1.0, 0.0]))
        >>> loss_fn(torch.tensor([[0.0, 9.0]]), torch.tensor([[1.0, 0.0]]))
        tensor(0.6931)
    """

    sampler = "shuffle"
    one_stage = True
    takes_weights = True

    task_weight: Tensor

    def __init__(self, num_items: int, num_tasks: int = 1, *, task_weight: Tensor) -> None:
        super().__init__(num_items, num_tasks)
        if task_weight.shape != (num_tasks,):
            raise ValueError(f"task_weight must have the shape [{num_tasks}], got {list(task_weight.shape)}")
        if not bool((task_weight.isfinite() & (task_weight >= 0)).all()):
            raise ValueError(f"task_weight must hold finite numbers of 0 or more, got {task_weight.tolist()}")
        self.register_buffer("task_weight", task_weight.detach().clone().float())

    def _loss(self, batch: Batch) -> Tensor | None:
        weights = batch.known * self.task_weight
        total = weights.sum()
        if not bool(total > 0):
            return None
        losses = F.softplus(torch.where(batch.positive, -batch.scores, batch.scores))
        return batch.weighted(losses * weights).sum() / total
