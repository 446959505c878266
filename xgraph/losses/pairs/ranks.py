"""The items of each task in the order of their scores."""

from __future__ import annotations

import torch
from torch import Tensor

from xgraph.losses.pairs.anchors import Anchors


class Ranks:
    """Scores ``[T, N]`` in descending order, in float64 and centred per task.

    With z = c − h, an item j is compared with an anchor i by h_j − h_i = z_i − z_j, and z ascends. The centre c lies
    midway between a task's lowest and highest labelled score, so that sums of z and z² keep as many digits as possible.
    """

    def __init__(self, flat: Tensor, known: Tensor) -> None:
        self.flat, self.order = flat, descending(flat)
        ordered = flat.gather(1, self.order).double()
        if bool(known.all()):
            low, high = ordered[:, -1], ordered[:, 0]
        else:
            low, high = bounds(flat, known)
        self.centre = (low + high).div_(2)
        self.sorted = self.centre.unsqueeze(1) - ordered
        self.reach = (high - self.centre).max().item()
        """The largest distance of a labelled score from its centre."""

    def level(self, anchors: Anchors) -> Tensor:
        """Return the anchors' z, ``[R]``."""
        centre = self.centre if anchors.task is None else self.centre.index_select(0, anchors.task)
        return centre - self.flat.take(anchors.cell)

    def arrange(self, values: Tensor) -> Tensor:
        """Bring values ``[..., T, N]`` of the items into the order of the scores."""
        return values.gather(-1, self.order.expand(values.shape))

    def restore(self, values: Tensor) -> Tensor:
        """Bring values ``[T, N]`` back into the order of the batch."""
        return torch.empty_like(values).scatter_(1, self.order, values)


class Grid:
    """Where each anchor's queries go in a ``[T, widest]`` matrix, one row per task."""

    def __init__(self, anchors: Anchors, tasks: int) -> None:
        self.task, self.tasks = anchors.task, tasks
        self.width = len(anchors.item)
        if self.task is not None:
            count = torch.bincount(self.task, minlength=tasks)
            self.width = int(count.max())
            start = count.cumsum(0) - count + torch.arange(0, -tasks * self.width, -self.width, device=count.device)
            self.cell = torch.arange(len(self.task), device=count.device) - start.index_select(0, self.task)

    def search(self, ordered: Tensor, queries: Tensor, right: bool = False) -> Tensor:
        """Count, for ``[R]`` queries, the elements of their task's row below them (with ``right``: or equal)."""
        if self.task is None:
            return torch.searchsorted(ordered[0], queries, right=right)
        rows = queries.new_zeros(self.tasks * self.width).index_copy_(0, self.cell, queries)
        found = torch.searchsorted(ordered, rows.view(self.tasks, self.width), right=right)
        return found.view(-1).index_select(0, self.cell)


def bounds(flat: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Return the lowest and the highest labelled score of each task, ``[T]`` in float64; 0 for a task without any."""
    low = flat.masked_fill(~known, torch.inf).amin(1)
    high = flat.masked_fill(~known, -torch.inf).amax(1)
    some = low <= high
    return low.where(some, 0).double(), high.where(some, 0).double()


def descending(flat: Tensor) -> Tensor:
    """Return the order of each row of ``[T, N]`` scores, from the highest to the lowest; ties keep their order.

    NumPy sorts whole numbers ten to thirty times faster than torch sorts on a CPU, so there the bits of a float32
    and the item's position are sorted as one number of 64 bits.
    """
    if flat.device.type != "cpu" or torch._C._are_functorch_transforms_active():
        return flat.sort(dim=1, descending=True, stable=True).indices
    if flat.dtype != torch.float32:
        return torch.from_numpy((-flat).numpy().argsort(1, kind="stable"))
    bits = (flat + 0.0).view(torch.int32)
    ascending = bits ^ ((bits >> 31) & 0x7FFFFFFF)  # negative numbers have their bits in descending order
    keys = ascending.long().neg_().mul_(1 << 32).add_(torch.arange(flat.shape[1]))
    keys.numpy().sort(1)
    return keys.bitwise_and_(0xFFFFFFFF)
