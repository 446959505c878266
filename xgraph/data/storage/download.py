"""Download of single files: a file is either complete with the right checksum, or not written at all."""

from __future__ import annotations

import hashlib
import http.client
import io
import urllib.error
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

from xgraph.data.storage.archives import open_zip
from xgraph.data.storage.errors import FetchError as FetchError
from xgraph.data.storage.errors import MissingFileError as MissingFileError
from xgraph.data.storage.errors import TooLargeError as TooLargeError
from xgraph.data.storage.root import Progress, mirror, replacing
from xgraph.data.storage.web import RefusedError, open_url
from xgraph.messages import legible

T = TypeVar("T")
CHUNK = 1 << 16
TIMEOUT = 30.0
_REMEDY = "the source is damaged or has changed: replace it, or use another source"
LARGEST_SOURCE = 1 << 30
"""Bytes of a source, or of a member of an archive, that is read into memory."""


# Pooch was considered instead. It has no mirrors, no limits of size and rate, cannot read into memory and suggests no
# remedy for a full disk, and adapting its errors and progress takes as many lines as the transfer itself.
def stream(
    source: str | Path,
    out: BinaryIO,
    *,
    most: int,
    exact: bool = False,
    timeout: float = TIMEOUT,
    progress: Progress | None = None,
) -> str:
    """Copy a file or the response of a URL to `out`, and return the sha256 of the content.

    Args:
        source: Path, or http(s) URL.
        out: File open for writing.
        most: Largest number of bytes that is accepted; nothing beyond it is written.
        exact: Whether the file has exactly `most` bytes.
        timeout: Seconds without data, and the period over which a server must send at least 1 KiB/s.
        progress: Called with ``(bytes done, total bytes or 0, file name)``.

    Raises:
        TooLargeError: If there are more than `most` bytes.
        MissingFileError: If the server does not have the file.
        FetchError: If the file cannot be fetched.
    """
    if isinstance(source, Path):
        with open(source, "rb") as file:
            return _copy(file.read, out, source, source.stat().st_size, most, exact, progress)
    if not source.startswith(("http://", "https://")):
        raise ValueError(f"source must be a path or an http(s) URL, got {source!r}")
    try:
        with open_url(source, timeout) as answer:
            answer.at_most(most)
            # one call of `read1` returns what has arrived, so that a slow server is noticed
            return _copy(answer.read1, out, source, _announced(answer, source), most, exact, progress)
    except urllib.error.HTTPError as error:
        error.close()
        kind = MissingFileError if error.code in (404, 410) else FetchError
        raise kind(f"{source}: the server answered {error.code} {_line(error.reason, 150)}") from error
    except (
        urllib.error.URLError,
        RefusedError,
        TimeoutError,
        ConnectionError,
        http.client.HTTPException,
        ValueError,
    ) as error:
        reason = getattr(error, "reason", None) or error
        if isinstance(error, http.client.IncompleteRead):
            reason = "the response is cut off or not valid"
        raise FetchError(f"cannot fetch {source}: {_line(reason, 200) or type(reason).__name__}") from error


def _line(text: object, most: int) -> str:
    """Return what a server says as one line without control characters."""
    return legible(" ".join(str(text).split()), most)


def _announced(answer: http.client.HTTPResponse, source: str) -> int:
    """Return the number of bytes that the server announces; 0 if it announces none."""
    length = answer.headers.get("Content-Length")
    if length is None or answer.chunked:
        return 0
    if not (length.isascii() and length.isdigit() and len(length) < 20):
        raise FetchError(f"{source}: the server announces a length that is no number of bytes: {legible(length, 40)!r}")
    return int(length)


def _copy(
    read: Callable[[int], bytes],
    out: BinaryIO,
    source: str | Path,
    total: int,
    most: int,
    exact: bool,
    progress: Progress | None,
) -> str:
    expected = f"it must have {most} bytes; {_REMEDY}" if exact else f"at most {most} bytes are accepted"
    if total > most:
        raise TooLargeError(f"{source} has {total} bytes, but {expected}")
    name = source.name if isinstance(source, Path) else source.rsplit("/", 1)[-1]
    digest, done = hashlib.sha256(), 0
    while chunk := read(min(CHUNK, most + 1 - done)):
        done += len(chunk)
        if done > most:
            raise TooLargeError(f"{source} has more than {most} bytes, but {expected}")
        digest.update(chunk)
        out.write(chunk)
        if progress is not None:
            progress(done, total, name)
    size = total or (most if exact else 0)
    if done < size:
        raise FetchError(f"{source}: the download was cut off after {done} of {size} bytes; try again")
    return digest.hexdigest()


def download(
    source: str | Path,
    path: Path,
    *,
    sha256: str,
    size: int,
    timeout: float = TIMEOUT,
    progress: Progress | None = None,
) -> None:
    """Fetch a file to `path`, which is only written if the download has the right size and checksum."""
    with replacing(path) as out:
        check(stream(source, out, most=size, exact=True, timeout=timeout, progress=progress), sha256, source)


def from_mirror(file: str, receive: Callable[[str | Path], T]) -> tuple[T | None, str]:
    """Return the result of `receive` for the mirror's copy of a file; or None, and the reason."""
    place = mirror()
    if place is None:
        return None, ""
    source = place / file if isinstance(place, Path) else f"{place}/{file}"
    if isinstance(source, Path) and not source.is_file():
        return None, f"XGRAPH_MIRROR={place} has no {file}; "
    try:
        return receive(source), ""
    except MissingFileError as error:
        return None, f"{error}; "
    except FetchError as error:
        raise type(error)(f"XGRAPH_MIRROR: {error}") from error


def read_source(url: str, *, timeout: float = TIMEOUT, progress: Progress | None = None) -> bytes:
    """Return the content of a URL, at most 1 GiB; a fragment after ``#`` names a member of the zip archive there."""
    # A URL that ends in ``{a,b}`` stands for two files; the result is a zip archive with the members ``a`` and ``b``.
    if url.endswith("}"):
        stem, _, endings = url[:-1].partition("{")
        return _several(stem, endings.split(","), timeout, progress)
    address, _, member = url.partition("#")
    buffer = io.BytesIO()
    stream(address, buffer, most=LARGEST_SOURCE, timeout=timeout, progress=progress)
    if not member:
        return buffer.getvalue()
    with open_zip(buffer, address, LARGEST_SOURCE) as archive:
        if member not in archive.namelist():
            raise FetchError(f"{address} is a zip archive without a member {member!r}")
        return archive.read(member)


def _several(stem: str, endings: list[str], timeout: float, progress: Progress | None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for ending in endings:
            archive.writestr(ending, read_source(stem + ending, timeout=timeout, progress=progress))
    return buffer.getvalue()


def check(got: str, expected: str, what: str | Path, remedy: str = "") -> None:
    """Compare two sha256 checksums; FetchError if they differ."""
    if got != expected:
        remedy = remedy or _REMEDY
        raise FetchError(f"{what} has the wrong checksum: expected sha256 {expected}, got {got}; {remedy}")
