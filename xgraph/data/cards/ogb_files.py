"""The Open Graph Benchmark's releases on disk: one archive per data set, fetched and unpacked atomically.

The `ogb` package prompts on the terminal before downloads of more than 1 GB and leaves incomplete folders if
interrupted. It is therefore only used to read the data; names and addresses come from its own tables.
"""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from xgraph.data.cards.ogb_record import check_archive, write_record
from xgraph.data.cards.schema import Card
from xgraph.data.storage.archives import unpack_zip
from xgraph.data.storage.download import FetchError, TooLargeError, from_mirror, stream
from xgraph.data.storage.root import Progress, is_unwritable, replacing
from xgraph.data.storage.root import root as root_folder

FOLDER = "ogb"
_TIMES = 20  # what an archive may unpack to; the members of OGB's are compressed files
_SPARE = 1 << 28  # bytes of the disk that are left free


def ogb_meta(name: str) -> dict[str, str]:
    """Return the metadata of a data set from the table in the `ogb` package."""
    spec = importlib.util.find_spec("ogb")  # does not import `ogb`, which takes seconds
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{name} needs the ogb package: pip install ogb")
    part = "nodeproppred" if name.startswith("ogbn-") else "graphproppred"
    with open(Path(spec.origin).parent / part / "master.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    if name not in rows[0]:
        raise ValueError(
            f"the installed ogb package does not have {name!r}; its data sets are {', '.join(rows[0][1:])}"
        )
    column = rows[0].index(name)
    return {row[0]: row[column] for row in rows[1:]}


def ogb_archive(name: str) -> str:
    """Return the path of the archive of a data set in a mirror."""
    return f"{FOLDER}/{ogb_meta(name)['url'].rsplit('/', 1)[-1]}"


def ogb_place(name: str, folder: str | Path | None = None) -> Path:
    """Return the folder of a data set in the root, where `ogb` looks for it; it may not exist yet."""
    place = root_folder(folder) / FOLDER / name.replace("-", "_")
    older = place.with_name(place.name + "_pyg")
    return older if older.exists() else place


def is_whole(name: str, folder: str | Path | None = None) -> bool:
    """Whether the release that `ogb` expects is completely unpacked in the root."""
    place = ogb_place(name, folder)
    if not place.exists():
        return False
    release = place / f"RELEASE_v{ogb_meta(name)['version']}.txt"
    if not release.is_file() or not (place / "raw").is_dir():
        what = release.name if not release.is_file() else "folder raw"
        raise FetchError(
            f"{place} is an incomplete release of {name}, without {what}; delete the folder to fetch it again"
        )
    return True


def obtain_ogb(card: Card, *, folder: str | Path | None = None, progress: Progress | None = None) -> Path:
    """Return the folder of an unpacked release, fetching it if necessary."""
    # The archive is looked up in the mirror, as ``ogb/<archive name>``, then on OGB's server.
    place = ogb_place(card.name, folder)
    if is_whole(card.name, folder):
        return place
    meta = ogb_meta(card.name)
    url = meta["url"].replace("http://snap.stanford.edu/", "https://snap.stanford.edu/")
    stem = f".{place.name}.{uuid.uuid4().hex[:12]}"
    archive, unpacked = place.with_name(f"{stem}.zip.part"), place.with_name(f"{stem}.part")
    try:
        digest = _bring(card, url, archive, progress)
        check_archive(card, place, digest, url)
        files = _unpack(card, archive, unpacked, progress)
        inner = unpacked / meta["download_name"]
        if not (inner / f"RELEASE_v{meta['version']}.txt").is_file():
            raise FetchError(
                f"{url} does not contain release {meta['version']} of {card.name} (RELEASE_v{meta['version']}.txt)"
            )
        try:
            inner.rename(place)
        except OSError:  # another process may have been faster
            if not is_whole(card.name, folder):
                raise
        else:
            start = f"{meta['download_name']}/"
            write_record(place, digest, {path.removeprefix(start): files[path] for path in files})
    except OSError as error:
        if isinstance(error, FetchError) or str(error).startswith(("cannot write", "not enough disk space")):
            raise
        remedy = "set XGRAPH_ROOT to a writable folder" if is_unwritable(error) else "free some disk space"
        raise OSError(f"cannot unpack {card.name} into {place.parent} ({error.strerror or error}); {remedy}") from error
    finally:
        with contextlib.suppress(OSError):
            archive.unlink(missing_ok=True)
        shutil.rmtree(unpacked, ignore_errors=True)
    return place


def _bring(card: Card, url: str, archive: Path, progress: Progress | None) -> str:
    """Fetch the archive from the mirror or the server, and return its sha256; errors name a remedy."""
    file = ogb_archive(card.name)
    with replacing(archive) as out, _room(card.archive_bytes, archive.parent) as most:
        digest, missing = from_mirror(file, lambda source: stream(source, out, most=most, progress=progress))
        if digest is not None:
            return digest
        try:
            return stream(url, out, most=most, progress=progress)
        except FetchError as error:
            remedy = f"check the network, or set XGRAPH_MIRROR to a folder or URL that contains this archive as {file}"
            raise type(error)(f"{card.name}: {missing}{error}; {remedy}") from error


def _unpack(card: Card, archive: Path, target: Path, progress: Progress | None) -> dict[str, str]:
    """Unpack the archive, and return the sha256 of each file."""
    # Processed files are never taken from an archive, but computed locally.
    with _room(_TIMES * archive.stat().st_size, archive.parent) as most:
        return unpack_zip(archive, target, f"the archive of {card.name}", most, "processed", progress)


@contextlib.contextmanager
def _room(most: int, folder: Path) -> Iterator[int]:
    """Yield the number of bytes that are accepted: `most`, or fewer if the disk has less space."""
    free = max(0, shutil.disk_usage(folder).free - _SPARE)
    try:
        yield min(most, free)
    except TooLargeError as error:
        if most <= free:
            raise
        remedy = "free some space, or set XGRAPH_ROOT to another disk"
        raise OSError(f"not enough disk space in {folder}, which has {free} bytes: {error}; {remedy}") from error
