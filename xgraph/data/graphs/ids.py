"""Names of nodes: any text, mapped to positions."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgraph.messages import shown

Ids = NDArray[np.int64]


def unique_ids(column: Any, where: object) -> tuple[Any, Ids | None]:
    """Return the names of a column, each once, and the rows that are kept; None for all rows.

    Rows without a name, and all but the first row of a name, are left out with a warning.
    """
    import pyarrow.compute as pc

    column = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    if not len(column):
        raise ValueError(f"{where} has no rows with nodes")
    encoded = pc.dictionary_encode(column)
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    first = np.zeros(len(codes), dtype=bool)
    first[np.unique(codes, return_index=True)[1] if len(encoded.dictionary) < len(codes) else slice(None)] = True
    blank = pc.equal(column, "").to_numpy(zero_copy_only=False)
    if first.all() and not blank.any():
        return column, None
    again = ~first & ~blank
    if blank.any():
        row = int(blank.argmax())
        warnings.warn(
            f"{where}: left out {int(blank.sum())} row(s) without an id; the first is row {row}", stacklevel=2
        )
    if again.any():
        row = int(again.argmax())
        warnings.warn(
            f"{where}: {int(again.sum())} row(s) repeat the id of another one and are left out; the first is row {row} "
            f"with id {shown(column[row].as_py())}",
            stacklevel=2,
        )
    kept = np.flatnonzero(first & ~blank)
    if not len(kept):
        raise ValueError(f"{where} has no rows with ids")
    return column.take(kept), kept


def positions(names: Any, ids: Any) -> Ids:
    """Return the position of each name among the ids; -1 for those that are not there."""
    import pyarrow.compute as pc

    found = pc.fill_null(pc.index_in(names, value_set=ids), -1)
    array: Ids = found.to_numpy().astype(np.int64)
    return array
