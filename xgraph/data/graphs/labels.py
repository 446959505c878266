"""Labels of nodes: 0 and 1 for each task, or classes that exclude each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from xgraph.data.labels.cells import NEGATIVE, POSITIVE
from xgraph.data.labels.rules import MISSING
from xgraph.messages import listed, shown

Kind = Literal["binary", "multiclass"]
MOST_CLASSES = 1000


class NodeLabels(NamedTuple):
    """Labels in the type of a `NodeDataset`.

    Args:
        y: Labels, float32 ``[N, T]`` with NaN for missing, or classes, int64 ``[N]`` with -1.
        task: What they are.
        names: Names of the tasks or classes.
    """

    y: Tensor
    task: Literal["binary", "multilabel", "multiclass"]
    names: list[str]


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
    holds classes; otherwise labels are 0 and 1 (or yes and no, true and false), with a task for each column.

    Raises:
        ValueError: If there are no labels, a column holds other numbers, or the labels do not fit `task`.
    """
    read = {name: _column(cells) for name, cells in columns.items()}
    for name, column in read.items():
        if not column.known:
            raise ValueError(f"{where}: column {name!r} has no labels: all {len(column.codes)} nodes are without one")
    if _kind(read, task, where) == "multiclass":
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
    if len(read) > 1 or task == "binary":
        for name, cells in odd.items():
            if cells:
                why = "several label columns" if len(read) > 1 else "task 'binary'"
                raise ValueError(
                    f"{where}: labels must be 0, 1 or empty with {why}, but column {name!r} has {shown(cells[0])}"
                )
        if task == "multiclass":
            raise ValueError(f"task = 'multiclass': expected one label column with classes, got {listed(read)}")
        return "binary"
    ((name, column),) = read.items()
    numbers = [cell for cell in column.known if _number(cell) is not None]
    broken = next((cell for cell in numbers if not float(cell).is_integer()), None)
    if broken is not None and len(numbers) == len(column.known):
        raise ValueError(
            f"{where}: labels must be classes, or 0, 1 and empty (missing), but column {name!r} has {shown(broken)} "
            "(regression is not supported)"
        )
    if (task == "multiclass" or odd[name]) and len(column.known) > MOST_CLASSES:
        raise ValueError(
            f"{where}: column {name!r} has {len(column.known)} different labels, too many for classes (at most "
            f"{MOST_CLASSES}); name the label column with target_columns (--target-columns)"
        )
    return "multiclass" if task == "multiclass" or odd[name] else "binary"


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
