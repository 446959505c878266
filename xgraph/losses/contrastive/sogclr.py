"""Global contrastive loss: two views of each item against the views of all others (SogCLR)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xgraph.checks import LARGE, SMALL, integer, number
from xgraph.estimators import GammaSchedule, LogMovingAverage, check_rows
from xgraph.losses.base import RESTART_LAG


class SogCLRLoss(nn.Module):
    r"""Contrasts each item with the whole data set, not only with its batch (SogCLR; Yuan et al., ICML 2022).

    .. math:: \min_w \mathrm{mean}_i \; -h_i^⊤ h_i^+ + τ \log \mathrm{mean}_{j ∈ S_i^-} \exp(h_i^⊤ h_j / τ)

    (6.43), with the factor τ that its print lost, and Algorithm 34 of the chapter: h is a normalised vector, h⁺ that of
    the item's other view. Both views of an item are anchors; all views of the other items in the batch are the sample
    of its S⁻. The mean of exponentials g_i is that over both anchors; log u_i tracks its logarithm, so that small
    batches do not bias the gradient and nothing overflows. The gradient is that of Algorithm 34, the value an estimate
    of the objective. With γ = 1, or in eval mode, it is the loss of the batch alone (InfoNCE without the positive
    among the negatives).

    It is called with two views instead of logits and labels, so it is none of `LOSSES`.

    Args:
        num_items: Size of the data set that ``index`` points into.
        tau: τ, the temperature: the smaller, the more the negatives that are most alike count.
        gamma: Weight of the new value in the moving average, in (0, 1] (in Python also a schedule).
        max_lag: Bound on log u above its newest estimate; inf = none. Beyond 50 an item restarts in any case.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> loss_fn = SogCLRLoss(num_items=100, tau=0.5)
        >>> views = torch.eye(3, requires_grad=True)
        >>> loss = loss_fn(views, views, torch.tensor([7, 3, 42]))  # -1 + 0.5 log(e⁰)
        >>> loss.backward()
        >>> loss.item()
        -1.0
    """

    def __init__(
        self,
        num_items: int,
        tau: float = 0.1,
        gamma: float | GammaSchedule = 0.9,
        *,
        max_lag: float = math.inf,
    ) -> None:
        super().__init__()
        self.num_items = integer("num_items", num_items)
        self.tau = number("tau", tau, SMALL, LARGE)
        self.track = LogMovingAverage(num_items, (), gamma, max_lag=max_lag, restart_lag=RESTART_LAG)

    def forward(self, z1: Tensor, z2: Tensor, index: Tensor | None = None) -> Tensor:
        """The loss of one batch.

        Args:
            z1: ``[B, P]`` vectors of one view of each item; they are normalised here.
            z2: ``[B, P]``, of the other view.
            index: ``[B]`` positions of the items in the data set; required in training. Rows of the same item are not
                each other's negatives.

        Returns:
            A scalar. A batch of one item only has no negatives: it gives 0 and zero gradients.

        Raises:
            ValueError: If shapes or devices do not fit, or a number is not finite. No state has been written then.
            IndexError: If an index is negative or not below ``num_items``. No state has been written then.
            TypeError: If the views are not tensors of floating-point numbers, or ``index`` not one of integers.
        """
        rows = self._check(z1, z2, index)
        with torch.autocast(z1.device.type, enabled=False):
            return self._loss(z1, z2, rows)

    def set_epoch(self, epoch: int) -> None:
        """Tell the γ schedule which epoch (counted from 0) begins."""
        self.track.set_epoch(epoch)

    def monitor(self) -> dict[str, float]:
        """``seen`` and ``stuck`` of the table: see :meth:`xgraph.estimators.StateTable.monitor`."""
        return self.track.monitor()

    def extra_repr(self) -> str:
        """The arguments."""
        return f"num_items={self.num_items}, tau={self.tau:g}"

    def _loss(self, z1: Tensor, z2: Tensor, rows: Tensor | None) -> Tensor:
        wide = torch.promote_types(z1.dtype, torch.float32)
        h1, h2 = F.normalize(z1.to(wide)), F.normalize(z2.to(wide))
        item = torch.arange(len(z1), device=z1.device) if rows is None else rows
        h, item = torch.cat([h1, h2]), torch.cat([item, item])
        own = item.unsqueeze(0) == item.unsqueeze(1)  # itself, its other view, and the item once more
        negatives = own.logical_not().sum(1)
        if not bool(negatives.all()):  # then it is one item alone
            return (z1[:0] + z2[:0]).sum().to(wide)
        level = (h @ h.t() / self.tau).masked_fill(own, -torch.inf).logsumexp(1) - negatives.to(wide).log()
        level = torch.logaddexp(*level.chunk(2)) - math.log(2)
        if rows is not None and self.training:
            level = self.track.step(level, rows)
        return self.tau * level.mean() - (h1 * h2).sum(1).mean()

    def _check(self, z1: Tensor, z2: Tensor, index: Tensor | None) -> Tensor | None:
        for name, value in (("z1", z1), ("z2", z2)):
            if not isinstance(value, Tensor) or not value.is_floating_point():
                got = str(value.dtype) if isinstance(value, Tensor) else type(value).__name__
                raise TypeError(f"{name} must be a tensor of floating-point numbers, got {got}")
        if z1.dim() != 2 or z1.shape != z2.shape:
            raise ValueError(f"z1 and z2 must have one shape [B, P], got {list(z1.shape)} and {list(z2.shape)}")
        devices = {str(value.device) for value in (z1, z2, self.track.seen, index) if isinstance(value, Tensor)}
        if len(devices) > 1:
            got = ", ".join(sorted(devices))
            raise ValueError(f"everything must be on one device, got {got}; a loss moves by .to(device)")
        if index is None:
            if self.training:
                raise ValueError("index is missing: in training the loss keeps a state for each item of the data set")
        elif isinstance(index, Tensor) and index.shape != (len(z1),):
            raise ValueError(f"index must have the shape [{len(z1)}], one for each row, got {list(index.shape)}")
        else:
            check_rows(index, self.num_items, "; it is the item's position in the data set, not in the batch")
        for name, value in (("z1", z1), ("z2", z2)):
            if not bool(value.detach().isfinite().all()):
                row = int(value.detach().isfinite().all(1).logical_not().nonzero()[0])
                raise ValueError(f"{name} must be finite, got a number that is not in row {row}")
        return None if index is None else index.long()
