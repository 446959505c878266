"""The data root, which holds fetched and computed files, and the mirror, which is tried first."""

from __future__ import annotations

import errno
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO

from xgraph.data.storage.leftovers import part_of, sweep

Progress = Callable[[int, int, str], None]
"""Progress callback, called with (done, total, description)."""

DEFAULT_ROOT = "~/.cache/xgraph"

# Errors of a root that is not writable at all, as opposed to a full disk.
_UNWRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENOENT}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def root(folder: str | Path | None = None) -> Path:
    """Return the folder for fetched and computed files; it is created on first use."""
    return expanded(folder or os.environ.get("XGRAPH_ROOT") or _usual_root())


def expanded(path: str | Path) -> Path:
    """Return a path with a leading ``~`` replaced by the home directory; unchanged if there is none.

    Unlike `Path.expanduser`, which raises RuntimeError then.
    """
    return Path(os.path.expanduser(path))


def _usual_root() -> str:
    usual = os.path.expanduser(DEFAULT_ROOT)
    return _without_home().name if usual == DEFAULT_ROOT else usual


@cache
def _without_home() -> tempfile.TemporaryDirectory[str]:
    """Create the root of a user without a home directory, which is removed when the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="xgraph-")
    warnings.warn(
        f"there is no home directory, so fetched and computed files are kept in {folder.name} until the end of this "
        "process; set XGRAPH_ROOT to a folder to keep them",
        stacklevel=4,
    )
    return folder


def mirror() -> Path | str | None:
    """Return the mirror named by ``XGRAPH_MIRROR``: a folder (also as ``file://``), an http(s) URL, or None."""
    value = os.environ.get("XGRAPH_MIRROR")
    if not value:
        return None
    scheme = value.split("://", 1)[0].lower() if "://" in value else ""
    if scheme in ("http", "https"):
        return value.rstrip("/")
    if scheme not in ("", "file"):
        raise ValueError(f"XGRAPH_MIRROR must be a folder or an http(s):// or file:// URL, got {value!r}")
    folder = expanded(value)
    if scheme == "file":
        from urllib.parse import urlsplit
        from urllib.request import url2pathname

        folder = Path(url2pathname(urlsplit(value).path))
    if not folder.is_dir():
        raise FileNotFoundError(f"XGRAPH_MIRROR={value!r} is not an existing folder")
    return folder


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces `path` if the block succeeds, and is deleted if it fails.

    Leftovers of killed processes in the root are removed when they are a day old.
    """
    part = part_of(path)
    sweep(root() if path.is_relative_to(root()) else path.parent)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(part, "xb") as out:
                yield out
            os.replace(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        if is_unwritable(error):
            remedy = "set XGRAPH_ROOT to a writable folder"
            raise _reworded(error, f"cannot write {path} ({error.strerror}); {remedy}") from error
        if error.errno in _FULL:
            remedy = "free some space, or set XGRAPH_ROOT to another disk"
            raise _reworded(error, f"not enough disk space to write {path} ({error.strerror}); {remedy}") from error
        raise


def _reworded(error: OSError, text: str) -> OSError:
    """Return an OSError with this text and the error's number, without OSError's own prefix."""
    copy = OSError(text)
    copy.errno = error.errno
    return copy


def is_unwritable(error: OSError) -> bool:
    """Whether the location is not writable at all, such as a read-only folder."""
    return error.errno in _UNWRITABLE
