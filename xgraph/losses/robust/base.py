"""Per-item losses that are not simply averaged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, Self

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
        reference: Tensor | None = None,
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
        self.reference: Tensor | None
        self.register_buffer("reference", self._checked_reference(reference), persistent=False)

    def activated(self, batch: Batch) -> Tensor:
        """Return the input of the surrogate, ``[B, T]``: h, or 2σ(h) − 1, which has the sign of h."""
        return batch.scores.sigmoid() * 2 - 1 if self.activation else batch.scores

    def pointwise(self, batch: Batch) -> Tensor:
        """Return the per-item losses, ``[B, T]``; they are meaningless where the label is missing."""
        if self.error is not None:
            return self.error(batch.scores - batch.numbers)
        scores = self.activated(batch)
        return self.surrogate(torch.where(batch.positive, -scores, scores))

    @torch.no_grad()
    def per_item(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the losses of items without a gradient, as those of a reference model for ``reference``.

        Args:
            logits: ``[n]`` or ``[n, T]`` raw scores.
            target: Labels of the same shape.

        Returns:
            ``[n, T]``, NaN where the label is missing.
        """
        batch = self._check(logits, target)
        return torch.where(batch.known, self.pointwise(batch), torch.nan)

    def _checked_reference(self, reference: Tensor | None) -> Tensor | None:
        if reference is None:
            return None
        if not (isinstance(reference, Tensor) and reference.is_floating_point()):
            kind = reference.dtype if isinstance(reference, Tensor) else type(reference).__name__
            raise TypeError(f"reference must be a tensor of floating-point numbers, got {kind}")
        table = reference.detach().unsqueeze(1) if reference.dim() == 1 else reference.detach()
        if table.shape != (self.num_items, self.num_tasks):
            shape = f"[{self.num_items}, {self.num_tasks}], a loss per item and task"
            raise ValueError(f"reference must have the shape {shape}, got {list(reference.shape)}")
        check_finite("reference", torch.where(table.isnan(), 0, table))
        if bool(table.isnan().all()):
            raise ValueError("reference must hold at least one loss, got NaN for all items")
        return table.to(torch.promote_types(table.dtype, torch.float32)).clone()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        before = self.reference
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if before is not None and self.reference is not None and self.reference.dtype.itemsize < 4:
            self.reference = before.to(self.reference.device)  # in float32 or wider, as the tables
        return self

    def _above_reference(self, losses: Tensor, weight: Tensor, items: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return losses above those of the reference model, and weights, which are 0 where it has none."""
        if self.reference is None:
            return losses, weight
        if items is None:
            raise ValueError("index is required with reference: it determines the reference loss of each item")
        own = self.reference.index_select(0, items).to(losses.dtype)
        missing = own.isnan()
        return torch.where(missing, 0, losses - own), weight.masked_fill(missing, 0)

    def _positions(self, index: Tensor | None, losses: Tensor) -> Tensor | None:
        """Return the checked positions of items, if they are given."""
        if index is None:
            return None
        self._check_index(index, len(losses))
        return index.long()

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


class RobustLoss(PointwiseLoss):
    """A pointwise loss that reduces the losses of each task by themselves.

    For the arguments, see :class:`PointwiseLoss`. A subclass reduces losses and weights in `_reduce`.
    """

    def _loss(self, batch: Batch) -> Tensor | None:
        weight = batch.weighted(batch.known.to(batch.scores.dtype))
        return self._reduce(*self._above_reference(self.pointwise(batch), weight, batch.items))

    def reduce(self, losses: Tensor, known: Tensor | None = None, index: Tensor | None = None) -> Tensor:
        """Compute the robust loss from per-item losses of any kind, in place of their plain mean.

        Args:
            losses: ``[B]`` or ``[B, T]``, with gradient.
            known: Boolean mask with the shape of ``losses``: the losses to use; ``None`` for all.
            index: ``[B]`` positions of the items in the data set; required with ``reference``.

        Returns:
            A scalar.

        Raises:
            ValueError: If a shape or device does not match, or a used loss is not finite or is beyond ±1e15.
            IndexError: If an index is negative or not below ``num_items``.
            TypeError: If ``losses`` is not a floating-point tensor, or ``index`` does not hold integers.
        """
        skipped = self._skipped(losses, known, index)
        if skipped is not None:
            return skipped
        values, mask = self._check_losses(losses, known, index)
        loss = self._reduce(*self._above_reference(values, mask.to(values.dtype), self._positions(index, values)))
        return losses[:0].sum() if loss is None else loss

    def _reduce(self, losses: Tensor, weight: Tensor) -> Tensor | None:
        """Compute the loss of each task from its items' losses and weights, which are 0 where a label is missing."""
        raise NotImplementedError
