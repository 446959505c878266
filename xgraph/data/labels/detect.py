"""Detection of the label columns of a table whose user names none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from xgraph.data.labels.cells import Column, holds_cell
from xgraph.data.labels.names import is_bookkeeping, is_flag, is_identifier, is_split
from xgraph.data.labels.rules import LabelRules
from xgraph.messages import listed


def detect(
    read: Mapping[str, Column], cells: Mapping[str, Sequence[str]], rules: LabelRules, path: str | Path
) -> tuple[list[str], dict[str, str]]:
    """Return the label columns, and the columns that look like labels but are left out, each with the reason.

    Args:
        read: The columns as read without a threshold.
        cells: Their cells.
        rules: How cells are read.
        path: Where the table is from, for messages.
    """
    usable = {name: column for name, column in read.items() if not (is_identifier(name) or is_split(name))}
    binary = [name for name, column in usable.items() if _has_labels(column)]
    left_out: dict[str, str] = {}
    if rules.has_threshold or rules.positive is not None:
        if rules.has_threshold:
            setting, what = f"active {rules.threshold}", "numbers other than 0 and 1"
            fitting = [name for name, column in usable.items() if column.numeric]
            fitting = [name for name in fitting if not is_bookkeeping(name)] or fitting
        else:
            word = str(rules.positive)
            setting, what = f"positive = {word!r}", "this cell"
            fitting = [name for name in usable if holds_cell(cells[name], word)]
        chosen = [_only(fitting, setting, what, path)]
        left_out = dict.fromkeys(binary, "to train on it as well, name both columns in --target-columns")
    else:
        labels = [name for name in binary if not is_flag(name)]
        doubtful = any(column.doubt for column in usable.values())  # one of them may be what the user means
        chosen = labels or ([] if doubtful else binary)
        left_out = dict.fromkeys(
            binary, "called like a property, not a label; to train on it, name it in --target-columns"
        )
    left_out |= {name: column.doubt for name, column in usable.items() if column.doubt}
    left_out |= {
        name: "called like a split; for that, give --split-column"
        for name, column in read.items()
        if is_split(name) and not is_identifier(name) and (_has_labels(column) or column.doubt)
    }
    return chosen, {name: left_out[name] for name in read if name in left_out and name not in chosen}


def _has_labels(column: Column) -> bool:
    return column.values is not None and not bool(np.isnan(column.values).all())


def _only(fitting: list[str], setting: str, what: str, path: str | Path) -> str:
    """Return the only column that fits a setting; raise if there are several or none."""
    if len(fitting) == 1:
        return fitting[0]
    found = f"no column of {path} holds {what}"
    if fitting:
        found = f"{len(fitting)} columns of {path} hold {what} ({listed(fitting, 5)})"
    raise ValueError(f"{setting}: {found}; name the label columns with target_columns (--target-columns)")
