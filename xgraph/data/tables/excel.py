"""Excel workbooks, of which the first sheet is read."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from xgraph.data.tables.columns import Columns, column_names, columns_of, rows_per_piece


def xlsx_pieces(path: Path, rows: int) -> Iterator[Columns]:
    """Yield the pieces of the first sheet; a blank row is a row of empty cells, except at the end."""
    try:
        import openpyxl
    except ImportError:
        raise ValueError(
            f"{path} is an Excel workbook, which needs openpyxl: pip install 'xgraph-pyg[xlsx]', or save it as CSV"
        ) from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            yield from _pieces(path, book, rows)
        finally:
            book.close()
    except _Refused as error:
        raise ValueError(str(error)) from None
    except FileNotFoundError:
        raise
    except Exception as error:  # openpyxl raises what its parsers of ZIP and XML raise, and KeyError, TypeError, ...
        raise ValueError(f"{path} is a damaged or truncated Excel workbook: {error}") from error


class _Refused(ValueError):
    """A sheet that can be read, but is no table."""


def _pieces(path: Path, book: Any, rows: int) -> Iterator[Columns]:
    sheet, *others = book.worksheets or [None]
    if sheet is None:
        raise _Refused(f"{path} has no sheet with cells")
    if others:
        warnings.warn(
            f"{path}: reading the sheet {sheet.title!r}, the first of {1 + len(others)}; save another as its own file",
            stacklevel=3,
        )
    sheet.reset_dimensions()  # which the writing program may have got wrong
    lines = _without_blank_end(sheet.iter_rows(values_only=True))
    header = next((line for line in lines if any(line)), None)
    if header is None:
        raise _Refused(f"{path} is empty; expected a header line and at least one row")
    try:
        names = column_names(header, path)
    except ValueError as error:
        raise _Refused(str(error)) from None
    width, step, before = len(names), rows_per_piece(rows, len(names)), 0
    wider = first = 0
    while piece := list(islice(lines, step)):
        for i, line in enumerate(piece):
            if len(line) > width:
                wider += 1
                first = before + i if wider == 1 else first
            piece[i] = line[:width] + [""] * (width - len(line))
        yield columns_of(names, piece)
        before += len(piece)
    if wider:
        warnings.warn(
            f"{path}: cells to the right of the header are left out, in {wider} row(s), the first is row {first}",
            stacklevel=3,
        )
    if not before:
        yield columns_of(names, [])


def _without_blank_end(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[str]]:
    """Yield rows as text, without blank rows at the end and blank cells at the end of a row."""
    blank = 0
    for row in rows:
        line = [_text(cell) for cell in row]
        while line and not line[-1]:
            line.pop()
        if not line:
            blank += 1
            continue
        yield from ([] for _ in range(blank))
        blank = 0
        yield line


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
