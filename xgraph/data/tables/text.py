"""Delimited text (CSV, TSV): plain or compressed, with or without BOM, with any line ending."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from itertools import chain, islice
from pathlib import Path

from xgraph.data.tables.columns import Columns, column_names, rows_per_piece
from xgraph.data.tables.dialect import check_encoding, check_separator, encoding_of, recognise
from xgraph.data.tables.packed import open_binary


def text_pieces(path: Path, rows: int, separator: str | None, encoding: str | None) -> Iterator[Columns]:
    """Yield the pieces of a file; a blank line is a row of empty cells, so that row numbers stay those of the file."""
    with open_table(path, separator, encoding) as (first, delimiter, text):
        reader = csv.reader(chain([first], text), delimiter=delimiter, strict=True)
        try:
            names = column_names(next(reader), path)
            step, before = rows_per_piece(rows, len(names)), 0
            while lines := list(islice(reader, step)):
                yield _piece(names, lines, before)
                before += len(lines)
        except csv.Error as error:
            raise ValueError(f"{path}, near line {reader.line_num}: {error} (possibly an unbalanced quote)") from error
        if not before:
            yield Columns({name: [] for name in names})


def _piece(names: list[str], lines: list[list[str]], before: int) -> Columns:
    """Return lines as columns: short ones filled up, long ones cut, which is an error if a cell is lost."""
    width = len(names)
    errors = {}
    for i, line in enumerate(lines):
        if len(line) != width:
            if any(cell.strip() for cell in line[width:]):
                errors[i] = f"data row {before + i} has {len(line)} cells, but the header has {width}"
            lines[i] = line[:width] + [""] * (width - len(line))
    return Columns(dict(zip(names, map(list, zip(*lines, strict=True)), strict=True)), errors)


@contextmanager
def open_table(
    path: Path, separator: str | None = None, encoding: str | None = None
) -> Iterator[tuple[str, str, TextIOWrapper]]:
    """Open a file, and yield its header line, its separator and the file positioned after the header."""
    separator, encoding = check_separator(separator), check_encoding(encoding)
    try:
        with _open(path, encoding) as text:
            dialect = recognise(text, separator)
        if dialect is None:
            raise ValueError(f"{path} is empty; expected a header line and at least one row")
        if "\0" in dialect.header:
            raise ValueError(f"{path} is not a text file; expected a CSV file")
        with _open(path, encoding) as text:
            for _ in range(dialect.above + 1):
                text.readline()
            yield dialect.header, dialect.separator, text
    except UnicodeError as error:
        if encoding is not None:
            raise ValueError(f"{path} is not text in the encoding {encoding!r}: {error}") from error
        raise ValueError(
            f"{path} is not UTF-8 text; save it as UTF-8 (in Excel: save as 'CSV UTF-8'), or name its encoding, such "
            "as encoding='cp1252' (--encoding cp1252, for files of Excel on Windows)"
        ) from error


@contextmanager
def _open(path: Path, encoding: str | None) -> Iterator[TextIOWrapper]:
    """Open a text file, compressed or not; without an encoding, in that of its byte-order mark, else UTF-8."""
    with open_binary(path) as binary:
        if encoding is None:
            start = binary.read(2)
            encoding = encoding_of(start)
            binary.seek(0)
        with TextIOWrapper(binary, encoding=encoding, newline="") as text:
            yield text
