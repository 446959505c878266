"""Binary cross-entropy, optionally with a weight for positives."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from xgraph.checks import LARGE, number
from xgraph.losses.base import Loss
from xgraph.losses.batch import Batch


class BCELoss(Loss):
    """Binary cross-entropy on logits, averaged over all known labels. It has no state.

    Args:
        num_items: Size of the data set (unused; all losses have the same signature).
        num_tasks: T, the number of label columns.
        pos_weight: Weight of a positive label relative to a negative one.

    Raises:
        ValueError: If ``pos_weight`` is outside (0, 1e6].

    Example:
        >>> import torch
        >>> loss_fn = BCELoss(num_items=3)
        >>> loss_fn(torch.zeros(3), torch.tensor([1.0, 0.0, float("nan")]))
        tensor(0.6931)
    """

    sampler = "shuffle"
    one_stage = True
    takes_weights = True

    def __init__(self, num_items: int, num_tasks: int = 1, *, pos_weight: float = 1.0) -> None:
        super().__init__(num_items, num_tasks)
        self.pos_weight = number("pos_weight", pos_weight, 0, LARGE, "(]")

    def _loss(self, batch: Batch) -> Tensor:
        losses = F.softplus(torch.where(batch.positive, -batch.scores, batch.scores))
        weights = batch.known if self.pos_weight == 1 else batch.positive * self.pos_weight + batch.negative
        return batch.weighted(losses * weights).sum() / batch.known.sum().clamp_min_(1)
