"""Several files with the same columns, read as one table."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xgraph.data.tables.columns import Columns
from xgraph.data.tables.frame import FrameTable


@dataclass(frozen=True)
class Files:
    """The files of a table, whose rows are numbered from the first file to the last.

    Args:
        names: Names of the files.
        sizes: Number of data rows of each.
    """

    names: list[str]
    sizes: list[int]

    @classmethod
    def of(cls, paths: Sequence[Path | FrameTable], sizes: Sequence[int]) -> Files:
        """Name files by their last part, or by their paths if that is not unique."""
        short = [path.name for path in paths]
        return cls(short if len(set(short)) == len(short) else list(map(str, paths)), list(sizes))

    @property
    def starts(self) -> list[int]:
        """The first row of each file."""
        return [sum(self.sizes[:i]) for i in range(len(self.sizes))]

    def place(self, row: int) -> tuple[str, int]:
        """Return the file of a row, and the row's number within it."""
        starts = self.starts
        number = bisect_right(starts, row) - 1
        return self.names[number], row - starts[number]


def join_columns(tables: Sequence[Columns], paths: Sequence[Path | FrameTable]) -> Columns:
    """Append tables to the first one, whose columns they must have, in any order."""
    check_columns([list(table) for table in tables], paths)
    errors: dict[int, str] = {}
    before = 0
    for table in tables:
        errors |= {before + row: message for row, message in table.errors.items()}
        before += len(next(iter(table.values()), []))
    return Columns({name: [cell for table in tables for cell in table[name]] for name in tables[0]}, errors)


def check_columns(columns: Sequence[Sequence[str]], paths: Sequence[Path | FrameTable]) -> None:
    """Raise `ValueError` unless all tables have the columns of the first; they may have more."""
    for path, names in zip(paths, columns, strict=True):
        lost = [name for name in columns[0] if name not in names]
        if lost:
            raise ValueError(
                f"{path} lacks {len(lost)} of the columns of {paths[0]}, the first is {lost[0]!r}: files of one data "
                f"set must have the same columns; its columns are {', '.join(map(repr, names[:20]))}"
            )
