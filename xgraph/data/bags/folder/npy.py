"""Rows of npy files, which may be part of an archive."""

from __future__ import annotations

import math
import struct
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from xgraph.data.bags.folder.rows import ArrayRows, FileRows, PlainRows


def npy_rows(path: Path, file: BinaryIO, start: int) -> FileRows:
    """Return the rows of an npy file, which may be part of an archive, from a byte on."""
    file.seek(start)
    shape, columns_first, dtype = npy_header(file)
    if dtype.hasobject or min(shape, default=0) < 0:
        raise ValueError(f"its features must be real numbers, but are {dtype} of shape {list(shape)}")
    offset, size = file.tell(), math.prod(shape) * dtype.itemsize
    there = path.stat().st_size - offset
    if there < size:
        raise ValueError(f"it is cut off: its header announces {size} bytes of features, but {there} follow")
    shape, nested = (shape[1:], True) if len(shape) == 3 and shape[0] == 1 else (shape, False)
    if columns_first and len(shape) > 1 and size:
        order = np.memmap(path, dtype, "r", offset, (1, *shape) if nested else shape, "F")
        return ArrayRows(order, dtype, nested=nested)
    return PlainRows(path, offset, shape, dtype)


def npy_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the header of an npy file."""
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        return read(file)
    except Exception as error:  # numpy raises many types for a damaged header
        raise ValueError(f"it is not a complete npy file: {said(error)}") from error


def begin_of(file: BinaryIO, member: zipfile.ZipInfo) -> int:
    """Return where the content of a member that is not compressed begins in its archive."""
    file.seek(member.header_offset + 26)
    name, extra = struct.unpack("<HH", file.read(4))
    return member.header_offset + 30 + int(name) + int(extra)


def said(error: Exception) -> str:
    """Return the message of an error in one line."""
    return " ".join(str(error).split())[:160] or type(error).__name__
