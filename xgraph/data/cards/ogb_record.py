"""Checksums of OGB's releases: those of the cards, and those recorded when a release was fetched first.

The record lies beside the folder of the release, so that it outlives it. It has one line per file, as written by
``sha256sum``, after a comment with the checksum of the archive.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from xgraph.data.cards.schema import Card
from xgraph.data.storage.download import FetchError, check
from xgraph.data.storage.root import replacing

_ARCHIVE = "# archive "


def record_path(place: Path) -> Path:
    """Return the path of the record of a release."""
    return place.with_name(f"{place.name}.sha256")


def check_archive(card: Card, place: Path, digest: str, url: str) -> None:
    """Compare the checksum of an archive with that of the card, else with the recorded one if there is one."""
    if card.archive_sha256:
        check(digest, card.archive_sha256, f"{card.name}: the archive {url}")
        return
    path = record_path(place)
    if path.is_file():
        recorded = _lines(path)[0].removeprefix(_ARCHIVE).strip()
        remedy = f"it has changed since it was fetched first; if that is intended, delete {path}"
        check(digest, recorded, f"{card.name}: the archive {url}", remedy)


def write_record(place: Path, digest: str, files: Mapping[str, str]) -> None:
    """Record the checksums of an archive and of the files of its release."""
    lines = [f"{_ARCHIVE}{digest}", *(f"{sha256}  {place.name}/{path}" for path, sha256 in sorted(files.items()))]
    with replacing(record_path(place)) as out:
        out.write("".join(f"{line}\n" for line in lines).encode())


def check_record(place: Path) -> None:
    """Compare the files of a release with their recorded checksums; without a record, nothing is known of them."""
    path = record_path(place)
    for line in _lines(path)[1:] if path.is_file() else ():
        sha256, _, name = line.partition("  ")
        file = place.parent / name
        if not file.is_file():
            raise FetchError(f"{file} is missing; delete {place} to fetch it again")
        with file.open("rb") as content:
            got = hashlib.file_digest(content, "sha256").hexdigest()
        check(got, sha256, file, f"delete {place} to fetch it again")


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeError:
        lines = []
    if not lines or not lines[0].startswith(_ARCHIVE) or not all("  " in line for line in lines[1:]):
        raise FetchError(f"{path} is not a list of checksums; delete it to have it written again")
    return lines
