"""Labels of nodes: 0 and 1 for each task, classes that exclude each other, or numbers to predict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from xgraph.data.labels.cells import NEGATIVE, POSITIVE
from xgraph.data.labels.numbers import read_numbers
from xgraph.data.labels.rules import MISSING, LabelRules
from xgraph.data.labels.tensors import MINUS_ONE
from xgraph.messages import listed, shown

Kind = Literal["binary", "multiclass", "regression"]
MOST_CLASSES = 1000


class NodeLabels(NamedTuple):
    """Labels in the type of a `NodeDataset`.

    Args:
        y: Labels or numbers, float32 ``[N, T]`` with NaN for missing, or classes, int64 ``[N]`` with -1.
        task: What they are.
        names: Names of the tasks or classes.
        notes: What the user should know of columns of numbers.
    """

    y: Tensor
    task: Literal["binary", "multilabel", "multiclass", "regression"]
    names: list[str]
    notes: Mapping[str, str] = {}


class _Column(NamedTuple):
    codes: Any  # position of each node's cell among the distinct ones
    cells: list[str]  # distinct cells
    known: list[str]  # without those that mean a missing label


def kind_of(columns: Mapping[str, Any], where: object) -> Kind | None:
    """Return what the labels of columns are; None if there are none."""
    if not columns:
        return None
    return _kind({name: _column(cells) for name, cells in columns.items()}, None, where)


def read_labels(columns: Mapping[str, Any], task: Kind | None, where: object) -> NodeLabels:
    """Read label columns, Arrow arrays of text.

    Cells that are empty, NaN or -1 are missing labels. One column with words, or with other whole numbers than 0 and 1,
    holds classes. Columns with decimals such as 0.5 hold numbers to predict, among which -1 is one, too. Otherwise
    labels are 0 and 1 (or yes and no, true and false), with a task for each column.

    Raises:
        ValueError: If there are no labels, a number is not finite, or the labels do not fit `task`.
    """
    read = {name: _column(cells) for name, cells in columns.items()}
    for name, column in read.items():
        if not column.known:
            raise ValueError(f"{where}: column {name!r} has no labels: all {len(column.codes)} nodes are without one")
    kind = _kind(read, task, where)
    if kind == "regression":
        return _numbers(columns, where)
    if kind == "multiclass":
        ((name, column),) = read.items()
        named = _named(column.known)
        names = list(dict.fromkeys(named.values()))
        if len(names) < 2:
            raise ValueError(f"{where}: column {name!r} has the single class {shown(names[0])}; expected two or more")
        index = {text: i for i, text in enumerate(names)}
        table = np.array([index[named[cell]] if cell in named else -1 for cell in column.cells], dtype=np.int64)
        return NodeLabels(torch.from_numpy(table[column.codes]), "multiclass", names)
    parts = []
    for column in read.values():
        known = set(column.known)
        table = np.array([_binary(cell) if cell in known else np.nan for cell in column.cells], dtype=np.float32)
        parts.append(table[column.codes])
    y = torch.from_numpy(np.stack(parts, axis=1))
    return NodeLabels(y, "binary" if len(read) == 1 else "multilabel", list(read))


def _numbers(columns: Mapping[str, Any], where: object) -> NodeLabels:
    rules = LabelRules()
    read = {name: read_numbers(cells.to_pylist(), rules) for name, cells in columns.items()}
    refused = next((f"{name!r} {column.why_not}" for name, column in read.items() if column.values is None), None)
    if refused is not None:
        raise ValueError(f"{where}: regression needs numbers or empty (missing) cells, but column {refused}")
    y = np.stack([column.numbers for column in read.values()], axis=1)
    notes = {name: column.note + MINUS_ONE * bool((column.numbers == -1).any()) for name, column in read.items()}
    return NodeLabels(torch.from_numpy(y), "regression", list(read), notes)


def _column(cells: Any) -> _Column:
    import pyarrow.compute as pc

    cells = cells.combine_chunks() if hasattr(cells, "combine_chunks") else cells
    encoded = pc.dictionary_encode(cells)
    distinct = encoded.dictionary.to_pylist()
    return _Column(
        encoded.indices.to_numpy(zero_copy_only=False), distinct, [cell for cell in distinct if not _is_missing(cell)]
    )


def _kind(read: Mapping[str, _Column], task: Kind | None, where: object) -> Kind:
    odd = {name: [cell for cell in column.known if _binary(cell) is None] for name, column in read.items()}
    if task == "regression" or (task is None and _are_numbers(read, odd, where)):
        return "regression"
    if len(read) > 1 or task == "binary":
        for name, cells in odd.items():
            if cells:
                why = "several label columns" if len(read) > 1 else "task 'binary'"
                raise ValueError(
                    f"{where}: labels must be 0, 1 or empty with {why}, but column {name!r} has {shown(cells[0])}; if "
                    "these are numbers to predict, give task 'regression' (--task regression)"
                )
        if task == "multiclass":
            raise ValueError(f"task = 'multiclass': expected one label column with classes, got {listed(read)}")
        return "binary"
    ((name, column),) = read.items()
    broken = next((cell for cell in column.known if _is_decimal(cell)), None)
    if broken is not None and _mostly_numbers(column):
        raise ValueError(
            f"{where}: classes must be words or whole numbers, but column {name!r} has {shown(broken)}; task "
            "'regression' (--task regression) predicts numbers"
        )
    if (task == "multiclass" or odd[name]) and len(column.known) > MOST_CLASSES:
        raise ValueError(
            f"{where}: column {name!r} has {len(column.known)} different labels, too many for classes (at most "
            f"{MOST_CLASSES}); if these are numbers to predict, give task 'regression' (--task regression), else name "
            "the label column with target_columns (--target-columns)"
        )
    return "multiclass" if task == "multiclass" or odd[name] else "binary"


def _are_numbers(read: Mapping[str, _Column], odd: Mapping[str, list[str]], where: object) -> bool:
    """Whether columns hold numbers to predict, at least one of them with decimals."""
    numbers = [name for name, column in read.items() if any(map(_is_decimal, column.known)) and _mostly_numbers(column)]
    labels = [name for name in read if not odd[name]]
    if numbers and labels:
        raise ValueError(
            f"{where}: column {numbers[0]!r} holds numbers, but column {labels[0]!r} labels 0 and 1: train on them "
            "separately (--target-columns), or on all of them as numbers with task 'regression' (--task regression)"
        )
    return bool(numbers)


def _is_decimal(cell: str) -> bool:
    """Whether a cell is a number such as 0.5."""
    value = _number(cell)
    return value is not None and not value.is_integer()


def _mostly_numbers(column: _Column) -> bool:
    """Whether most different cells are numbers, so that others are mistakes."""
    return 2 * sum(_number(cell) is not None for cell in column.known) > len(column.known)


def _is_missing(cell: str) -> bool:
    return cell.lower() in MISSING or _number(cell) == -1


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _binary(cell: str) -> float | None:
    low = cell.lower()
    if low in POSITIVE or low in NEGATIVE:
        return float(low in POSITIVE)
    value = _number(cell)
    return value if value in (0.0, 1.0) else None


def _named(cells: list[str]) -> dict[str, str]:
    """Return the class that each cell names, in order: whole numbers by size (1.0 is 1), else text."""
    numbers = {cell: value for cell in cells if (value := _number(cell)) is not None}
    if len(numbers) < len(cells):
        return {cell: cell for cell in sorted(cells)}
    return {cell: str(int(numbers[cell])) for cell in sorted(cells, key=lambda cell: numbers[cell])}
