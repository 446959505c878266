"""The base of the losses of predicted numbers that are plain means."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from xgraph.losses.base import Link, Loss
from xgraph.losses.batch import Batch
from xgraph.losses.pointwise.errors import NumberError


class NumberLoss(Loss):
    """A mean error of predictions h against numbers y, over all known numbers. It has no state."""

    sampler: ClassVar[Literal["dual", "shuffle", "group"]] = "shuffle"
    one_stage = True
    takes_weights = True
    link: Link = "identity"

    error: NumberError

    def _loss(self, batch: Batch) -> Tensor:
        losses = self.error(batch.scores - batch.numbers).masked_fill(~batch.known, 0)
        return batch.weighted(losses).sum() / batch.known.sum().clamp_min_(1)
