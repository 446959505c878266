"""A CSV file as columns of text: plain or gzipped, with or without BOM, whatever its line ends."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path

ENDINGS = (".csv", ".csv.gz")


def stem(path: Path) -> str:
    """Name of a CSV file without its ending."""
    return path.name.removesuffix(".gz").removesuffix(".csv")


def read_columns(path: str | Path) -> dict[str, list[str]]:
    """Read a CSV file as text: column name -> one cell per data row, "" where there is none."""
    # A blank line is a row of empty cells, so that row numbers are stable.
    with open_table(path) as (first, delimiter, text):
        return _parse(first, delimiter, text, Path(path))


@contextmanager
def open_table(path: str | Path) -> Iterator[tuple[str, str, TextIOWrapper]]:
    """Open a CSV file: its header line, what separates its cells, and the file after that line."""
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; a CSV file was expected")
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        opener = gzip.open if packed else open
        with opener(path, "rb") as binary, TextIOWrapper(binary, encoding="utf-8-sig", newline="") as text:
            first = next((line for line in text if line.strip()), "")
            if not first:
                raise ValueError(f"{path} is empty: a header line and at least one row were expected")
            if "\0" in first:
                raise ValueError(f"{path} is not text: a CSV file was expected")
            yield first, next((mark for mark in ",;\t" if mark in first), ","), text
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: a CSV file was expected") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is a damaged or truncated gzip file: {error}") from error


def _parse(first: str, delimiter: str, text: TextIOWrapper, path: Path) -> dict[str, list[str]]:
    """Read the columns of an open file."""

    def lines() -> Iterator[str]:
        yield first
        yield from text

    reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(reader)]
        repeated = sorted({name for name in header if name and header.count(name) > 1})
        if repeated:
            raise ValueError(f"{path}: the header has {', '.join(map(repr, repeated))} twice")
        width = len(header)
        cells: list[list[str]] = [[] for _ in header]
        for row in reader:
            if len(row) != width:
                if any(cell.strip() for cell in row[width:]):
                    raise ValueError(f"{path}: row {len(cells[0])} has {len(row)} fields, the header {width}")
                row = row[:width] + [""] * (width - len(row))
            for column, cell in zip(cells, row, strict=True):
                column.append(cell)
    except csv.Error as error:
        raise ValueError(f"{path}, near line {reader.line_num}: {error} (an unbalanced quote?)") from error
    if not cells[0]:
        raise ValueError(f"{path} has a header ({', '.join(header)}) but no rows")
    return dict(zip(header, cells, strict=True)) if len(set(header)) == width else _nameless(header, cells)


def _nameless(header: list[str], cells: list[list[str]]) -> dict[str, list[str]]:
    """Columns without a name keep their place under a number."""
    return {name or f"column {i}": column for i, (name, column) in enumerate(zip(header, cells, strict=True))}
