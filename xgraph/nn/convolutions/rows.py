"""Row selection from dense and sparse matrices, and weighted sums of rows."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from xgraph.nn.layers.recording import is_recorded


def take_rows(x: Tensor, index: Tensor) -> Tensor:
    """Return rows of a matrix in its own layout; a sparse matrix stays sparse."""
    if x.layout != torch.sparse_csr:
        return x.index_select(0, index)
    begin = x.crow_indices()
    first = begin[index]
    length = begin[index + 1] - first
    ends = torch.cat([length.new_zeros(1), length.cumsum(0)])
    entry = torch.arange(int(ends[-1]), device=x.device) + (first - ends[:-1]).repeat_interleave(length)
    return _csr(ends, x.col_indices()[entry], x.values()[entry], (len(index), x.size(1)))


def first_rows(x: Tensor, count: int) -> Tensor:
    """Return the first rows of a matrix in its own layout."""
    if x.layout != torch.sparse_csr:
        return x[:count]
    begin = x.crow_indices()[: count + 1]
    entries = int(begin[-1])
    return _csr(begin, x.col_indices()[:entries], x.values()[:entries], (count, x.size(1)))


def linear(x: Tensor, weight: Tensor) -> Tensor:
    """Return ``x @ weight.T`` for a dense or sparse `x`."""
    if x.layout != torch.sparse_csr:
        return F.linear(x, weight)
    out: Tensor = _Sums.apply(x.crow_indices(), x.col_indices(), x.values(), weight.t())  # type: ignore[no-untyped-call]
    return out


def sum_neighbors(x: Tensor, edge_index: Tensor, num_targets: int, weight: Tensor) -> Tensor:
    """Return the weighted sum of each target's source vectors."""
    source, target = edge_index[0], edge_index[1]
    if is_recorded():
        return x.new_zeros(num_targets, x.size(1)).index_add(0, target, weight.unsqueeze(1) * x[source])
    if target.is_cuda or not bool((target[1:] >= target[:-1]).all()):  # checking would synchronise a GPU
        target, order = torch.sort(target, stable=True)
        source, weight = source[order], weight[order]
    out: Tensor = _Sums.apply(_begins(target, num_targets), source, weight, x)  # type: ignore[no-untyped-call]
    return out


class _Sums(torch.autograd.Function):
    """Weighted sums of rows: row i of the result sums the entries ``begin[i]`` to ``begin[i + 1]``."""

    @staticmethod
    def forward(begin: Tensor, index: Tensor, value: Tensor, rows: Tensor) -> Tensor:
        return _sums(begin, index, value, rows)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, Tensor], output: Tensor) -> None:
        *saved, rows = inputs
        ctx.save_for_backward(*saved)
        ctx.num_rows = len(rows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[None, None, None, Tensor | None]:
        if not ctx.needs_input_grad[3]:
            return None, None, None, None
        begin, index, value = ctx.saved_tensors
        index = index.to(torch.int16) if ctx.num_rows < 2**15 else index  # int16 sorts three times as fast
        index, order = torch.sort(index, stable=True)
        numbers = torch.arange(len(begin) - 1, device=begin.device)
        target = numbers.repeat_interleave(begin.diff(), output_size=len(index))
        return None, None, None, _sums(_begins(index, ctx.num_rows), target[order], value[order], grad)


def _begins(ascending: Tensor, count: int) -> Tensor:
    """Return where each of the numbers 0 to `count` - 1 begins in an ascending list, and where the last one ends."""
    return torch.searchsorted(ascending, torch.arange(count + 1, device=ascending.device, dtype=ascending.dtype))


def _sums(begin: Tensor, index: Tensor, value: Tensor, rows: Tensor) -> Tensor:
    if not len(index):
        return rows.new_zeros(len(begin) - 1, rows.size(1))
    return F.embedding_bag(
        index,
        rows.contiguous(),
        begin.to(index.dtype),
        mode="sum",
        per_sample_weights=value.to(rows.dtype),
        include_last_offset=True,
    )


def _csr(begin: Tensor, columns: Tensor, values: Tensor, size: tuple[int, int]) -> Tensor:
    return torch.sparse_csr_tensor(begin, columns, values, size, check_invariants=False)
