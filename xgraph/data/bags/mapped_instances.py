"""Instances in a memory-mapped file, of which only the rows of a batch are read."""

from __future__ import annotations

import mmap
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Data

Moments: TypeAlias = tuple[Tensor, Tensor, Tensor]
"""Number of values of each of n bags, mean of each feature, and sum of squared deviations from it: ``[n]``, ``[n, C]``,
``[n, C]``, float64."""

_RUN = 1 << 16  # minimum run, in bytes, to announce to the operating system


class Store(ABC):
    """Where the instances of a data set of bags are."""

    checked = True
    """Whether numbers are checked to be finite once, rather than in every batch."""

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Shape of one instance; empty for graphs."""

    @property
    @abstractmethod
    def num_features(self) -> int:
        """Number of features of an instance, of channels of an image, or of features of a node."""

    @abstractmethod
    def take(self, rows: Tensor) -> Data:
        """Return instances as `x`, float32 ``[n, ...]``, without scaling, or as one batch of graphs."""

    def unusable(self) -> int | None:
        """Return the first row with a number that is not finite, or None; also None if this would read a large file."""
        return None

    def moments(self, bags: Tensor) -> Moments | None:
        """Return the moments of the features of bags, if they are known without reading these."""
        return None

    def digests(self) -> list[str] | None:
        """Return a hash of the features of each bag, if it is known without reading these."""
        return None


class Rows(Store):
    """Instances as the rows of `x`."""

    x: Any

    def __len__(self) -> int:
        return len(self.x)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one instance."""
        return tuple(self.x.shape[1:])

    @property
    def num_features(self) -> int:
        """Number of features of an instance, or of channels of an image."""
        return self.shape[0]


class MappedStore(Rows):
    """Instances as rows of a memory-mapped file, of which only the rows of a batch are read."""

    # The operating system is advised that access is random, so that it does not read ahead around each row (by
    # megabytes on some systems). A copy sent to another process reopens the file instead of carrying its content.

    checked = False

    def __init__(self, x: np.memmap[Any, Any]) -> None:
        if x.ndim not in (2, 4) or x.dtype.kind not in "biuf":
            raise ValueError(
                f"instances must be a numeric array of shape [N, C] or [N, channels, height, width], got "
                f"{x.dtype} {list(x.shape)}"
            )
        self.x = x
        self._advise()

    def take(self, rows: Tensor) -> Data:
        """Return instances as `x`, float32 ``[n, ...]``, without scaling."""
        index = rows.numpy()
        if self._map is not None and len(index):
            self._announce(self._map, index)
        return Data(x=torch.from_numpy(np.asarray(self.x[index], dtype=np.float32)))

    def _advise(self) -> None:
        whole = _whole(self.x)
        self._map: mmap.mmap | None = None
        if whole is not None and self.x.flags.c_contiguous and hasattr(mmap, "MADV_WILLNEED"):
            self._map = memory = cast(mmap.mmap, whole.base)
            self._begin = whole.offset % mmap.ALLOCATIONGRANULARITY + self.x.ctypes.data - whole.ctypes.data
            memory.madvise(mmap.MADV_RANDOM)

    def _announce(self, mapped: mmap.mmap, rows: NDArray[np.int64]) -> None:
        """Advise the operating system to read long runs of rows together."""
        breaks = np.flatnonzero(np.diff(rows) != 1)
        first, last = rows[np.append(0, breaks + 1)], rows[np.append(breaks, len(rows) - 1)]
        size = self.x.strides[0]
        long = (last + 1 - first) * size >= _RUN
        for start, end in ((np.stack([first, last + 1], 1)[long]) * size + self._begin).tolist():
            page = start - start % mmap.PAGESIZE
            mapped.madvise(mmap.MADV_WILLNEED, page, end - page)

    def __getstate__(self) -> dict[str, Any]:
        x, whole = self.x, _whole(self.x)
        if whole is None or not (x.flags.c_contiguous or x.flags.f_contiguous):  # such as every second row
            return {"x": np.array(x)}
        order = "C" if x.flags.c_contiguous else "F"
        offset = whole.offset + x.ctypes.data - whole.ctypes.data
        return {"file": (whole.filename, x.dtype, "r" if whole.mode == "r" else "c", offset, x.shape, order)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.x = np.memmap(*state["file"]) if "file" in state else state["x"]
        self._advise()


def mapped(path: Path) -> np.memmap[Any, Any]:
    """Open an npy file as a memory-mapped array."""
    if not path.is_file():
        raise FileNotFoundError(f"file {str(path)!r} does not exist")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"cannot map {path}: {error}; expected an npy file written by numpy.save") from error
    if not isinstance(array, np.memmap):
        array.close()
        raise ValueError(f"cannot map {path}, which is an archive; expected an npy file written by numpy.save")
    return array


def _whole(x: NDArray[Any]) -> np.memmap[Any, Any] | None:
    """Return the memory-mapped array that contains an array, or None."""
    array: Any = x
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array if isinstance(array, np.memmap) and isinstance(array.base, mmap.mmap) else None
