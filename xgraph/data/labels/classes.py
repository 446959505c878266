"""One column of classes that exclude each other: words or integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from xgraph.data.labels.labels import Labels, one_hot
from xgraph.data.labels.names import is_flag, is_identifier, is_split
from xgraph.data.labels.rules import LabelRules
from xgraph.messages import listed, shown

_MOST = 50  # classes of a column that is not named


def choose_classes(
    free: Mapping[str, Sequence[str]], rules: LabelRules, requested: Sequence[str] | None, path: str | Path
) -> Labels:
    """Choose and read the column of classes; without a requested one, a single column must look like one."""
    left_out: dict[str, str] = {}
    if requested is None:
        column, left_out = _detected(free, rules, path)
    else:
        unknown = [name for name in requested if name not in free]
        if unknown or len(requested) != 1:
            raise ValueError(
                f"task multiclass: target_columns must be one column of {path}, got {listed(requested)}; its columns "
                f"are {listed(free)}"
            )
        column = requested[0]
    cells = free[column]
    class_of = _classes(cells, rules)
    if isinstance(class_of, str):
        raise ValueError(f"{path}: column {column!r} {class_of}")
    names = _ordered(class_of)
    if len(names) < 2:
        got = f"only {names[0]!r}" if names else "none"
        raise ValueError(f"{path}: column {column!r} must hold at least two classes, got {got}")
    codes = {name: i for i, name in enumerate(names)}
    numbers = np.array([codes[class_of[cell]] if cell in class_of else -1 for cell in cells], dtype=np.int64)
    notes = {column: f"{len(names)} classes that exclude each other"}
    return Labels(names, one_hot(numbers, len(names)), left_out, notes, column)


def _classes(cells: Sequence[str], rules: LabelRules) -> dict[str, str] | str:
    """Return the class of each different cell that is not missing, or why the cells are no classes."""
    known = [cell for cell in dict.fromkeys(cells) if not rules.is_missing(cell)]
    numbers = {cell: _number(cell) for cell in known}
    if known and all(value is not None for value in numbers.values()):
        broken = next((cell for cell, value in numbers.items() if value is not None and not value.is_integer()), None)
        if broken is not None:
            what = f"contains the number {shown(broken.strip())}, which --task regression predicts"
            return f"must hold classes, that is words or integers, but {what}"
        return {cell: str(int(value)) for cell, value in numbers.items() if value is not None}
    return {cell: cell.strip() for cell in known}


def _ordered(class_of: Mapping[str, str]) -> list[str]:
    """Return the names of the classes: numbers by value, words by the alphabet."""
    names = sorted(set(class_of.values()))
    return sorted(names, key=int) if all(_number(name) is not None for name in names) else names


def _number(text: str) -> float | None:
    """The finite number in a cell; None for text."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _detected(free: Mapping[str, Sequence[str]], rules: LabelRules, path: str | Path) -> tuple[str, dict[str, str]]:
    """Return the only column that looks like classes, and columns of two classes that were passed over for it."""
    sizes: dict[str, int] = {}
    for name, cells in free.items():
        if is_identifier(name) or is_split(name) or is_flag(name):
            continue
        class_of = _classes(cells, rules)
        if not isinstance(class_of, str):
            size = len(set(class_of.values()))
            if 2 <= size <= _MOST and 2 * size <= sum(cell in class_of for cell in cells):
                sizes[name] = size
    more = [name for name, size in sizes.items() if size > 2]
    fitting = more or list(sizes)
    if len(fitting) != 1:
        found = (
            f"several columns look like classes ({listed(fitting, 5)})" if fitting else "no column looks like classes"
        )
        raise ValueError(
            f"task multiclass: {found} in {path}; name the one with the classes in target_columns (--target-columns)"
        )
    return fitting[0], {name: "two classes; to train on them, name the column" for name in sizes if name not in fitting}
