"""Files with the row numbers of each part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xgraph.data.splits.words import NOWHERE, PARTS, part_of_word
from xgraph.data.storage.damaged import DAMAGED_ARCHIVE
from xgraph.data.tables.read import read_columns

_EXPECTED = "expected arrays (npz) or columns (CSV) train, valid and test with numbers of data rows, counted from 0"


def read_split_file(path: str | Path, rows: int) -> NDArray[np.int64]:
    """Read which part each of a table's rows is in; -1 for rows that are in none.

    Args:
        path: An npz file with the arrays train, valid and test, or a CSV file with such columns, whose unused cells are
            blank. They hold numbers of data rows, counted from 0 without the header and including blank lines.
        rows: Number of data rows of the table.

    Returns:
        The position of the part in ``("train", "valid", "test")`` for each row, int64.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it cannot be read, names another part, refers to a row outside the table, or has a row twice.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"split_file: file {str(path)!r} does not exist")
    part = np.full(rows, NOWHERE, dtype=np.int64)
    for name, listed in _lists(path).items():
        _check_rows(listed, rows, name, path)
        twice = listed[part[listed] != NOWHERE]
        if len(twice):
            other = PARTS[part[twice[0]]]
            raise ValueError(f"split_file: row {twice[0]} is in both parts {other!r} and {name!r} of {path}")
        part[listed] = PARTS.index(name)
    return part


def _lists(path: Path) -> dict[str, NDArray[np.int64]]:
    """Return the row numbers of each part."""
    if path.suffix.lower() == ".npy":
        raise ValueError(f"split_file: {path} is a single array; {_EXPECTED}")
    found: dict[str, NDArray[np.int64]] = {}
    raw = _arrays(path) if path.suffix.lower() == ".npz" else _cells(path)
    for key, listed in raw.items():
        name = part_of_word(key)
        if name is None or name in found:
            what = "unknown part" if name is None else f"a second list for {name!r}:"
            raise ValueError(f"split_file: {path} has {what} {key!r}; {_EXPECTED}")
        found[name] = listed
    if not found:
        raise ValueError(f"split_file: {path} is empty; {_EXPECTED}")
    return found


def _arrays(path: Path) -> dict[str, NDArray[np.int64]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: np.asarray(archive[key]) for key in archive.files}
    except (*DAMAGED_ARCHIVE, OSError, KeyError, ValueError, AttributeError) as error:
        raise ValueError(f"split_file: cannot read {path} as npz: {error}") from error
    for key, array in arrays.items():
        if array.dtype == np.bool_:
            raise ValueError(f"split_file: {key!r} of {path} is a mask; write row numbers (numpy.flatnonzero(mask))")
        if array.size and (array.ndim != 1 or array.dtype.kind not in "iu"):
            raise ValueError(
                f"split_file: {key!r} of {path} must be integers of shape [n], got {array.dtype} {list(array.shape)}"
            )
    return {key: array.reshape(-1).astype(np.int64) for key, array in arrays.items()}


def _cells(path: Path) -> dict[str, NDArray[np.int64]]:
    lists = {}
    for key, cells in read_columns(path).items():
        texts = [text for text in map(str.strip, cells) if text]
        wrong = next((text for text in texts if not text.removesuffix(".0").removeprefix("-").isdecimal()), None)
        if wrong is not None and part_of_word(key) is not None:
            raise ValueError(f"split_file: column {key!r} of {path} has {wrong[:40]!r}; {_EXPECTED}")
        lists[key] = np.array([int(text.removesuffix(".0")) for text in texts if wrong is None], dtype=object)
    largest = np.iinfo(np.int64).max
    return {key: np.clip(listed, -largest, largest).astype(np.int64) for key, listed in lists.items()}


def _check_rows(listed: NDArray[np.int64], rows: int, name: str, path: Path) -> None:
    outside = listed[(listed < 0) | (listed >= rows)]
    if len(outside):
        raise ValueError(
            f"split_file: {name!r} of {path} has row {outside[0]}, but the table has rows 0 to {rows - 1} (counted "
            "from 0, without the header)"
        )
    values, counts = np.unique(listed, return_counts=True)
    if (counts > 1).any():
        raise ValueError(f"split_file: {name!r} of {path} has row {values[counts > 1][0]} twice")
