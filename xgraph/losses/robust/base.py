"""Losses of single items, reduced in other ways than by their mean."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from xgraph.losses.batch import Batch, check_finite
from xgraph.losses.pairs.base import SurrogateLoss


class PointwiseLoss(SurrogateLoss):
    """A loss of per-item losses: ℓ(−h) on positives, ℓ(h) on negatives. Arguments: :class:`SurrogateLoss`."""

    sampler: ClassVar[Literal["dual", "shuffle", "group"]] = "shuffle"

    def activated(self, batch: Batch) -> Tensor:
        """``[B, T]``, what the surrogate is applied to: h, or 2σ(h) − 1, whose sign is h's."""
        return batch.scores.sigmoid() * 2 - 1 if self.activation else batch.scores

    def pointwise(self, batch: Batch) -> Tensor:
        """``[B, T]``; of no meaning where the label is missing."""
        scores = self.activated(batch)
        return self.surrogate(torch.where(batch.positive, -scores, scores))

    def _check_losses(self, losses: Tensor, known: Tensor | None, index: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """``[B, T]`` each, the losses float32 at least and 0 where they do not count."""
        if not (isinstance(losses, Tensor) and losses.is_floating_point()):
            kind = losses.dtype if isinstance(losses, Tensor) else type(losses).__name__
            raise TypeError(f"losses must be a tensor of floating-point numbers, got {kind}")
        values = self._columns("losses", losses)
        if known is None:
            mask = torch.ones_like(values, dtype=torch.bool)
        elif isinstance(known, Tensor) and known.dtype == torch.bool and known.shape == losses.shape:
            mask = self._columns("known", known)
        else:
            got = f"{known.dtype} {list(known.shape)}" if isinstance(known, Tensor) else type(known).__name__
            expected = f"a boolean tensor of the shape of losses {list(losses.shape)}"
            raise ValueError(f"known must be {expected}, got {got}")
        self._check_devices(losses=losses, known=known, index=index)
        values = torch.where(mask, values, 0).to(torch.promote_types(values.dtype, torch.float32))
        check_finite("losses", values)
        return values, mask
