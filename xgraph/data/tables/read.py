"""Reading of tables, whole or in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xgraph.data.tables.columns import Columns
from xgraph.data.tables.frame import FrameTable, TablePath
from xgraph.data.tables.text import text_pieces

ENDINGS = (".csv", ".csv.gz")


def stem(path: Path | FrameTable) -> str:
    """Return the name of a file without its extension."""
    if isinstance(path, FrameTable):
        return path.name
    return path.name.removesuffix(".gz").removesuffix(".csv")


def read_batches(
    path: TablePath, rows: int = 10_000, *, separator: str | None = None, encoding: str | None = None
) -> Iterator[Columns]:
    """Yield a table in pieces of at most `rows` rows, as text; a header without rows is one piece of empty columns.

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
    yield from text_pieces(Path(path), rows, separator, encoding)


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
        if piece.errors and not keep_errors:
            raise ValueError(f"{path}: {next(iter(piece.errors.values()))}")
        table.errors |= {before + row: message for row, message in piece.errors.items()}
        for name, cells in piece.items():
            table.setdefault(name, []).extend(cells)
        before += len(next(iter(piece.values()), []))
    if not before and not allow_empty:
        raise ValueError(f"{path} has a header ({', '.join(list(table)[:20])}) but no rows")
    return table
