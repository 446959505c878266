"""Download of single files: a file is either complete with the right checksum, or not written at all."""

from __future__ import annotations

import hashlib
import http.client
import io
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

from xgraph.data.storage.root import Progress, mirror, replacing

T = TypeVar("T")
CHUNK = 1 << 16
TIMEOUT = 30.0
_LARGEST_MEMBER = 1 << 30


class FetchError(OSError):
    """A file could not be fetched, or its checksum is wrong."""


class MissingFileError(FetchError):
    """The server does not have the file."""


# Pooch was considered instead. It has no mirrors, cannot read into memory and suggests no remedy for a full disk, and
# adapting its errors and progress takes as many lines as the transfer itself.
def stream(source: str | Path, out: BinaryIO, *, timeout: float = TIMEOUT, progress: Progress | None = None) -> str:
    """Copy a file or the response of a URL to `out`, and return the sha256 of the content."""
    if isinstance(source, Path):
        with open(source, "rb") as file:
            return _copy(file, out, source.stat().st_size, source.name, progress)
    if not source.startswith(("http://", "https://")):
        raise ValueError(f"source must be a path or an http(s) URL, got {source!r}")
    request = urllib.request.Request(source, headers={"User-Agent": "xgraph"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            total = int(answer.headers.get("Content-Length") or 0)
            start = out.tell()
            digest = _copy(answer, out, total, source.rsplit("/", 1)[-1], progress)
            if total and out.tell() - start != total:
                raise FetchError(
                    f"{source}: the download was cut off after {out.tell() - start} of {total} bytes; try again"
                )
            return digest
    except urllib.error.HTTPError as error:
        kind = MissingFileError if error.code in (404, 410) else FetchError
        raise kind(f"{source}: the server answered {error.code} {error.reason}") from error
    except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error or type(error).__name__
        raise FetchError(f"cannot fetch {source}: {reason}") from error


def _copy(file: BinaryIO, out: BinaryIO, total: int, name: str, progress: Progress | None) -> str:
    digest, done = hashlib.sha256(), 0
    while chunk := file.read(CHUNK):
        digest.update(chunk)
        out.write(chunk)
        done += len(chunk)
        if progress is not None:
            progress(done, total, name)
    return digest.hexdigest()


def download(
    source: str | Path, path: Path, *, sha256: str, timeout: float = TIMEOUT, progress: Progress | None = None
) -> None:
    """Fetch a file to `path`, which is only written if the download is complete and its checksum is right."""
    with replacing(path) as out:
        check(stream(source, out, timeout=timeout, progress=progress), sha256, source)


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
        raise FetchError(f"XGRAPH_MIRROR: {error}") from error


def read_source(url: str, *, timeout: float = TIMEOUT, progress: Progress | None = None) -> bytes:
    """Return the content of a URL; a fragment after ``#`` names a member of the zip archive at the URL."""
    # A URL that ends in ``{a,b}`` stands for two files; the result is a zip archive with the members ``a`` and ``b``.
    if url.endswith("}"):
        stem, _, endings = url[:-1].partition("{")
        return _several(stem, endings.split(","), timeout, progress)
    address, _, member = url.partition("#")
    buffer = io.BytesIO()
    stream(address, buffer, timeout=timeout, progress=progress)
    if not member:
        return buffer.getvalue()
    try:
        with zipfile.ZipFile(buffer) as archive:
            if archive.getinfo(member).file_size > _LARGEST_MEMBER:
                raise FetchError(f"{member!r} in {address} is larger than {_LARGEST_MEMBER} bytes")
            return archive.read(member)
    except (zipfile.BadZipFile, KeyError) as error:
        raise FetchError(f"{address} is not a zip archive with a member {member!r}: {error}") from error


def _several(stem: str, endings: list[str], timeout: float, progress: Progress | None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for ending in endings:
            archive.writestr(ending, read_source(stem + ending, timeout=timeout, progress=progress))
    return buffer.getvalue()


def check(got: str, expected: str, what: str | Path, remedy: str = "") -> None:
    """Compare two sha256 checksums; FetchError if they differ."""
    if got != expected:
        remedy = remedy or "the source is damaged or has changed: replace it, or use another source"
        raise FetchError(f"{what} has the wrong checksum: expected sha256 {expected}, got {got}; {remedy}")
