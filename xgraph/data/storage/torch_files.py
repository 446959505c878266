"""Checks of torch's files before torch reads them: what is damaged, compressed or larger than its file is refused."""

import pickletools
import re
import struct
import zipfile
import zlib
from io import BytesIO
from typing import IO

_SEAL = re.compile(rb"xgraph-crc32:([0-9a-f]{8})")
_LENGTH = len(b"xgraph-crc32:") + 8

# What tensors and plain values are made of. torch allows some more, which can ask for memory without limit.
_MAKERS = re.compile(
    r"collections (OrderedDict|defaultdict|Counter)"
    r"|torch\._utils _rebuild_(tensor_v2|parameter|parameter_with_state|sparse_tensor|sparse_csr_tensor)"
    r"|torch\.serialization _get_layout"
    r"|torch [A-Za-z0-9]*Storage|torch (Size|device|[a-z]+[0-9a-z_]*)"
)


def seal(content: memoryview) -> list[bytes | memoryview]:
    """Return a file of torch, in pieces, with a checksum of all of it as the comment of the archive."""
    body = content[:-2]  # without the length of the comment, which is 0
    length = struct.pack("<H", _LENGTH)
    return [body, length, b"xgraph-crc32:%08x" % zlib.crc32(length, zlib.crc32(body))]


def check_sealed(content: bytes) -> None:
    """Raise `ValueError`, with the reason alone, unless torch can read a file that is in memory without harm.

    A file without a checksum of the whole, such as one of an old version, has those of its records.
    """
    sealed = _SEAL.fullmatch(content[-_LENGTH:])
    if sealed is not None and int(sealed[1], 16) != zlib.crc32(memoryview(content)[:-_LENGTH]):
        raise ValueError("its content does not match its checksum")
    with _opened(BytesIO(content)) as archive:
        if sealed is None and archive.comment:
            raise ValueError("its checksum is damaged")
        _check_records(archive, len(content))
        _check_pickles(archive)
        if sealed is None and (damaged := _first_damaged(archive)):
            raise ValueError(f"the record {damaged!r} does not match its checksum")


def check_file(file: IO[bytes]) -> None:
    """Raise `ValueError`, with the reason alone, if a file of torch needs more memory than its size."""
    size = file.seek(0, 2)
    with _opened(file) as archive:
        _check_records(archive, size)
    file.seek(0)


def _opened(file: IO[bytes]) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except Exception:  # of many types, by what is damaged
        raise ValueError("it is truncated, or was written by another program") from None


def _check_records(archive: zipfile.ZipFile, size: int) -> None:
    """Refuse records that are compressed, encrypted, repeated or too large."""
    records = archive.infolist()
    names = [record.filename for record in records]
    if len(set(names)) < len(names):
        raise ValueError("it has two records of the same name")
    for record in records:
        if record.compress_type != zipfile.ZIP_STORED or record.file_size != record.compress_size:
            raise ValueError(f"the record {record.filename!r} is compressed, which no file of torch's is")
        if record.flag_bits & 1:
            raise ValueError(f"the record {record.filename!r} is encrypted")
    if sum(record.file_size for record in records) > size:
        raise ValueError("its records are larger than the file")


def _check_pickles(archive: zipfile.ZipFile) -> None:
    """Refuse pickles that make anything other than tensors and plain values."""
    for name in archive.namelist():
        if name.endswith("/data.pkl"):
            _check_pickle(archive, name)


def _check_pickle(archive: zipfile.ZipFile, name: str) -> None:
    try:
        pickle = archive.read(name)
        made = {str(what) for op, what, _ in pickletools.genops(pickle) if op.name == "GLOBAL"}
    except Exception:  # of many types, by what is damaged
        raise ValueError(f"the record {name!r} is damaged") from None
    unusual = sorted(what for what in made if not _MAKERS.fullmatch(what))
    if unusual:
        raise ValueError(f"it holds an object of type {unusual[0].replace(' ', '.')!r}")


def _first_damaged(archive: zipfile.ZipFile) -> str | None:
    try:
        return archive.testzip()
    except Exception:  # of many types, by what is damaged
        return "of unknown name"
