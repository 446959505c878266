"""What the contrastive losses have in common: checks of vectors and positions, γ schedules, and loading of a state."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xgraph.checks import integer
from xgraph.estimators import StateTable, check_rows
from xgraph.losses.base import check_state


class ContrastiveLoss(nn.Module):
    """Base class of the losses of pairs of vectors.

    Args:
        num_items: Size of the data set that ``index`` refers to.
    """

    skips_infinite = False
    """Whether vectors that are not finite give an infinite loss; see :func:`xgraph.estimators.skip_infinite`."""

    def __init__(self, num_items: int) -> None:
        super().__init__()
        self.num_items = integer("num_items", num_items)
        self.register_load_state_dict_pre_hook(check_state)  # type: ignore[no-untyped-call]

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch (counted from 0) of the γ schedule; call it at the start of each epoch."""
        for module in self.modules():
            if isinstance(module, StateTable):
                module.set_epoch(epoch)

    def _check_vectors(self, **vectors: Tensor) -> None:
        """Raise unless all are finite floating-point tensors."""
        for name, value in vectors.items():
            if not bool(value.detach().isfinite().all()):
                row = int(value.detach().flatten(1).isfinite().all(1).logical_not().nonzero()[0])
                raise ValueError(f"{name} must be finite, got a non-finite value in row {row}")

    def _check_types(self, **vectors: Tensor) -> None:
        for name, value in vectors.items():
            if not isinstance(value, Tensor) or not value.is_floating_point():
                got = str(value.dtype) if isinstance(value, Tensor) else type(value).__name__
                raise TypeError(f"{name} must be a tensor of floating-point numbers, got {got}")

    def _check_devices(self, *tensors: Tensor | None) -> None:
        own = next(module.seen for module in self.modules() if isinstance(module, StateTable))
        devices = {str(value.device) for value in (own, *tensors) if isinstance(value, Tensor)}
        if len(devices) > 1:
            got = ", ".join(sorted(devices))
            raise ValueError(f"all tensors must be on one device, got {got}; move the loss with .to(device)")

    def _check_index(self, name: str, index: Tensor | None, length: int, num_items: int) -> Tensor | None:
        """Return the positions as int64."""
        if index is None:
            if self.training:
                raise ValueError(
                    f"{name} is required in training: the loss keeps a state for each item of the data set"
                )
            return None
        if isinstance(index, Tensor) and index.shape != (length,):
            raise ValueError(f"{name} must have the shape [{length}], one position per row, got {list(index.shape)}")
        check_rows(index, num_items, f"; {name} is the item's position in the data set, not in the batch")
        return index.long()


def unit(vectors: Tensor) -> Tensor:
    """Return vectors of length 1 along the last axis, in float32 or wider."""
    return F.normalize(vectors.to(torch.promote_types(vectors.dtype, torch.float32)), dim=-1)


def nothing(*used: Tensor | None) -> Tensor:
    """Return a zero with a zero gradient for each of the tensors."""
    return torch.stack([value[:0].sum() for value in used if value is not None]).sum()
