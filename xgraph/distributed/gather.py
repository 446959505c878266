"""The rows of all processes: gathered in a single step, with a gradient, from shares of any size."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def world_size() -> int:
    """Return the number of processes: 1 unless ``torch.distributed`` is initialised."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return the number of this process, from 0: 0 unless ``torch.distributed`` is initialised."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def gather_rows(name: str, tensors: Sequence[Tensor]) -> list[Tensor]:
    """Concatenate the rows of all processes, in the order of the ranks.

    All processes must call this at the same time, also those without rows. Each must pass as many tensors of the same
    types and shapes, apart from the number of rows.

    The gradient of a row is that of its own process, times the number of processes: `DistributedDataParallel` averages
    the gradients of processes that all compute the same loss.

    Args:
        name: What is gathered, for messages; must be the same in all processes.
        tensors: Tensors with the same number of rows.

    Returns:
        For each tensor, the rows of all processes.

    Raises:
        ValueError: If the processes do not pass the same kinds of tensors.
    """
    return list(_Gather.apply(name, *tensors))  # type: ignore[no-untyped-call]


def gather_equal(x: Tensor) -> Tensor:
    """Stack a tensor that has the same shape in all processes, ``[R, …]``; its gradient is summed over them."""
    out: Tensor = _Stack.apply(x)  # type: ignore[no-untyped-call]
    return out


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, name: str, *tensors: Tensor) -> tuple[Tensor, ...]:
        sizes = _sizes(name, tensors)
        begin = sum(sizes[: rank()])
        ctx.own = slice(begin, begin + sizes[rank()])
        packed = torch.cat([_bytes(tensor) for tensor in tensors], 1)
        buffer = packed.new_zeros(max(sizes), packed.size(1))
        buffer[: len(packed)] = packed
        parts = [torch.empty_like(buffer) for _ in sizes]
        dist.all_gather(parts, buffer)
        rows = torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])
        columns = torch.split(rows, [_width(tensor) for tensor in tensors], 1)
        out = [
            part.contiguous().view(tensor.dtype).view(len(rows), *tensor.shape[1:])
            for part, tensor in zip(columns, tensors, strict=True)
        ]
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*(new for new in out if not new.is_floating_point()))
        return tuple(out)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        wanted = zip(grads, ctx.needs_input_grad[1:], strict=True)
        return None, *(grad[ctx.own] * world_size() if need and grad is not None else None for grad, need in wanted)


class _Stack(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        parts = [torch.empty_like(x, memory_format=torch.contiguous_format) for _ in range(world_size())]
        dist.all_gather(parts, x.contiguous())
        return torch.stack(parts)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        total = grad.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total[rank()]


def _sizes(name: str, tensors: Sequence[Tensor]) -> list[int]:
    """Return the number of rows of each process after checking that all gather the same kinds of tensors."""
    lengths = sorted({len(tensor) for tensor in tensors})
    if len(lengths) != 1:
        raise ValueError(f"{name}: expected tensors with the same number of rows, got {lengths}")
    kinds = ", ".join(f"{tensor.dtype} {['rows', *tensor.shape[1:]]}" for tensor in tensors)
    own = torch.tensor([lengths[0], zlib.crc32(f"{name}: {kinds}".encode())], device=tensors[0].device)
    heads = [torch.empty_like(own) for _ in range(world_size())]
    dist.all_gather(heads, own)
    sizes, signatures = zip(*(head.tolist() for head in heads), strict=True)
    if len(set(signatures)) > 1:
        calls: list[Any] = [None] * world_size()
        dist.all_gather_object(calls, f"{name}: {kinds}")
        listed = "; ".join(f"rank {number} has {call.replace('torch.', '')}" for number, call in enumerate(calls))
        raise ValueError(
            f"the processes do not gather the same kinds of rows in the same step: {listed}. All of them must have the "
            "same settings, and take part in every step, if need be with no rows"
        )
    return list(sizes)


def _bytes(tensor: Tensor) -> Tensor:
    """Return the bytes of each row, ``[rows, bytes]``: all backends send these, whatever the type."""
    return tensor.detach().reshape(len(tensor), _numel(tensor)).contiguous().view(torch.uint8)


def _width(tensor: Tensor) -> int:
    """Return the number of bytes of a row."""
    return _numel(tensor) * tensor.element_size()


def _numel(tensor: Tensor) -> int:
    """Return the number of elements of a row, also if there are no rows."""
    return math.prod(tensor.shape[1:])
