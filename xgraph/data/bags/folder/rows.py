"""Rows of features in one file, of which only those that are asked for are read."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_SPAN = 1 << 22  # bytes read in a single step


class FileRows(ABC):
    """The features of one bag, float32 when read; the file stays open until the object is deleted.

    Args:
        shape: Number of instances, followed by the shape of one.
        dtype: Type of the numbers in the file.
        block: Number of adjacent rows that the file stores as one compressed piece.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], block: int = 1) -> None:
        self.shape, self.dtype, self.block = shape, dtype, block
        size = max(int(np.prod(shape[1:])) * max(dtype.itemsize, 4), 1)
        self.limit = max(_SPAN // size // block, 1) * block
        """Number of rows that are read together, at most."""

    @abstractmethod
    def slab(self, start: int, end: int) -> NDArray[Any]:
        """Return adjacent rows as they are in the file."""

    def take(self, rows: NDArray[np.int64]) -> Floats:
        """Return rows by number, in any order and with repetitions."""
        out = np.empty((len(rows), *self.shape[1:]), dtype=np.float32)
        if not len(rows):
            return out
        order = None if (np.diff(rows) >= 0).all() else np.argsort(rows, kind="stable")
        ordered = rows if order is None else rows[order]
        apart = (np.diff(ordered) > 1) & (np.diff(ordered // self.block) > 0)
        ends = np.flatnonzero(apart | (np.diff(ordered // self.limit) > 0)) + 1
        with np.errstate(over="ignore"):  # the result is checked to be finite
            for first, last in zip([0, *ends.tolist()], [*ends.tolist(), len(rows)], strict=True):
                begin, chosen = int(ordered[first]), ordered[first:last]
                part = self.slab(begin, int(chosen[-1]) + 1)
                place: Any = slice(first, last) if order is None else order[first:last]
                out[place] = part if len(part) == len(chosen) else part[chosen - begin]
        return out


class PlainRows(FileRows):
    """Rows that stand one after another in a file, from a byte on."""

    # `pread` needs neither a shared position nor a map: it is safe in threads and after a fork, and what was read does
    # not stay in the memory of the process.

    def __init__(self, path: Path, offset: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        super().__init__(shape, dtype)
        self.path, self.offset = path, offset
        self._file = os.open(path, os.O_RDONLY)

    def slab(self, start: int, end: int) -> NDArray[Any]:
        out = np.empty((end - start, *self.shape[1:]), dtype=self.dtype)
        view = memoryview(out.reshape(-1).view(np.uint8).data)
        place = self.offset + start * (out.nbytes // (end - start))
        while view:
            count = os.preadv(self._file, [view], place)
            if not count:
                raise OSError(f"{self.path} is cut off: it ends at byte {place}")
            view, place = view[count:], place + count
        return out

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            os.close(self._file)


class ArrayRows(FileRows):
    """Rows of anything that is indexed like an array: a memory-mapped array or tensor, or a dataset of an HDF5 file.

    Args:
        source: The array, of shape ``[n, ...]``, or ``[1, n, ...]`` with `nested`.
        dtype: Type of the numbers.
        block: Number of adjacent rows in a compressed piece.
        nested: Whether the array has a first dimension of size 1 before that of the instances.
        owner: What must stay open as long as the array is read.
    """

    def __init__(
        self, source: Any, dtype: np.dtype[Any], block: int = 1, *, nested: bool = False, owner: object = None
    ) -> None:
        super().__init__(tuple(source.shape)[nested:], dtype, block)
        self.source, self.nested, self.owner = source, nested, owner

    def slab(self, start: int, end: int) -> NDArray[Any]:
        part = self.source[0, start:end] if self.nested else self.source[start:end]
        return np.asarray(part.float() if hasattr(part, "float") else part)
