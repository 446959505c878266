"""Choice of the columns with numbers to predict: those that are named, or the only one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from xgraph.data.labels.cells import Column
from xgraph.data.labels.detect import detect
from xgraph.data.labels.labels import Labels
from xgraph.data.labels.names import is_bookkeeping, is_flag, is_identifier, is_split
from xgraph.data.labels.numbers import read_numbers
from xgraph.data.labels.rules import LabelRules
from xgraph.messages import listed

_LISTED = 5
_ROWS = 5  # a column that counts at least so many rows is no measurement


def choose_numbers(
    free: Mapping[str, Sequence[str]],
    read: Mapping[str, Column],
    rules: LabelRules,
    requested: Sequence[str] | None,
    path: str | Path,
) -> Labels:
    """Read the named columns as numbers; without a name, the only column that holds numbers.

    Args:
        free: The columns of the table that may hold labels, as text.
        read: The same as read without a threshold; of named columns, not needed.
        rules: How cells are read.
        requested: The columns with numbers, in this order.
        path: Where the table is from, for messages.

    Raises:
        ValueError: If a cell is no finite number, a column holds nothing to learn, or it is open which column is meant.
    """
    left_out: dict[str, str] = {}
    if requested is None:
        requested, left_out = _detected(free, read, rules, path)
    columns = {name: read_numbers(free[name], rules) for name in requested}
    refused = [f"column {name!r} {column.why_not}" for name, column in columns.items() if column.values is None]
    if refused:
        raise ValueError(
            f"{path}: regression needs numbers or empty (missing) cells, but {'; '.join(refused[:_LISTED])}"
        )
    y = np.stack([column.numbers for column in columns.values()], axis=1)
    return Labels(list(columns), y, left_out, {name: column.note for name, column in columns.items()}, numbers=True)


def number_columns(read: Mapping[str, Column], free: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the columns of numbers that may be meant to be predicted: not those that count or weigh the rows."""
    return [
        name
        for name, column in read.items()
        if column.numeric
        and column.doubt
        and not (is_identifier(name) or is_split(name) or is_flag(name) or is_bookkeeping(name))
        and not _counts_rows(free[name])
    ]


def _detected(
    free: Mapping[str, Sequence[str]], read: Mapping[str, Column], rules: LabelRules, path: str | Path
) -> tuple[list[str], dict[str, str]]:
    """Return the columns to predict, and those that look like labels but are left out, each with the reason."""
    labels, left_out = detect(read, free, rules, path)
    numbers = number_columns(read, free)
    if len(numbers) > 1:
        doubts = {name: column.doubt for name, column in read.items() if column.doubt and not column.numeric}
        words = [f"; column {name!r} holds {doubt}" for name, doubt in doubts.items()][:_LISTED]
        raise ValueError(
            f"{path}: {len(numbers)} columns hold numbers ({listed(numbers, _LISTED)}); name those to predict, one or "
            f"several, in target_columns (--target-columns){''.join(words)}"
        )
    if not numbers and not labels:
        raise ValueError(
            f"{path} has no column with numbers to predict; its columns are {listed(free)}. Name the one that is meant "
            "in target_columns (--target-columns)"
        )
    chosen = numbers or labels
    reasons = dict.fromkeys((name for name in labels if name not in chosen), "labels 0 and 1; to train on them as well")
    left_out = {name: f"{why}, name it in --target-columns" for name, why in reasons.items()} | left_out
    left_out |= {
        name: "called like an identifier or a weight, or counts the rows; to predict it, name it in --target-columns"
        for name, column in read.items()
        if column.numeric and column.doubt and name not in chosen and not is_split(name) and not is_identifier(name)
    }
    return chosen, {name: left_out[name] for name in read if name in left_out and name not in chosen}


def _counts_rows(cells: Sequence[str]) -> bool:
    """Whether each cell is the number of the cell before, plus one."""
    try:
        first = int(cells[0])
        return len(cells) >= _ROWS and all(int(cell) == first + i for i, cell in enumerate(cells))
    except (ValueError, IndexError):
        return False
