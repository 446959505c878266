"""Rows of a table in host memory or in a memory-mapped file."""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
from math import prod
from pathlib import Path
from typing import IO

import torch
from torch import Tensor

from xgraph.storage import Storage

GIB = 2**30


def host_rows(size: tuple[int, ...], dtype: torch.dtype, storage: Storage, folder: str | Path | None = None) -> Tensor:
    """Create zeros in host memory (page-locked for "pinned" if there is a GPU) or in a file ("mmap")."""
    length = prod(size) * dtype.itemsize
    if storage != "mmap" or not length:  # an empty file cannot be mapped
        pinned = storage == "pinned" and torch.cuda.is_available()
        return torch.zeros(size, dtype=dtype, device="cpu", pin_memory=pinned)
    place = Path(tempfile.gettempdir() if folder is None else folder)
    try:
        with tempfile.TemporaryFile(prefix="xgraph-", dir=place) as file:
            _reserve(file, length, place)
            pages = mmap.mmap(file.fileno(), length)
    except OSError as error:
        raise ValueError(
            f'storage="mmap": cannot reserve {length / GIB:.2f} GiB in {place} ({error.strerror or error}); '
            "set folder to a directory on a disk with enough free space"
        ) from error
    if hasattr(mmap, "MADV_RANDOM"):
        pages.madvise(mmap.MADV_RANDOM)  # rows are read in random order, so reading ahead is useless
    return torch.frombuffer(pages, dtype=dtype).view(size)  # keeps the mapped pages alive


def _reserve(file: IO[bytes], length: int, folder: Path) -> None:
    """Extend an empty file to its full length and reserve the disk space, or raise OSError."""
    free = shutil.disk_usage(folder).free
    if free < length:  # check first: otherwise the attempt fills the disk before it fails
        raise OSError(0, f"{free / GIB:.2f} GiB are free")
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, length)
        return
    zeros = bytes(min(length, 2**24))
    for start in range(0, length, len(zeros)):
        file.write(zeros[: length - start])
    file.flush()


def gather(rows: Tensor, index: Tensor) -> Tensor:
    """Copy some rows to the device of ``index``."""
    if index.device == rows.device:
        return rows.index_select(0, index)
    # PyTorch caches page-locked blocks and does not reuse one until its copy has finished.
    gathered = torch.empty((len(index), *rows.shape[1:]), dtype=rows.dtype, pin_memory=torch.cuda.is_available())
    return torch.index_select(rows, 0, index.to(rows.device), out=gathered).to(index.device, non_blocking=True)


def scatter(rows: Tensor, index: Tensor, new: Tensor) -> None:
    """Overwrite some rows."""
    rows.index_copy_(0, index.to(rows.device), new.to(rows.device))
