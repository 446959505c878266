"""Softmax cross-entropy over mutually exclusive classes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from xgraph.losses.base import Link, Loss
from xgraph.losses.batch import Batch


class CrossEntropyLoss(Loss):
    """Softmax cross-entropy over the T columns of logits, averaged over the labelled items. It has no state.

    The columns are the classes, and the target is one-hot: 1 in the column of an item's class and 0 elsewhere. An
    item with NaN in its row has no label. (The other losses treat the same targets as T one-against-the-rest labels.)

    Args:
        num_items: Size of the data set (unused; all losses have the same signature).
        num_tasks: T, the number of classes.
        label_smoothing: Share of the target that is spread evenly over all classes, in [0, 1).

    Raises:
        ValueError: If there are fewer than two classes, or ``label_smoothing`` is out of range. When called, also if
            a row of the target does not hold exactly one 1, in addition to the errors of :class:`Loss`.

    Example:
        >>> import torch
        >>> loss_fn = CrossEntropyLoss(num_items=3, num_tasks=2)
        >>> loss_fn(torch.zeros(2, 2), torch.tensor([[1.0, 0.0], [float("nan"), float("nan")]]))
        tensor(0.6931)
    """

    sampler = "shuffle"
    one_stage = True
    takes_weights = True
    link: Link = "softmax"

    def __init__(self, num_items: int, num_tasks: int, *, label_smoothing: float = 0.0) -> None:
        super().__init__(num_items, num_tasks)
        if num_tasks < 2:
            raise ValueError(f"num_tasks must be at least 2, one per class, got {num_tasks}")
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing must lie in [0, 1), got {label_smoothing}")
        self.label_smoothing = label_smoothing

    def _loss(self, batch: Batch) -> Tensor:
        labelled = batch.known.all(1)
        ones = batch.positive.sum(1)
        invalid = labelled & (ones != 1)
        if invalid.any():
            row = int(invalid.nonzero()[0])
            raise ValueError(f"target must be one-hot with a single 1 per row; row {row} has {int(ones[row])}")
        share = batch.positive.to(batch.scores.dtype).lerp(
            torch.full_like(batch.scores, 1 / self.num_tasks), self.label_smoothing
        )
        losses = -batch.weighted(F.log_softmax(batch.scores, 1) * share).sum(1)
        return torch.where(labelled, losses, 0).sum() / labelled.sum().clamp_min_(1)
