"""Bases of the losses with a surrogate, and of those that compare pairs; what they monitor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor

from xgraph.estimators import GammaSchedule, MovingAverage, StateTable
from xgraph.losses.base import Loss
from xgraph.losses.batch import Batch
from xgraph.losses.pairs.anchors import Anchors
from xgraph.losses.pairs.reduce import Pairs
from xgraph.losses.pairs.surrogates import Surrogate, as_surrogate

Activation = Literal["sigmoid"]


class SurrogateLoss(Loss):
    """A loss with a surrogate ℓ, applied to the scores h or to σ(h)."""

    def __init__(
        self,
        num_items: int,
        num_tasks: int = 1,
        *,
        surrogate: str | Surrogate = "squared_hinge",
        margin: float = 1.0,
        activation: Activation | None = None,
    ) -> None:
        super().__init__(num_items, num_tasks)
        if activation not in (None, "sigmoid"):
            raise ValueError(f"activation must be 'sigmoid' or None, got {activation!r}")
        self.surrogate = as_surrogate(surrogate, margin)
        self.activation = activation

    def activated(self, batch: Batch) -> Tensor:
        """``[B, T]``, what the surrogate is applied to."""
        return batch.scores.sigmoid() if self.activation else batch.scores


class PairLoss(SurrogateLoss):
    """A loss of pairs: each positive, an anchor, is compared with the negatives of its task.

    Batches must hold both classes of a task for the task to contribute: see :class:`xgraph.sampling.DualSampler`.
    """

    # On raw logits the squared hinge is zero once the classes are apart, and training stops there.
    recipe: ClassVar[Mapping[str, object]] = {"activation": "sigmoid"}

    stateful: ClassVar[bool] = True
    """Whether each positive has a state, so that training needs an index."""

    def _loss(self, batch: Batch) -> Tensor | None:
        if self.stateful and self.training and batch.items is None:
            raise ValueError("index is missing: in training the loss keeps a state for each item of the data set")
        anchors = Anchors.of(batch)
        if not len(anchors.item):
            return None
        pairs = Pairs(batch, anchors, self.activated(batch), self.surrogate)
        if batch.items is None or not self.training:
            return self._objective(pairs, None, False)
        return self._objective(pairs, anchors.rows(batch.items, self.num_tasks), batch.duplicates)

    def _objective(self, pairs: Pairs, rows: Tensor | None, duplicates: bool) -> Tensor:
        """The loss; ``rows [R]`` index tables with a row per (item, task); ``None`` = no state, nothing is written."""
        raise NotImplementedError


class Recent(MovingAverage):
    """A moving average of the loss over the latest batches, for :meth:`Loss.monitor`."""

    def __init__(self, gamma: float | GammaSchedule) -> None:
        super().__init__(1, gamma=gamma)

    def add(self, loss: Tensor) -> None:
        fixed = loss.detach()  # a table's step in a third of the operations: small batches feel it
        self.value.copy_(torch.where(self.seen, torch.lerp(self.value.to(fixed.dtype), fixed, self.gamma), fixed))
        self.seen.fill_(True)

    @property
    def objective(self) -> float:
        """The average; NaN before the first batch."""
        return self.value.item() if bool(self.seen) else float("nan")


def mean_over_tasks(values: Tensor, table: StateTable, num_tasks: int) -> float:
    """The mean over tasks of the mean over their items seen by the table (task = row modulo T); NaN if none was."""
    seen = table.seen.view(-1, num_tasks)
    count = seen.sum(0)
    total = torch.where(seen, values.view(-1, num_tasks), 0).sum(0, dtype=torch.float64)
    return (total / count)[count > 0].mean().item()
