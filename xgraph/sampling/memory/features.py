"""Features in any storage, gathered for the nodes of a batch."""

import warnings
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xgraph.sampling.memory.buffers import MOST, Buffers
from xgraph.sampling.memory.memory import csr
from xgraph.sampling.memory.storage import Placement
from xgraph.storage import Storage

INTEGERS = (torch.int64, torch.int32)
_SPARSE = (torch.sparse_csr, torch.sparse_csc, torch.sparse_coo)


class FeatureStore:
    """A matrix of features, or any tensor with one row per node or edge, from which batches gather rows."""

    def __init__(
        self,
        x: Any,
        device: str | torch.device = "cpu",
        storage: Storage = "device",
        *,
        name: str = "x",
        most: int = MOST,
    ) -> None:
        self.placement = Placement.of(device, storage)
        x = as_rows(x, name)
        self.placement.require(f"features {name}", self.placement.cost(x))
        self.x = self.placement.put(x)
        self.is_sparse = self.x.layout == torch.sparse_csr
        self._buffers = Buffers(most)

    @property
    def shape(self) -> torch.Size:
        """Shape of the stored tensor."""
        return self.x.shape

    @property
    def dtype(self) -> torch.dtype:
        """Type of its numbers."""
        return self.x.dtype

    def __len__(self) -> int:
        """Number of rows."""
        return int(self.x.shape[0])

    def __repr__(self) -> str:
        size = " x ".join(map(str, self.x.shape))
        layout = ", sparse" if self.is_sparse else ""
        where = f"device={self.placement.device}, storage={self.placement.storage}"
        return f"{type(self).__name__}({size}, {str(self.dtype).removeprefix('torch.')}{layout}, {where})"

    def __getitem__(self, index: Tensor) -> Tensor:
        """Return rows; the same as :meth:`gather`."""
        return self.gather(index)

    def gather(self, index: Tensor, *, sparse: bool = False) -> Tensor:
        """Return the rows of `index`, dense, on the store's device."""
        if not isinstance(index, Tensor) or index.dtype not in INTEGERS:
            got = index.dtype if isinstance(index, Tensor) else type(index).__name__
            raise TypeError(f"index must be a tensor of int64 or int32, got {got}")
        if index.dim() != 1:
            raise ValueError(f"index must have one dimension, got shape {list(index.shape)}")
        if self.is_sparse:
            crow, col, values = self._csr_rows(index)
            size = (index.numel(), self.x.shape[1])
            return csr(crow, col, values, size) if sparse else self._dense(crow, col, values)
        if sparse:
            raise ValueError("sparse=True requires sparse features, got dense ones")
        return self._dense_rows(index)

    def _dense_rows(self, index: Tensor) -> Tensor:
        device = self.placement.device
        if self.x.is_cuda:
            index = index.to(self.x.device)
            kernels = triton_kernels() if self.placement.storage == "pinned" else None
            return self.x.index_select(0, index) if kernels is None else kernels.gather_rows(self.x, index)
        index = index.cpu()
        size = (index.numel(), *self.x.shape[1:])
        if device.type == "cpu":
            return torch.index_select(self.x, 0, index, out=self._buffers.empty(size, self.dtype))
        # PyTorch caches page-locked blocks and does not reuse one until its copy has finished.
        rows = torch.empty(size, dtype=self.dtype, pin_memory=True)
        return torch.index_select(self.x, 0, index, out=rows).to(device, non_blocking=True)

    def _csr_rows(self, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return crow ``[k + 1]``, columns and values of the rows of `index`, on the device where batches go."""
        starts, columns, values = self.x.crow_indices(), self.x.col_indices(), self.x.values()
        index = index.to(starts.device)
        first = starts.index_select(0, index).long()
        count = starts.index_select(0, index + 1).long() - first
        crow = torch.cat([count.new_zeros(1), count.cumsum(0)])
        total = int(crow[-1])
        entry = torch.arange(total, device=starts.device)
        entry += torch.repeat_interleave(first - crow[:-1], count, output_size=total)
        col, value = columns.index_select(0, entry).long(), values.index_select(0, entry)
        device = self.placement.device
        return to_device(crow, device), to_device(col, device), to_device(value, device)

    def _dense(self, crow: Tensor, col: Tensor, values: Tensor) -> Tensor:
        """Return CSR rows as a dense matrix, built on the device, so that only non-zero entries are copied."""
        size = (crow.numel() - 1, self.x.shape[1])
        row = torch.repeat_interleave(torch.arange(size[0], device=crow.device), crow.diff(), output_size=len(col))
        out = values.new_empty(size) if values.is_cuda else self._buffers.empty(size, values.dtype)
        out.zero_().view(-1).index_add_(0, row * size[1] + col, values)  # duplicate entries are summed
        return out


@cache
def triton_kernels() -> ModuleType | None:
    """Return the module of Triton kernels, or None if Triton is not installed."""
    try:
        return import_module("xgraph.sampling.engines.triton_kernels")
    except ImportError:
        return None


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Return `tensor` on `device`; copies to a GPU go through page-locked memory and are asynchronous."""
    if tensor.device == device:
        return tensor
    if device.type == "cuda" and not tensor.is_cuda:
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def as_rows(x: Any, name: str = "x") -> Tensor:
    """Return features as a tensor with one row per item, dense or sparse CSR."""
    if isinstance(x, np.ndarray):
        if x.dtype.kind not in "biufc" or not x.dtype.isnative:
            raise TypeError(f"{name} must hold numbers, got an array of dtype {x.dtype}")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")  # nor is it written to
            rows: Tensor = torch.from_numpy(x)
    elif isinstance(x, Tensor):
        rows = x.detach()
    else:
        raise TypeError(f"{name} must be a tensor or an array, got {type(x).__name__}")
    if rows.layout != torch.strided:
        if rows.dim() != 2:
            raise ValueError(f"{name} must be a matrix [n, F] if it is sparse, got shape {list(rows.shape)}")
        if rows.layout not in _SPARSE or (rows.layout == torch.sparse_coo and rows.sparse_dim() != 2):
            raise ValueError(
                f"{name} must be dense, or a sparse matrix in the format CSR, CSC or COO with two sparse dimensions, "
                f"got {str(rows.layout).removeprefix('torch.')}; convert it with to_dense()"
            )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta state")
            return rows.to_sparse_csr()
    if rows.dim() == 0:
        raise ValueError(f"{name} must have one row per item, got a single number")
    return rows
