"""Where data lives on disk: the root that holds what was fetched, and the mirror that is tried first."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

Progress = Callable[[int, int, str], None]
"""Called with (done, total, what) while something long is going on."""

DEFAULT_ROOT = "~/.cache/xgraph"

# What the system says when the root cannot be written at all; a full disk is another matter.
_UNWRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENOENT}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def root(folder: str | Path | None = None) -> Path:
    """Folder that holds what was fetched or computed; created when something is first written to it."""
    return Path(folder or os.environ.get("XGRAPH_ROOT") or DEFAULT_ROOT).expanduser()


def mirror() -> Path | str | None:
    """The place named by ``XGRAPH_MIRROR``: a folder (also as ``file://``), an http(s) URL, or None if unset."""
    value = os.environ.get("XGRAPH_MIRROR")
    if not value:
        return None
    scheme = value.split("://", 1)[0].lower() if "://" in value else ""
    if scheme in ("http", "https"):
        return value.rstrip("/")
    if scheme not in ("", "file"):
        raise ValueError(f"XGRAPH_MIRROR must be a folder or an http(s):// or file:// URL, got {value!r}")
    folder = Path(value).expanduser()
    if scheme == "file":
        from urllib.parse import urlsplit
        from urllib.request import url2pathname

        folder = Path(url2pathname(urlsplit(value).path))
    if not folder.is_dir():
        raise FileNotFoundError(f"XGRAPH_MIRROR names {value!r}, which is not an existing folder")
    return folder


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` that becomes `path` if the block ends well, and vanishes if not."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.part")
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
            remedy = "set XGRAPH_ROOT to a folder you may write to"
            raise _reworded(error, f"cannot write {path} ({error.strerror}); {remedy}") from error
        if error.errno in _FULL:
            remedy = "free some, or set XGRAPH_ROOT to another disk"
            raise _reworded(error, f"no room to write {path} ({error.strerror}); {remedy}") from error
        raise


def _reworded(error: OSError, text: str) -> OSError:
    """The same error with a text of its own, without the number in front that OSError would put there."""
    copy = OSError(text)
    copy.errno = error.errno
    return copy


def is_unwritable(error: OSError) -> bool:
    """Whether the system refused to write at the place at all, as a read-only folder does."""
    return error.errno in _UNWRITABLE
