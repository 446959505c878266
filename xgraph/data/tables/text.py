"""Delimited text (CSV, TSV): plain or compressed, with or without BOM, with any line ending."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from itertools import chain, islice
from pathlib import Path

from xgraph.data.tables.columns import Columns, column_names, columns_of, rows_per_piece
from xgraph.data.tables.dialect import check_separator, recognise
from xgraph.data.tables.formats import READ
from xgraph.data.tables.packed import open_text


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
            yield columns_of(names, [])


def _piece(names: list[str], lines: list[list[str]], before: int) -> Columns:
    """Return lines as columns: short ones filled up, long ones cut, which is an error if a cell is lost."""
    width = len(names)
    errors = {}
    for i, line in enumerate(lines):
        if len(line) != width:
            if any(cell.strip() for cell in line[width:]):
                errors[i] = f"data row {before + i} has {len(line)} cells, but the header has {width}"
            lines[i] = line[:width] + [""] * (width - len(line))
    return columns_of(names, lines, errors)


@contextmanager
def open_table(
    path: Path, separator: str | None = None, encoding: str | None = None
) -> Iterator[tuple[str, str, TextIOWrapper]]:
    """Open a file, and yield its header line, its separator and the file positioned after the header."""
    separator = check_separator(separator)
    with open_text(path, encoding) as text:
        dialect = recognise(text, separator)
    if dialect is None:
        raise ValueError(f"{path} is empty; expected a header line and at least one row")
    if "\0" in dialect.header:
        narrow = dialect.header[1::2].strip("\0") == "" or dialect.header[::2].strip("\0") == ""
        hint = ", or UTF-16 without a byte-order mark (--encoding utf-16-le or utf-16-be)" if narrow else ""
        raise ValueError(f"{path} is not a text file{hint}; {READ} are read")
    with open_text(path, encoding) as text:
        for _ in range(dialect.above + 1):
            text.readline()
        yield dialect.header, dialect.separator, text
