"""Per-item losses that are not simply averaged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from xgraph.estimators.infinite import infinite
from xgraph.losses.batch import Batch, check_finite, within_limit
from xgraph.losses.pairs.base import Activation, SurrogateLoss
from xgraph.losses.pairs.surrogates import NAMES, Surrogate
from xgraph.losses.pointwise.errors import ERRORS, NumberError, as_error


class PointwiseLoss(SurrogateLoss):
    """A loss computed from per-item losses: ℓ(−h) for positives, ℓ(h) for negatives; or e(h − y) for numbers y.

    For the arguments, see :class:`SurrogateLoss`. With an error of numbers as the surrogate (see
    :class:`xgraph.losses.SquaredError`), predictions and targets are numbers.
    """

    takes_weights = True
    of_numbers: ClassVar[Mapping[str, object]] = {"surrogate": "squared_error"}
    sampler: ClassVar[Literal["dual", "shuffle", "group"]] = "shuffle"

    def __init__(
        self,
        num_items: int,
        num_tasks: int = 1,
        *,
        surrogate: str | Surrogate | NumberError = "logistic",
        margin: float = 1.0,
        activation: Activation | None = None,
    ) -> None:
        error = as_error(surrogate)
        if isinstance(surrogate, str) and error is None and surrogate not in NAMES:
            raise ValueError(f"surrogate must be one of {', '.join([*NAMES, *ERRORS])}, got {surrogate!r}")
        labels: Any = "logistic" if error is not None else surrogate
        super().__init__(num_items, num_tasks, surrogate=labels, margin=margin, activation=activation)
        self.error = error
        if error is not None:
            if activation is not None:
                raise ValueError(
                    f"activation must be none for the surrogate {surrogate!r} of numbers, got {activation!r}"
                )
            self.link = "identity"

    def activated(self, batch: Batch) -> Tensor:
        """Return the input of the surrogate, ``[B, T]``: h, or 2σ(h) − 1, which has the sign of h."""
        return batch.scores.sigmoid() * 2 - 1 if self.activation else batch.scores

    def pointwise(self, batch: Batch) -> Tensor:
        """Return the per-item losses, ``[B, T]``; they are meaningless where the label is missing."""
        if self.error is not None:
            return self.error(batch.scores - batch.numbers)
        scores = self.activated(batch)
        return self.surrogate(torch.where(batch.positive, -scores, scores))

    def _skipped(self, losses: Tensor, known: Tensor | None, index: Tensor | None = None) -> Tensor | None:
        """Return an infinite loss if a used loss is not finite and such losses are skipped, otherwise None."""
        if not self.skips_infinite or within_limit(losses):
            return None
        known = self._check_losses(torch.zeros_like(losses), known, index)[1]
        used = torch.where(known, self._columns("losses", losses), 0)
        return None if within_limit(used) else infinite(losses)

    def _check_losses(self, losses: Tensor, known: Tensor | None, index: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return losses (at least float32, 0 where masked out) and the mask, ``[B, T]`` each."""
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
            expected = f"a boolean tensor with the shape of losses {list(losses.shape)}"
            raise ValueError(f"known must be {expected}, got {got}")
        self._check_devices(losses=losses, known=known, index=index)
        values = torch.where(mask, values, 0).to(torch.promote_types(values.dtype, torch.float32))
        check_finite("losses", values)
        return values, mask
