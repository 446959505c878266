"""Base classes of losses with a surrogate and of losses that compare pairs, and helpers for ``monitor``."""

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
    """A loss with a surrogate ℓ that is applied to the scores h or to σ(h)."""

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
        """Return the input of the surrogate, ``[B, T]``."""
        return batch.scores.sigmoid() if self.activation else batch.scores


class PairLoss(SurrogateLoss):
    """A loss of pairs: each positive (the anchor) is compared with the negatives of its task.

    A task contributes only if the batch holds both of its classes: see :class:`xgraph.sampling.DualSampler`.
    """

    # On raw logits, the squared hinge becomes zero once the classes are separated, and training stops.
    recipe: ClassVar[Mapping[str, object]] = {"activation": "sigmoid"}

    takes_weights = True

    stateful: ClassVar[bool] = True
    """Whether each positive has a state; if so, training needs an index."""

    def _loss(self, batch: Batch) -> Tensor | None:
        if self.stateful and self.training and batch.items is None:
            raise ValueError("index is required in training: the loss keeps a state for each item of the data set")
        if batch.weight is not None:  # so that the weights of a task's negatives have a positive sum
            batch.negative = batch.negative & (batch.weight > 0).unsqueeze(1)
        anchors = Anchors.from_batch(batch)
        if not len(anchors.item):
            return None
        pairs = Pairs(batch, anchors, self.activated(batch), self.surrogate)
        if batch.items is None or not self.training:
            return self._objective(pairs, None, False)
        return self._objective(pairs, anchors.rows(batch.items, self.num_tasks), batch.duplicates)

    def _objective(self, pairs: Pairs, rows: Tensor | None, duplicates: bool) -> Tensor:
        """Compute the loss.

        Args:
            pairs: The pairs of the batch.
            rows: ``[R]`` rows of the anchors in tables with one row per (item, task) pair; ``None``: use no state.
            duplicates: Whether a row occurs more than once.
        """
        raise NotImplementedError


class RecentLoss(MovingAverage):
    """A moving average of the loss over recent batches, for :meth:`Loss.monitor`."""

    def __init__(self, gamma: float | GammaSchedule) -> None:
        super().__init__(1, gamma=gamma)

    def add(self, loss: Tensor) -> None:
        fixed = loss.detach()  # a third of the operations of StateTable.step, which matters for small batches
        self.value.copy_(torch.where(self.seen, torch.lerp(self.value.to(fixed.dtype), fixed, self.gamma), fixed))
        self.seen.fill_(True)

    @property
    def objective(self) -> float:
        """The moving average; NaN before the first batch."""
        return self.value.item() if bool(self.seen) else float("nan")


def mean_over_tasks(values: Tensor, table: StateTable, num_tasks: int) -> float:
    """Average over each task's seen items (task = row modulo T), then over tasks; NaN if no item has been seen."""
    seen = table.seen.view(-1, num_tasks)
    count = seen.sum(0)
    total = torch.where(seen, values.view(-1, num_tasks), 0).sum(0, dtype=torch.float64)
    return (total / count)[count > 0].mean().item()
