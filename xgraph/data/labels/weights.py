"""A column of weights: how much each row counts in the loss."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xgraph.data.labels.rules import MISSING
from xgraph.messages import listed, shown

Weights = NDArray[np.float32]


def read_weights(columns: Mapping[str, Sequence[str]], column: str, path: object) -> Weights:
    """Return the weights in a column; NaN for blank cells, which `checked_weights` refuses for rows that are used."""
    if column not in columns:
        raise ValueError(f"weight_column {column!r} does not exist: the columns of {path} are {listed(columns)}")
    cells = columns[column]
    numbers = {cell: _number(cell) for cell in dict.fromkeys(cells)}
    wrong = next((cell for cell, value in numbers.items() if not (math.isnan(value) or 0 <= value < math.inf)), None)
    if wrong is not None:
        raise ValueError(
            f"weight_column: weights must be finite numbers of 0 or more, but column {column!r} of {path} has "
            f"{shown(wrong.strip())} in data row {cells.index(wrong)}"
        )
    return np.array([numbers[cell] for cell in cells], dtype=np.float32)


def checked_weights(weights: Weights | None, rows: Collection[int] | NDArray[np.int64], path: object) -> Weights | None:
    """Return the weights of used rows after checking that each has one."""
    if weights is None:
        return None
    missing = np.flatnonzero(np.isnan(weights))
    if len(missing):
        raise ValueError(
            f"weight_column: {len(missing)} rows of {path} have no weight, the first is data row "
            f"{list(rows)[int(missing[0])]}; give 0 to leave a row out of the loss"
        )
    return weights


def _number(cell: str) -> float:
    """The number in a cell, NaN for a missing one and −∞ for anything else."""
    if cell.strip().lower() in MISSING:
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        return -math.inf
    return value if value < 1e30 else -math.inf  # the loss computes in 32 bits
