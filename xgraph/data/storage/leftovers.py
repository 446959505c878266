"""Temporary files: how they are named, and how those that a killed process left behind are removed."""

from __future__ import annotations

import os
import re
import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path

DAY = 86400.0
_LEFTOVER = re.compile(r"\..+\.[0-9a-f]{12}\.(part|zip|zip\.part)", re.DOTALL)
_DEEPEST = 3  # folders below the root in which files are written
_swept: set[str] = set()


def part_of(path: Path, ending: str = "part") -> Path:
    """Return a new name beside `path`, for a file or folder that takes its place when it is complete."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.{ending}")


def is_leftover(path: Path) -> bool:
    """Whether a path has a name that `part_of` gives."""
    return _LEFTOVER.fullmatch(path.name) is not None


def remove_leftovers(folder: Path, *, of: str = "", older: float = 0.0) -> None:
    """Remove temporary files and folders of processes that were killed; errors are ignored.

    Args:
        folder: Where to look; not below.
        of: Name of the file that was written; by default any.
        older: Seconds since the last change. Files of a process that may still run need about a day.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _LEFTOVER.fullmatch(entry.name) and entry.name.startswith(f".{of}." if of else "."):
                with suppress(OSError):
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime >= older:
                        _remove(entry)


def sweep(top: Path) -> None:
    """Remove old leftovers in a folder and those below it, once in a process."""
    if str(top) in _swept:
        return
    _swept.add(str(top))
    for folder, below, _ in os.walk(top):
        remove_leftovers(Path(folder), older=DAY)
        if len(Path(folder).relative_to(top).parts) >= _DEEPEST:
            below.clear()


def _remove(entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path, ignore_errors=True)
    else:
        os.unlink(entry.path)
