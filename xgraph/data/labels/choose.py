"""Choice of the label columns of a table: those that are named, all with nothing but labels, or one of numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from xgraph.data.labels.cells import Column, holds_cell, read_column
from xgraph.data.labels.classes import choose_classes
from xgraph.data.labels.detect import detect
from xgraph.data.labels.groups import read_groups
from xgraph.data.labels.labels import Labels
from xgraph.data.labels.names import is_flag, is_identifier, is_split
from xgraph.data.labels.regression import choose_numbers, number_columns
from xgraph.data.labels.rules import LabelRules
from xgraph.data.labels.weights import read_weights
from xgraph.messages import listed

_LISTED = 5
_NEEDED = "labels must be 0, 1 or empty (missing),"


def choose_labels(
    columns: Mapping[str, Sequence[str]],
    rules: LabelRules,
    *,
    requested: Sequence[str] | None = None,
    reserved: Collection[str] = (),
    required: bool = True,
    path: str | Path = "the table",
) -> Labels:
    """Choose and read the label columns.

    Args:
        columns: All columns of the table, as text.
        rules: How cells are read.
        requested: The label columns, in this order; by default all that hold nothing but labels, or, if there are none,
            the only one that holds numbers.
        reserved: Columns with another role, such as SMILES, split or weight.
        required: Whether a table without labels is an error; if it is not, numbers are read only if the rules say so.
        path: Where the table is from, for messages.

    Raises:
        ValueError: If a column does not exist or does not hold labels, or −1 may be missing or inactive.
    """
    weight = None if rules.weight_column is None else read_weights(columns, rules.weight_column, path)
    groups = None if rules.fair_column is None else read_groups(columns, rules.fair_column, path)
    if rules.fair_column is not None and rules.fair_column in (*reserved, rules.weight_column, *(requested or ())):
        raise ValueError(f"fair_column {rules.fair_column!r} has another role in {path} already")
    taken = {*reserved, rules.weight_column, rules.fair_column}
    free = {name: cells for name, cells in columns.items() if name not in taken}
    if rules.task == "multiclass":
        return replace(choose_classes(free, rules, requested, path), weight=weight, groups=groups)
    left_out: dict[str, str] = {}
    if requested is not None:
        _check_names(free, requested, path)
        chosen = {name: read_column(free[name], rules) for name in requested}
        if _are_numbers(chosen, rules, path):
            return replace(choose_numbers(free, chosen, rules, requested, path), weight=weight, groups=groups)
        _check_labels(chosen, free, rules, path)
    else:
        read = {name: read_column(cells, rules, threshold=False) for name, cells in free.items()}
        names, left_out = ([], {}) if rules.task == "regression" else detect(read, free, rules, path)
        numbers = [] if names or not (required or rules.task) else number_columns(read, free)
        if rules.task == "regression" or (rules.task is None and numbers and not any(read[n].mixed for n in numbers)):
            return replace(choose_numbers(free, read, rules, None, path), weight=weight, groups=groups)
        chosen = {name: read_column(free[name], rules) if rules.has_threshold else read[name] for name in names}
        if required and not chosen:
            _refuse(read, left_out, columns, path)
    doubtful = [] if rules.explains_minus_one else _minus_one(chosen, free, rules)
    if doubtful and not required and requested is None:
        chosen = {name: column for name, column in chosen.items() if name not in doubtful}
    elif doubtful:
        raise ValueError(
            f"{path}: -1 in {_listing(doubtful)} may mean a missing or an inactive label, as there is 0 in "
            f"{_listing(_with_zero(chosen, free, rules))}: say which one with missing, that is --missing -1 (-1 is "
            "missing), --missing none (-1 is inactive, as 0 is) or --missing 0 (0 is missing, -1 inactive); or predict "
            "numbers with --task regression"
        )
    y = np.empty((len(next(iter(columns.values()), ())), len(chosen)), dtype=np.float32)
    notes = {}
    for task, (name, column) in enumerate(chosen.items()):
        y[:, task] = np.where(column.labels == -1, 0, column.labels)
        note = column.note or ("-1 is inactive" if column.holds(-1) else "")
        if note:
            notes[name] = note
    return Labels(list(chosen), y, left_out, notes, weight=weight, groups=groups)


def _check_names(free: Mapping[str, Sequence[str]], requested: Sequence[str], path: str | Path) -> None:
    """Check that the named columns exist."""
    unknown = [name for name in requested if name not in free]
    if unknown or not requested:
        raise ValueError(f"target_columns {listed(unknown)} not found in {path}; its columns are {listed(free)}")


def _are_numbers(chosen: Mapping[str, Column], rules: LabelRules, path: str | Path) -> bool:
    """Whether the named columns are to be predicted as numbers."""
    numbers = [name for name, column in chosen.items() if column.numeric and not column.mixed]
    if rules.task is not None or rules.has_threshold or rules.positive is not None or not numbers:
        return rules.task == "regression"
    labels = [name for name, column in chosen.items() if column.holds(0) or column.holds(1)]
    if labels:
        raise ValueError(
            f"{path}: {_listing(numbers)} hold{'s' * (len(numbers) == 1)} numbers, but {_listing(labels)} labels 0 and "
            "1: train on them separately, on all of them as numbers with task regression (--task regression), or set a "
            "threshold with active_above or active_below (--active-above, --active-below)"
        )
    return True


def _check_labels(
    chosen: Mapping[str, Column], free: Mapping[str, Sequence[str]], rules: LabelRules, path: str | Path
) -> None:
    """Check that the named columns hold labels, and what the rules are about."""
    refused = [f"column {name!r} {column.why_not}" for name, column in chosen.items() if column.values is None]
    if refused:
        raise ValueError(f"{path}: {_NEEDED} but {'; '.join(refused[:_LISTED])}")
    names = list(chosen)
    if rules.positive is not None and not any(holds_cell(free[name], rules.positive) for name in names):
        raise ValueError(f"positive = {rules.positive!r}: no cell of {_listing(names)} in {path} is that")
    if rules.has_threshold and not any(column.compared for column in chosen.values()):
        raise ValueError(
            f"active {rules.threshold}: {_listing(names)} in {path} hold no numbers other than 0 and 1, so the "
            "threshold has nothing to do"
        )


def _minus_one(chosen: Mapping[str, Column], free: Mapping[str, Sequence[str]], rules: LabelRules) -> list[str]:
    """Return the label columns with −1 if a column of the table holds 0 as well."""
    minus = [name for name, column in chosen.items() if column.holds(-1)]
    return minus if minus and _with_zero(chosen, free, rules) else []


def _with_zero(chosen: Mapping[str, Column], free: Mapping[str, Sequence[str]], rules: LabelRules) -> list[str]:
    """Return the label columns with 0; if there are none, the other columns of 0 and 1 with one."""
    zero = [name for name, column in chosen.items() if column.holds(0)]
    if zero:
        return zero
    others = [
        name for name in free if name not in chosen and not (is_identifier(name) or is_split(name) or is_flag(name))
    ]
    return [name for name in others if read_column(free[name], rules, threshold=False).holds(0)]


def _refuse(
    read: Mapping[str, Column], left_out: Mapping[str, str], columns: Mapping[str, Sequence[str]], path: str | Path
) -> None:
    """Raise the error for a table without label columns."""
    refused = {name: column.why_not for name, column in read.items() if column.why_not and not is_identifier(name)}
    doubtful = [f"column {name!r} {why}" for name, why in refused.items() if read[name].doubt]
    if refused:
        reasons = doubtful or [f"column {name!r} {why}" for name, why in refused.items()]
        flags = [f"column {name!r} is {why}" for name, why in left_out.items() if read[name].values is not None]
        shown = "; ".join([*reasons[:_LISTED], *flags[:_LISTED]])
        raise ValueError(f"{path}: {_NEEDED} but {shown}")
    raise ValueError(f"{path} has no column with labels (0, 1 or empty); its columns are {listed(columns)}")


def _listing(names: Sequence[str]) -> str:
    """Name columns in a message."""
    return f"column{'s' * (len(names) > 1)} {listed(names, _LISTED)}"
