"""The files of a data set: from the root, the mirror or the public source."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xgraph.data.cards.named import load_card
from xgraph.data.cards.ogb_files import is_whole, obtain_ogb, ogb_archive, ogb_place
from xgraph.data.cards.ogb_record import check_record
from xgraph.data.cards.schema import Card, CardFile
from xgraph.data.published.derive import DERIVE, content_sha256
from xgraph.data.storage.download import FetchError, check, download, from_mirror, read_source
from xgraph.data.storage.root import Progress, is_unwritable, mirror, replacing
from xgraph.data.storage.root import root as root_folder

State = Literal["ok", "wrong", "absent"]
Whence = Literal["embedded", "root", "mirror", "network", "wrong"]


_UNCHANGED = ("", "gzip_source")  # files that hold their source, so that others can be made from them


@dataclass(frozen=True)
class Checked:
    """Result of `verify` for one copy of a file."""

    path: str
    place: Path
    state: State
    message: str = ""


def obtain(
    card: Card,
    file: CardFile,
    *,
    folder: str | Path | None = None,
    replace: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Return a verified copy of one file, from the root, the mirror or the public source."""
    target = root_folder(folder) / file.path
    if target.is_file():
        got = _sha256(target, file)
        if got == file.sha256:
            return target
        if not replace:
            remedy = f"`xgraph data fetch {card.name}` replaces it"
            check(got, file.sha256, target, remedy)
    copy, missing = from_mirror(file.path, lambda source: _copy(source, target, file, progress))
    if copy is not None:
        return copy
    try:
        if not file.derive and "#" not in file.source_url:
            download(file.source_url, target, sha256=file.sha256, size=file.bytes, progress=progress)
        else:
            _derive(card, file, target, folder, progress)
    except FetchError as error:
        remedy = f"or set XGRAPH_MIRROR to a folder or URL that contains {file.path}"
        raise FetchError(f"{card.name}: {missing}{error}; check the network, {remedy}") from error
    return target


def _copy(source: str | Path, target: Path, file: CardFile, progress: Progress | None) -> Path:
    """Copy a file of the mirror; if the root is not writable, use the mirror's file in place."""
    try:
        download(source, target, sha256=file.sha256, size=file.bytes, progress=progress)
    except OSError as error:
        if isinstance(error, FetchError) or isinstance(source, str) or not is_unwritable(error):
            raise
        check(_sha256(source, file), file.sha256, source)
        return source
    return target


def _derive(card: Card, file: CardFile, target: Path, folder: str | Path | None, progress: Progress | None) -> None:
    source = _original(card, file, folder, progress)
    try:
        data = DERIVE[file.derive](source, file.path)
    except Exception as error:  # readers raise many types for an unexpected source
        if (file.source_sha256 and not isinstance(error, FetchError)) or isinstance(error, MemoryError):
            raise
        raise FetchError(f"cannot make {file.path} from {file.source_url}: {error}") from error
    got = hashlib.sha256(data).hexdigest()
    if got != file.sha256:
        # the same content compressed by a different zlib is also correct
        remedy = "the installed versions of RDKit and NumPy produce a different file"
        check(content_sha256(data, file.path), file.content_sha256, f"{file.path}, derived", remedy)
    with replacing(target) as out:
        out.write(data)


def _original(card: Card, file: CardFile, folder: str | Path | None, progress: Progress | None) -> bytes:
    """Return the source of a derived file, from an earlier file of the card or fetched."""
    before = card.files[: card.files.index(file)]
    for other in before:
        if other.source_sha256 == file.source_sha256 != "" and other.derive in _UNCHANGED:
            data = obtain(card, other, folder=folder, progress=progress).read_bytes()
            return gzip.decompress(data) if other.derive else data
    data = read_source(file.source_url, progress=progress)
    if file.source_sha256:
        check(hashlib.sha256(data).hexdigest(), file.source_sha256, file.source_url, "the source has changed")
    return data


