"""Atomic file writing: into a temporary file in the same folder, which is synced and then renamed."""

import csv
import errno
import io
import json
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

from xgraph.data.storage.leftovers import DAY, part_of, remove_leftovers


def write_atomically(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Let `write` fill a temporary file, then rename it to `path`."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "cannot write: it is a folder", str(path))
    try:
        if path.exists() and not path.is_file():
            with open(path, "wb") as device:
                write(device)
        else:
            _replace(Path(os.path.realpath(path)), write)
    except BrokenPipeError:  # the reader of a pipe stopped, which is not an error of the file
        raise
    except OSError as error:
        raise OSError(error.errno, f"cannot write: {error.strerror}", str(path)) from error


def _replace(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    part = part_of(path)
    remove_leftovers(path.parent, of=path.name, older=DAY)
    try:
        with open(part, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    write_atomically(path, lambda file: file.write(text.encode()))


def write_json(path: Path, values: Mapping[str, object]) -> None:
    """Write JSON atomically; numbers that are not finite become null."""
    write_text(path, json.dumps(plain(values), indent=2) + "\n")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file atomically; missing values (None, NaN) are empty cells."""

    def write(file: IO[bytes]) -> None:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([_cell(value) for value in row] for row in rows)
        text.detach()  # the file stays open

    write_atomically(path, write)


def _cell(value: object) -> object:
    if isinstance(value, str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return plain(value)


def plain(value: object) -> object:
    """Convert a value for JSON: NaN and infinities become None, also inside lists and mappings."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
