"""Data frames in the place of files with tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from xgraph.data.tables.columns import Columns, column_names, rows_per_piece

if TYPE_CHECKING:
    import pandas as pd


class FrameTable:
    """A pandas DataFrame that is read like a file: all that is read by the path of a file is read by this too.

    Args:
        frame: The table. Its index is not read.
        name: What the data set is called.

    Raises:
        TypeError: If `frame` is not a DataFrame.
        ValueError: If it has no columns, or two with the same name.
    """

    def __init__(self, frame: pd.DataFrame, name: str = "frame") -> None:
        import pandas as pd

        if not isinstance(frame, pd.DataFrame):
            raise TypeError(f"frame must be a pandas DataFrame, got {type(frame).__name__}")
        if not len(frame.columns):
            raise ValueError("the data frame has no columns")
        self.frame = frame.set_axis(column_names([str(column) for column in frame.columns], self), axis=1)
        self.name = name

    def __str__(self) -> str:
        return "the data frame"

    def pieces(self, rows: int) -> Iterator[Columns]:
        """Yield the table in pieces of at most `rows` rows, with the cells as text."""
        step = rows_per_piece(rows, len(self.frame.columns))
        for begin in range(0, max(len(self.frame), 1), step):
            part = self.frame.iloc[begin : begin + step]
            yield Columns({name: _texts(part[name]) for name in part.columns})


TablePath: TypeAlias = str | Path | FrameTable
"""Where a table is read from."""


def _texts(column: pd.Series[Any]) -> list[str]:
    """Return cells as a file would have them, "" for a missing one; whole numbers have no decimal point."""
    missing = column.isna().tolist()
    if column.dtype.kind == "f":
        return ["" if lacks else _number(cell) for cell, lacks in zip(column.tolist(), missing, strict=True)]
    return ["" if lacks else str(cell) for cell, lacks in zip(column.tolist(), missing, strict=True)]


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