def _sha256(path: Path, file: CardFile) -> str:
    """Return the file's checksum, or the expected one if only the compression of a derived file differs."""
    data = path.read_bytes()
    got = hashlib.sha256(data).hexdigest()
    if got != file.sha256 and file.content_sha256:
        try:
            return file.sha256 if content_sha256(data, file.path) == file.content_sha256 else got
        except OSError:
            return got
    return got


def fetch(name: str, *, root: str | Path | None = None, progress: Progress | None = None) -> list[Path]:
    """Fetch all files of a data set into the data root, replacing damaged copies.

    Args:
        name: Name of the data set.
        root: Data root; by default ``XGRAPH_ROOT`` or ``~/.cache/xgraph``.
        progress: Called with ``(bytes done, total bytes or 0, file name)``.

    Returns:
        Paths of the files. An embedded data set has none; a data set from OGB's server has a folder.

    Raises:
        ValueError: If the data set is unknown.
        FetchError: If a file cannot be fetched or has the wrong checksum.

    Example:
        >>> fetch("nci-pains")
        []
    """
    card = load_card(name)
    if card.ogb:
        return [obtain_ogb(card, folder=root, progress=progress)]
    return [obtain(card, file, folder=root, replace=True, progress=progress) for file in card.files]


def verify(name: str, *, root: str | Path | None = None) -> list[Checked]:
    """Check all copies of a data set's files in the data root and in the mirror, if it is a folder.

    Args:
        name: Name of the data set.
        root: Data root; by default ``XGRAPH_ROOT`` or ``~/.cache/xgraph``.

    Returns:
        One entry per copy, with state "ok" or "wrong", and one entry with state "absent" for a file without a copy. A
        data set from OGB's server has a single entry for its folder: its files are compared with the checksums that
        were recorded when they were unpacked.

    Raises:
        ValueError: If the data set is unknown.
    """
    place, checked = mirror(), []
    card = load_card(name)
    if card.ogb:
        return [_check_ogb(name, root)]
    for file in card.files:
        places = [root_folder(root) / file.path] + ([place / file.path] if isinstance(place, Path) else [])
        copies = [path for path in places if path.is_file()]
        for path in copies:
            got = _sha256(path, file)
            ok = got == file.sha256
            message = "" if ok else f"expected sha256 {file.sha256}, got {got}"
            checked.append(Checked(file.path, path, "ok" if ok else "wrong", message))
        if not copies:
            checked.append(Checked(file.path, places[0], "absent"))
    return checked


def whence(card: Card, folder: str | Path | None = None) -> Whence:
    """Say where a data set would come from: nothing is fetched or read.

    Returns:
        "embedded" in the package; "root" if it has been fetched; "mirror" if a mirror folder has what it lacks, so that
        it can be had without a network; else "network". "wrong" for a damaged release in the root.
    """
    place = mirror()
    if card.embedded:
        return "embedded"
    if card.ogb:
        try:
            if is_whole(card.name, folder):
                return "root"
        except FetchError:
            return "wrong"
        return "mirror" if isinstance(place, Path) and (place / ogb_archive(card.name)).is_file() else "network"

    def present(file: CardFile, *places: Path) -> bool:
        return any((one / file.path).is_file() for one in places)

    if all(present(file, root_folder(folder)) for file in card.files):
        return "root"
    if not isinstance(place, Path):
        return "network"
    here = [file for file in card.files if present(file, root_folder(folder), place)]
    sources = {file.source_sha256 for file in here if file.derive in _UNCHANGED} - {""}
    lacking = [file for file in card.files if file not in here and file.source_sha256 not in sources]
    return "network" if lacking else "mirror"


def _check_ogb(name: str, root: str | Path | None) -> Checked:
    place = ogb_place(name, root)
    path = f"{place.parent.name}/{place.name}"
    try:
        if not is_whole(name, root):
            return Checked(path, place, "absent")
        check_record(place)
        return Checked(path, place, "ok")
    except FetchError as error:
        return Checked(path, place, "wrong", str(error))
