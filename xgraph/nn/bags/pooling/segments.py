"""Sums, maxima and softmaxes over the instances of each bag, for bags of any size and without padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from xgraph.estimators.rows import INTEGERS
from xgraph.nn.layers.recording import is_recorded


@dataclass(frozen=True)
class Bags:
    """Assignment of instances to bags.

    Args:
        index: Bag of each instance, int64, in any order. Shape ``[N]``.
        count: Number of instances of each bag, as floating-point numbers. Shape ``[B]``.
    """

    index: Tensor
    count: Tensor

    @classmethod
    def of(
        cls, x: Tensor, index: Tensor | None, ptr: Tensor | None = None, size: int | None = None, check: bool = True
    ) -> Bags:
        """Create it from a bag index or boundaries, and check them."""
        if x.dim() != 2:
            raise ValueError(f"x must have shape [N, C], got {list(x.shape)}")
        if index is None and ptr is not None:
            if check:
                _check_ptr(ptr, len(x))
            index = torch.repeat_interleave(ptr.diff(), output_size=len(x))
            size = len(ptr) - 1
        elif index is None:
            index, size = torch.zeros(len(x), dtype=torch.long, device=x.device), 1
        if index.shape != x.shape[:1]:
            raise ValueError(f"index must have shape [{len(x)}], one bag per instance, got {list(index.shape)}")
        if index.dtype not in INTEGERS:
            raise TypeError(f"index must be a tensor of integers, got {index.dtype}")
        index = index.long()
        if size is None:
            size = int(index.max()) + 1 if len(index) else 0
        if check:
            _check_range(index, size)
        ones = torch.ones_like(index, dtype=torch.promote_types(x.dtype, torch.float32))
        bags = cls(index, ones.new_zeros(size).index_add_(0, index, ones))
        if check and not bool(bags.count.all()):
            empty = int((bags.count == 0).nonzero()[0])
            raise ValueError(
                f"every bag needs at least one instance, but bag {empty} of the batch's {size} bags has none"
            )
        return bags

    def spread(self, x: Tensor) -> Tensor:
        """Copy each bag's row to all of its instances."""
        return x.index_select(0, self.index)

    def max(self, x: Tensor) -> Tensor:
        """Return the maximum per bag; ties share the gradient equally."""
        where = self.index[:, None].expand_as(x)
        return x.new_zeros(len(self.count), x.size(1)).scatter_reduce(0, where, x, "amax", include_self=False)

    def sum(self, x: Tensor) -> Tensor:
        """Return the sum per bag."""
        return x.new_zeros(len(self.count), x.size(1)).index_add(0, self.index, x)

    def softmax(self, x: Tensor, tau: float = 1.0) -> tuple[Tensor, Tensor]:
        """Return the softmax over each bag, and the logarithm of its mean exponential."""
        power, total, log_mean = self._powers(x, tau)
        return power / self.spread(total), log_mean

    def log_mean_exp(self, x: Tensor, tau: float = 1.0) -> Tensor:
        """Return only the logarithm of the mean exponential, which takes less memory than `softmax`."""
        return self._powers(x, tau)[2]

    def weighted_sum(self, weight: Tensor, x: Tensor) -> Tensor:
        """Return weighted sums per bag and head, differentiable in weights and vectors."""
        heads, (size, channels) = weight.size(1), (len(self.count), x.size(1))
        if channels % heads:
            raise ValueError(f"heads must divide the number of pooled columns, {channels}, got {heads}")
        index = self.index
        if heads > 1:  # treat each head of a bag as a separate bag
            index = (index[:, None] * heads + torch.arange(heads, device=index.device)).flatten()
            weight, x = weight.reshape(-1, 1), x.reshape(-1, channels // heads)
        if torch.compiler.is_compiling() or is_recorded():
            out = x.new_zeros(size * heads, x.size(1)).index_add(0, index, weight * x)
        else:
            out = _WeightedSum.apply(weight[:, 0], x, index, size * heads)  # type: ignore[no-untyped-call]
        return out.view(size, heads, channels // heads)

    def _powers(self, x: Tensor, tau: float) -> tuple[Tensor, Tensor, Tensor]:
        """Return exponentials relative to the bag's maximum, their sums, and the logarithms of the means."""
        top = self.max(x.detach())
        # Subtract before dividing, which would round small differences away. In place, because allocation costs more
        # than the arithmetic.
        power = (x - self.spread(top)).div_(tau).exp_()
        total = self.sum(power)
        return power, total, top / tau + total.log() - self.count.log()[:, None]


class _WeightedSum(torch.autograd.Function):
    """Weighted sums of rows by bag."""

    @staticmethod
    def forward(weight: Tensor, x: Tensor, index: Tensor, size: int) -> Tensor:
        row, order = index, None
        if index.is_cuda or not bool((index[1:] >= index[:-1]).all()):  # checking would synchronise a GPU
            row, order = torch.sort(index, stable=True)
        begin = torch.searchsorted(row, torch.arange(size, device=row.device))
        which = torch.arange(len(row), device=row.device) if order is None else order
        per_sample = weight if order is None else weight[order]
        return F.embedding_bag(which, x.contiguous(), begin, mode="sum", per_sample_weights=per_sample)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, int], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:3])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        weight, x, index = ctx.saved_tensors
        spread = grad.index_select(0, index)
        of_weight = torch.linalg.vecdot(spread, x) if ctx.needs_input_grad[0] else None
        return of_weight, spread.mul_(weight[:, None]) if ctx.needs_input_grad[1] else None, None, None


def _check_ptr(ptr: Tensor, instances: int) -> None:
    if ptr.dtype not in INTEGERS:
        raise TypeError(f"ptr must be a tensor of integers, got {ptr.dtype}")
    if ptr.dim() != 1 or not len(ptr):
        raise ValueError(f"ptr must have shape [B + 1], got {list(ptr.shape)}")
    first, last = int(ptr[0]), int(ptr[-1])
    if first != 0 or last != instances:
        raise ValueError(f"ptr must start at 0 and end at the number of instances, {instances}, got {first} and {last}")
    if bool((ptr.diff() < 0).any()):
        raise ValueError("ptr must not decrease: bag b has the instances ptr[b] to ptr[b + 1] - 1")


def _check_range(index: Tensor, size: int) -> None:
    if len(index):
        low, high = torch.stack(index.aminmax()).tolist()
        if low < 0 or high >= size:
            bad = low if low < 0 else high
            raise IndexError(f"index must be between 0 and {size - 1} (dim_size={size}), got {bad}")
