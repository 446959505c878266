"""Archives that others made: how much they unpack to is known before anything is unpacked."""

from __future__ import annotations

import hashlib
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from xgraph.data.storage.errors import FetchError, TooLargeError
from xgraph.data.storage.root import Progress
from xgraph.messages import legible

_CHUNK = 1 << 20
_MEMBERS = 10_000
_LONGEST_NAME = 1000


@contextmanager
def open_zip(file: Path | BinaryIO, what: str, most: int) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive whose members have at most `most` bytes in all; FetchError for a damaged archive.

    Args:
        file: Path, or file open for reading.
        what: Description for messages, such as "the archive of ogbn-arxiv".
        most: Largest number of bytes of all members.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            total = sum(member.file_size for member in members)
            if total > most:
                raise TooLargeError(f"{what} unpacks to {total} bytes, but at most {most} bytes are accepted")
            if len(members) > _MEMBERS:
                raise TooLargeError(f"{what} has {len(members)} members, but at most {_MEMBERS} are accepted")
            yield archive
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, UnicodeError) as error:
        raise FetchError(f"{what} is damaged: {legible(str(error), 200)}; fetch it again") from error
    except RuntimeError as error:  # also NotImplementedError
        raise FetchError(
            f"{what} is encrypted or uses an unsupported compression method: {legible(str(error), 200)}"
        ) from error


def read_members(file: Path | BinaryIO, what: str, most: int) -> dict[str, bytes]:
    """Return the contents of all members of a zip archive, of at most `most` bytes in all."""
    with open_zip(file, what, most) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def unpack_zip(
    file: Path, target: Path, what: str, most: int, skip: str = "", progress: Progress | None = None
) -> dict[str, str]:
    """Unpack a zip archive into a new folder, and return the sha256 of each file by its path below the folder.

    Args:
        file: The archive.
        target: Folder that is created.
        what: Description for messages.
        most: Largest number of bytes of all members.
        skip: Name of a folder at the second level that is left out.
        progress: Called with ``(bytes done, total bytes, description)``.

    Raises:
        TooLargeError: If the members have more than `most` bytes.
        FetchError: If the archive is damaged, or contains a path outside the folder or twice.
    """
    with open_zip(file, what, most) as archive:
        members, base = archive.infolist(), target.resolve()
        total, done = sum(member.file_size for member in members), 0
        digests: dict[Path, str] = {}
        for member in members:
            path = (base / member.filename).resolve()
            if not path.is_relative_to(base) or len(member.filename) > _LONGEST_NAME:
                shown = member.filename[:_LONGEST_NAME]
                raise FetchError(f"{what} is unsafe: it contains the path {shown!r}")
            if member.is_dir() or (skip and skip in path.relative_to(base).parts[1:2]):
                continue
            if path in digests or not digests.keys().isdisjoint(path.parents):
                raise FetchError(f"{what} is damaged: it contains {member.filename!r} twice")
            path.parent.mkdir(parents=True, exist_ok=True)
            digest = hashlib.sha256()
            with archive.open(member) as source, open(path, "xb") as out:
                while chunk := source.read(_CHUNK):
                    digest.update(chunk)
                    out.write(chunk)
                    done += len(chunk)
                    if progress is not None:
                        progress(done, total, f"unpacking {legible(path.name, 60)}")
            digests[path] = digest.hexdigest()
    return {path.relative_to(base).as_posix(): digest for path, digest in digests.items()}


def gunzip_sha256(data: bytes, most: int) -> str:
    """Return the sha256 of the unpacked content of gzipped bytes, without holding it in memory."""
    digest, done = hashlib.sha256(), 0
    while data:  # a file may have several parts
        unpacker = zlib.decompressobj(wbits=31)
        while not unpacker.eof:
            piece = unpacker.decompress(data, _CHUNK)
            data = unpacker.unconsumed_tail or unpacker.unused_data
            done += len(piece)
            if done > most:
                raise TooLargeError(f"the gzipped data unpack to more than {most} bytes")
            if not piece and not data and not unpacker.eof:
                raise EOFError("the gzipped data are cut off")
            digest.update(piece)
        data = data.lstrip(b"\0")  # padding, as the standard library allows it
    return digest.hexdigest()
