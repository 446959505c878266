"""A column of groups that should be treated alike: sex, a laboratory, a series of molecules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xgraph.data.labels.rules import MISSING
from xgraph.messages import listed, shown

MOST_GROUPS = 50
UNKNOWN = -1


class Groups(NamedTuple):
    """The group of each item.

    Args:
        column: The column that they were read from.
        codes: The group of each item, its position among `names`; -1 if it is not known. Shape ``[n]``.
        names: Names of the groups.
    """

    column: str
    codes: NDArray[np.int64]
    names: list[str]

    def take(self, rows: NDArray[np.int64] | Sequence[int]) -> Groups:
        """Return the groups of some items."""
        return self._replace(codes=self.codes[rows])


def read_groups(columns: Mapping[str, Sequence[str]], column: str, path: object) -> Groups:
    """Return the groups in a column. Cells that are blank, -1 or mean a missing value are unknown groups.

    Raises:
        ValueError: If the column does not exist, or does not hold 2 to 50 groups.
    """
    if column not in columns:
        raise ValueError(f"fair_column {column!r} does not exist: the columns of {path} are {listed(columns)}")
    cells = [_plain(cell) for cell in columns[column]]
    names = sorted({cell for cell in cells if cell})
    if not 2 <= len(names) <= MOST_GROUPS:
        got = f"{len(names)}" + (f", such as {shown(names[0])}" if names else "")
        raise ValueError(
            f"fair_column: expected a column with 2 to {MOST_GROUPS} different groups, but column {column!r} of {path} "
            f"has {got}"
        )
    place = {name: number for number, name in enumerate(names)} | {"": UNKNOWN}
    return Groups(column, np.array([place[cell] for cell in cells], dtype=np.int64), names)


def check_groups(groups: Groups | None, n: int) -> Groups | None:
    """Return the groups of n items after checking them."""
    if groups is not None:
        codes = groups.codes
        if codes.shape != (n,) or (n and not UNKNOWN <= codes.min() <= codes.max() < len(groups.names)):
            raise ValueError(f"groups must hold {n} numbers from -1 to {len(groups.names) - 1}, one per item")
    return groups


def _plain(cell: str | None) -> str:
    """The cell as the name of a group: whole numbers without decimals; empty if the group is not known."""
    text = (cell or "").strip()
    if text.lower() in MISSING:
        return ""
    try:
        value = float(text)
    except ValueError:
        return text
    if not np.isfinite(value) or value == UNKNOWN:
        return ""
    return str(int(value)) if value.is_integer() else text
