"""Columns of text: a table, or a piece of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

MOST_CELLS = 1 << 20  # of a piece, so that pieces of wide tables have fewer rows

MOST_COLUMNS = 1 << 18  # beyond this a header is taken for damaged: each column costs time in each piece

_CHUNK = 500  # rows to transpose in one go: faster than many, which the garbage collector would look through


class Columns(dict[str, list[str]]):
    """Column name -> one cell per data row, "" for a missing cell.

    Args:
        cells: The columns.
        errors: Rows of this piece that cannot be read as they stand -> why. Their cells are not to be relied on.
    """

    def __init__(self, cells: Mapping[str, list[str]], errors: Mapping[int, str] | None = None) -> None:
        super().__init__(cells)
        self.errors = dict(errors or {})


def column_names(header: Sequence[str], where: object) -> list[str]:
    """Return the names of the columns: stripped, different, and by position where there is none."""
    if len(header) > MOST_COLUMNS:
        raise ValueError(
            f"{where}: its header has {len(header):,} columns, and at most {MOST_COLUMNS:,} are read; check its "
            "separator, and remove the columns that are not needed"
        )
    names = [name.strip() or f"column {i}" for i, name in enumerate(header)]
    repeated = sorted(name for name, times in Counter(names).items() if times > 1)
    if repeated:
        raise ValueError(
            f"{where}: column names must be unique, but the header repeats {', '.join(map(repr, repeated[:20]))}"
        )
    return names


def rows_per_piece(rows: int, width: int) -> int:
    """Return how many rows a piece may have."""
    if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:
        raise ValueError(f"rows must be a positive integer, got {rows!r}")
    return max(1, min(rows, MOST_CELLS // max(width, 1)))


def columns_of(
    names: Sequence[str], lines: Sequence[Sequence[str]], errors: Mapping[int, str] | None = None
) -> Columns:
    """Return rows of cells, as many in each as there are names, as columns."""
    cells: list[list[str]] = [[] for _ in names]
    for start in range(0, len(lines), _CHUNK):
        for column, part in zip(cells, zip(*lines[start : start + _CHUNK], strict=True), strict=True):
            column.extend(part)
    return Columns(dict(zip(names, cells, strict=True)), errors)
