"""CSV files as columns of text: plain or gzipped, with or without BOM, with any line ending."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path

from xgraph.data.storage.dialect import encoding_of, recognise

ENDINGS = (".csv", ".csv.gz")


def stem(path: Path) -> str:
    """Return the name of a CSV file without its extension."""
    return path.name.removesuffix(".gz").removesuffix(".csv")


def read_columns(path: str | Path) -> dict[str, list[str]]:
    """Read a CSV file as text: column name -> one cell per data row, "" for a missing cell."""
    # A blank line counts as a row of empty cells, which keeps row numbers stable.
    with open_table(path) as (first, delimiter, text):
        return _parse(first, delimiter, text, Path(path))


@contextmanager
def open_table(path: str | Path) -> Iterator[tuple[str, str, TextIOWrapper]]:
    """Open a CSV file, and yield its header line, its delimiter and the file positioned after the header."""
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; expected a CSV file")
    try:
        with _open(path) as text:
            dialect = recognise(text)
        if dialect is None:
            raise ValueError(f"{path} is empty; expected a header line and at least one row")
        if "\0" in dialect.header:
            raise ValueError(f"{path} is not a text file; expected a CSV file")
        with _open(path) as text:
            for _ in range(dialect.above + 1):
                text.readline()
            yield dialect.header, dialect.separator, text
    except UnicodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 text; expected a CSV file in UTF-8 (in Excel: save as 'CSV UTF-8')"
        ) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is a damaged or truncated gzip file: {error}") from error


@contextmanager
def _open(path: Path) -> Iterator[TextIOWrapper]:
    """Open a text file, gzipped or not."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    opener = gzip.open if packed else open
    with opener(path, "rb") as binary:
        encoding = encoding_of(binary.read(2))
        binary.seek(0)
        with TextIOWrapper(binary, encoding=encoding, newline="") as text:
            yield text


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
            raise ValueError(
                f"{path}: column names must be unique, but the header repeats {', '.join(map(repr, repeated))}"
            )
        width = len(header)
        cells: list[list[str]] = [[] for _ in header]
        for row in reader:
            if len(row) != width:
                if any(cell.strip() for cell in row[width:]):
                    raise ValueError(
                        f"{path}: data row {len(cells[0])} has {len(row)} cells, but the header has {width}"
                    )
                row = row[:width] + [""] * (width - len(row))
            for column, cell in zip(cells, row, strict=True):
                column.append(cell)
    except csv.Error as error:
        raise ValueError(f"{path}, near line {reader.line_num}: {error} (possibly an unbalanced quote)") from error
    if not cells[0]:
        raise ValueError(f"{path} has a header ({', '.join(header)}) but no rows")
    return dict(zip(header, cells, strict=True)) if len(set(header)) == width else _nameless(header, cells)


def _nameless(header: list[str], cells: list[list[str]]) -> dict[str, list[str]]:
    """Name unnamed columns by their position."""
    return {name or f"column {i}": column for i, (name, column) in enumerate(zip(header, cells, strict=True))}
