"""Text that may be compressed."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, cast

from xgraph.data.tables.dialect import check_encoding, encoding_of

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


@contextmanager
def open_text(path: Path, encoding: str | None = None) -> Iterator[TextIOWrapper]:
    """Open a text file, compressed or not; without an encoding, in that of its byte-order mark, else UTF-8."""
    named = encoding = check_encoding(encoding)
    try:
        if encoding is None:
            with open_binary(path) as binary:
                encoding = encoding_of(binary.read(2))
        with open_binary(path) as binary, TextIOWrapper(binary, encoding=encoding, newline="") as text:
            yield text
    except UnicodeError as error:
        if named is not None:
            raise ValueError(f"{path} is not text in the encoding {named!r}: {error}") from error
        raise not_text(path) from error


def not_text(path: Path) -> ValueError:
    """Return the error that a file is not UTF-8, which it was taken for."""
    return ValueError(
        f"{path} is not UTF-8 text; save it as UTF-8 (in Excel: save as 'CSV UTF-8'), or name its encoding, such "
        "as encoding='cp1252' (--encoding cp1252, for files of Excel on Windows)"
    )


@contextmanager
def open_binary(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading; a compressed one, told by its content, is decompressed."""
    with path.open("rb") as raw:
        start = raw.read(4)
    if start.startswith(_GZIP):
        try:
            with gzip.open(path, "rb") as unpacked:
                yield cast("BinaryIO", unpacked)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{path} is a damaged or truncated gzip file: {error}") from error
    elif start == _ZSTD:
        import pyarrow as pa

        try:
            with path.open("rb") as raw, pa.CompressedInputStream(raw, "zstd") as unpacked:
                yield cast("BinaryIO", unpacked)
        except OSError as error:
            raise ValueError(f"{path} is a damaged or truncated zstd file: {error}") from error
    else:
        with path.open("rb") as raw:
            yield raw
