"""Several files with the same columns, read as one table."""

from __future__ import annotations

import warnings
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xgraph.data.tables.columns import Columns
from xgraph.data.tables.frame import FrameTable
from xgraph.messages import listed


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


def join_columns(
    tables: Sequence[Columns], paths: Sequence[Path | FrameTable], needed: Sequence[str | None] = ()
) -> Columns:
    """Append tables to the first one; columns may be in any order, and those that are not in all tables are left out.

    Args:
        tables: The tables.
        paths: Where each is from.
        needed: Columns without which the table cannot be read; None stands for none.
    """
    columns = common_columns([list(table) for table in tables], paths, needed)
    errors: dict[int, str] = {}
    before = 0
    for table in tables:
        errors |= {before + row: message for row, message in table.errors.items()}
        before += len(next(iter(table.values()), []))
    return Columns({name: [cell for table in tables for cell in table[name]] for name in columns}, errors)


def common_columns(
    columns: Sequence[Sequence[str]], paths: Sequence[Path | FrameTable], needed: Sequence[str | None] = ()
) -> list[str]:
    """Return the columns that all tables have, and say which ones of the first are lacking in others."""
    common = [name for name in columns[0] if all(name in names for names in columns)]
    for path, names in zip(paths, columns, strict=True):
        lost = [name for name in needed if name is not None and name not in names]
        if lost or not common:
            raise ValueError(
                f"{path} has no column {listed(lost or columns[0])}; files of one data set must have the same columns, "
                f"and those of {path} are {listed(names)}"
            )
        lacking = [name for name in columns[0] if name not in names]
        if lacking:
            warnings.warn(f"columns of {paths[0]} that {path} lacks are left out: {listed(lacking)}", stacklevel=5)
    return common
