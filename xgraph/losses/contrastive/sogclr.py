"""Global contrastive loss: two views of each item are contrasted with the views of all other items (SogCLR)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xgraph.checks import LARGE, SMALL, integer, number
from xgraph.estimators import GammaSchedule, LogMovingAverage, check_rows
from xgraph.estimators.infinite import infinite
from xgraph.losses.base import RESTART_LAG
from xgraph.losses.batch import within_limit


class SogCLRLoss(nn.Module):
    r"""Global contrastive loss: contrasts each item with the whole data set, not only with its batch (SogCLR).

    .. math:: \min_w \mathrm{mean}_i \; -h_i^⊤ h_i^+ + τ \log \mathrm{mean}_{j ∈ S_i^-} \exp(h_i^⊤ h_j / τ)

    Here h is a normalised vector and h⁺ the vector of the item's other view. Both views of an item are anchors, and
    all views of the other items in the batch are a sample of its S⁻. The loss tracks :math:`\log u_i`, the logarithm
    of the mean of exponentials over both anchors, so small batches do not bias the gradient and nothing overflows.
    With γ = 1, or in eval mode, it is the loss of the batch alone (InfoNCE without the positive in the denominator).

    `Yuan et al., ICML 2022 <https://arxiv.org/abs/2202.12387>`__; Algorithm 34 and equation (6.43), with the factor τ
    that is missing there.

    The loss is called with two views instead of logits and labels, so it is not available on the command line.

    Args:
        num_items: Size of the data set that ``index`` refers to.
        tau: Temperature τ: the smaller, the more weight the most similar negatives get.
        gamma: Weight of the new value in the moving average, in (0, 1] (from Python also a schedule).
        max_lag: Bound on log u above its newest estimate; inf for none. Beyond 50 an item restarts in any case.

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

    skips_infinite = False
    """Whether vectors that are not finite give an infinite loss; see :func:`xgraph.estimators.skip_infinite`."""

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
        """Compute the loss of one batch.

        Args:
            z1: ``[B, P]`` vectors of the first view of each item; the loss normalises them.
            z2: ``[B, P]`` vectors of the second view.
            index: ``[B]`` positions of the items in the data set; required in training. Rows of the same item are not
                used as each other's negatives.

        Returns:
            A scalar. With a single item there are no negatives: the result is 0 and all gradients are zero.

        Raises:
            ValueError: If shapes or devices do not match, or a number is not finite. No state is written in this case.
            IndexError: If an index is negative or not below ``num_items``. No state is written in this case.
            TypeError: If the views are not floating-point tensors, or ``index`` is not an integer tensor.
        """
        if self.skips_infinite and not (within_limit(z1) and within_limit(z2)):
            self._check(torch.zeros_like(z1), torch.zeros_like(z2), index)
            return infinite(z1, z2)
        rows = self._check(z1, z2, index)
        with torch.autocast(z1.device.type, enabled=False):
            return self._loss(z1, z2, rows)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch (counted from 0) of the γ schedule; call it at the start of each epoch."""
        self.track.set_epoch(epoch)

    def monitor(self) -> dict[str, float]:
        """Return ``seen`` and ``stuck`` of the table; see :meth:`xgraph.estimators.StateTable.monitor`."""
        return self.track.monitor()

    def extra_repr(self) -> str:
        """Describe the arguments."""
        return f"num_items={self.num_items}, tau={self.tau:g}"

    def _loss(self, z1: Tensor, z2: Tensor, rows: Tensor | None) -> Tensor:
        wide = torch.promote_types(z1.dtype, torch.float32)
        h1, h2 = F.normalize(z1.to(wide)), F.normalize(z2.to(wide))
        item = torch.arange(len(z1), device=z1.device) if rows is None else rows
        h, item = torch.cat([h1, h2]), torch.cat([item, item])
        own = item.unsqueeze(0) == item.unsqueeze(1)  # the row itself, its other view, and duplicates of the item
        negatives = own.logical_not().sum(1)
        if not bool(negatives.all()):  # the batch holds a single item
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
            raise ValueError(f"z1 and z2 must have the same shape [B, P], got {list(z1.shape)} and {list(z2.shape)}")
        devices = {str(value.device) for value in (z1, z2, self.track.seen, index) if isinstance(value, Tensor)}
        if len(devices) > 1:
            got = ", ".join(sorted(devices))
            raise ValueError(f"all tensors must be on one device, got {got}; move the loss with .to(device)")
        if index is None:
            if self.training:
                raise ValueError("index is required in training: the loss keeps a state for each item of the data set")
        elif isinstance(index, Tensor) and index.shape != (len(z1),):
            raise ValueError(f"index must have the shape [{len(z1)}], one position per row, got {list(index.shape)}")
        else:
            check_rows(index, self.num_items, "; index is the item's position in the data set, not in the batch")
        for name, value in (("z1", z1), ("z2", z2)):
            if not bool(value.detach().isfinite().all()):
                row = int(value.detach().isfinite().all(1).logical_not().nonzero()[0])
                raise ValueError(f"{name} must be finite, got a non-finite value in row {row}")
        return None if index is None else index.long()
