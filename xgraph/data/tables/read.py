"""Reading of tables, whole or in pieces."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import TextIO

from xgraph.data.tables.columns import Columns
from xgraph.data.tables.excel import xlsx_pieces
from xgraph.data.tables.formats import NAMES, format_of
from xgraph.data.tables.frame import FrameTable, TablePath
from xgraph.data.tables.parquet import parquet_pieces
from xgraph.data.tables.sdf import sdf_pieces
from xgraph.data.tables.smi import smi_pieces
from xgraph.data.tables.text import open_table, text_pieces


def read_batches(
    path: TablePath, rows: int = 10_000, *, separator: str | None = None, encoding: str | None = None
) -> Iterator[Columns]:
    """Yield a table in pieces of at most `rows` rows, as text; a header without rows is one piece of empty columns.

    CSV, TSV, SMI and SDF files are read, plain or compressed (.gz, .zst), Parquet files and Excel workbooks.

    Memory does not grow with the file. A blank line is a row of empty cells. Rows that cannot be read as they stand are
    in the `errors` of their piece, which whoever reads pieces has to heed.

    Args:
        path: Path of the file; or a data frame, in which case the other options are not used.
        rows: Most rows in a piece; wide tables have fewer.
        separator: What separates the cells: a character, or comma, tab, semicolon or space; recognised by default.
        encoding: Encoding of the text; by default UTF-8, or UTF-16 if there is a byte-order mark.
    """
    if isinstance(path, FrameTable):
        yield from path.pieces(rows)
        return
    path = Path(path)
    form = format_of(path, separator)
    if separator is not None and form != "text":
        raise ValueError(f"separator = {separator!r}: this is for delimited text, but {path} is {NAMES[form]}")
    if encoding is not None and form in ("parquet", "xlsx"):
        raise ValueError(f"encoding = {encoding!r}: this is for text, but {path} is {NAMES[form]}")
    if form == "parquet":
        yield from parquet_pieces(path, rows)
    elif form == "xlsx":
        yield from xlsx_pieces(path, rows)
    elif form == "sdf":
        yield from sdf_pieces(path, rows, encoding)
    elif form == "smi":
        yield from smi_pieces(path, rows, encoding)
    else:
        yield from text_pieces(path, rows, separator, encoding)


def read_columns(
    path: TablePath,
    *,
    separator: str | None = None,
    encoding: str | None = None,
    keep_errors: bool = False,
    allow_empty: bool = False,
) -> Columns:
    """Read a table as text: column name -> one cell per data row, "" for a missing cell.

    Args:
        path: Path of the file, or a data frame.
        separator: As in `read_batches`.
        encoding: As in `read_batches`.
        keep_errors: Return rows that cannot be read in `errors`, rather than raise the first error.
        allow_empty: Return empty columns if there are no rows, rather than raise an error.
    """
    table = Columns({})
    before = 0
    for piece in read_batches(path, separator=separator, encoding=encoding):
        if not keep_errors:
            _check(piece, path)
        table.errors |= {before + row: message for row, message in piece.errors.items()}
        for name, cells in piece.items():
            table.setdefault(name, []).extend(cells)
        before += len(next(iter(piece.values()), []))
    if not before and not allow_empty:
        raise ValueError(f"{path} has a header ({', '.join(list(table)[:20])}) but no rows")
    return table


@contextmanager
def open_as_csv(
    path: str | Path, separator: str | None = None, encoding: str | None = None
) -> Iterator[tuple[str, str, TextIO]]:
    """Yield the header line of a table, its separator, and the lines below the header as an open file."""
    path = Path(path)
    if format_of(path, separator) == "text":
        with open_table(path, separator, encoding) as text:
            yield text
        return
    # a file on disk: as text, a table of numbers would take several times its memory
    with TemporaryFile("w+", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        header = ""
        for piece in read_batches(path, separator=separator, encoding=encoding):
            _check(piece, path)
            if not header:
                header = _line(piece)
            writer.writerows(zip(*piece.values(), strict=True))
        lines.seek(0)
        yield header, ",", lines


def _check(piece: Columns, path: TablePath) -> None:
    """Raise the first error of the rows of a piece."""
    if piece.errors:
        raise ValueError(f"{path}: {next(iter(piece.errors.values()))}")


def _line(cells: Iterable[str]) -> str:
    """Return cells as a line of CSV."""
    line = StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
