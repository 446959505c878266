"""The Open Graph Benchmark's releases on disk: one archive per data set, fetched and unpacked atomically.

The `ogb` package prompts on the terminal before downloads of more than 1 GB and leaves incomplete folders if
interrupted. It is therefore only used to read the data; names and addresses come from its own tables.
"""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import lzma
import shutil
import uuid
import zipfile
import zlib
from pathlib import Path

from xgraph.data.cards.schema import Card
from xgraph.data.storage.download import FetchError, from_mirror, stream
from xgraph.data.storage.root import Progress, is_unwritable, replacing
from xgraph.data.storage.root import root as root_folder

FOLDER = "ogb"
_CHUNK = 1 << 20


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
    url = meta["url"]
    archive = place.with_name(f".{place.name}.{uuid.uuid4().hex[:12]}.zip")
    unpacked = archive.with_suffix(".part")
    try:
        _bring(card.name, url, archive, progress)
        _unpack(card.name, archive, unpacked, progress)
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


def _bring(name: str, url: str, archive: Path, progress: Progress | None) -> None:
    """Fetch the archive from the mirror or the server, with remedies in the error message."""
    file = f"{FOLDER}/{url.rsplit('/', 1)[-1]}"
    with replacing(archive) as out:
        digest, missing = from_mirror(file, lambda source: stream(source, out, progress=progress))
        if digest is not None:
            return
        try:
            stream(url, out, progress=progress)
        except FetchError as error:
            remedy = f"check the network, or set XGRAPH_MIRROR to a folder or URL that contains this archive as {file}"
            raise FetchError(f"{name}: {missing}{error}; {remedy}") from error


def _unpack(name: str, archive: Path, target: Path, progress: Progress | None) -> None:
    try:
        with zipfile.ZipFile(archive) as packed:
            members = packed.infolist()
            total, done = sum(member.file_size for member in members), 0
            seen: set[Path] = set()
            for member in members:
                path = (target / member.filename).resolve()
                if not path.is_relative_to(target.resolve()):
                    raise FetchError(f"the archive of {name} is unsafe: it contains the path {member.filename!r}")
                # processed files are never taken from an archive, but computed locally
                if member.is_dir() or "processed" in path.relative_to(target.resolve()).parts[1:2]:
                    continue
                if path in seen or not seen.isdisjoint(path.parents):
                    raise FetchError(f"the archive of {name} is damaged: it contains {member.filename!r} twice")
                seen.add(path)
                path.parent.mkdir(parents=True, exist_ok=True)
                with packed.open(member) as source, open(path, "xb") as out:
                    while chunk := source.read(_CHUNK):
                        out.write(chunk)
                        done += len(chunk)
                        if progress is not None:
                            progress(done, total, f"unpacking {path.name}")
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError) as error:
        raise FetchError(f"the archive of {name} is damaged: {error}; fetch it again") from error
    except RuntimeError as error:  # also NotImplementedError
        raise FetchError(
            f"the archive of {name} is encrypted or uses an unsupported compression method: {error}"
        ) from error
