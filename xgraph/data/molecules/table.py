"""Reading tables of molecules: a CSV file in; SMILES and 0/1 labels out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xgraph.data.molecules.molecule import parses
from xgraph.data.storage.columns import read_columns

SMILES_NAMES = ("smiles", "canonical_smiles", "isomeric_smiles", "smile", "smi", "mol", "molecule", "structure")
MISSING = frozenset({"", "nan", "na", "n/a", "none", "null", "<na>"})
TRUTH = {"true": 1.0, "false": 0.0}
ID_NAMES = frozenset({"", "id", "index", "idx", "row", "no", "num", "number", "fold"})
SAMPLE = 50  # cells looked at to find the SMILES column by its values


@dataclass(frozen=True)
class RowError:
    """One row of a table that cannot be used: its 0-based data row, what stood there, and why.

    Example:
        >>> RowError(3, "C1CC", "not valid SMILES").row
        3
    """

    row: int
    smiles: str
    message: str


@dataclass(frozen=True)
class Table:
    """SMILES with their 0/1 labels, as read from a file and not yet parsed as molecules.

    Args:
        smiles: The n SMILES strings, none of them blank.
        y: Labels 0 and 1, NaN where one is missing: float32 ``[n, T]``.
        task_names: The T label columns.
        rows: 0-based data row of each entry in the file (a blank line counts): int64 ``[n]``.
        errors: Rows left out already, because their SMILES cell is blank.
    """

    smiles: list[str]
    y: NDArray[np.float32]
    task_names: list[str]
    rows: NDArray[np.int64]
    errors: list[RowError] = field(default_factory=list)


def read_table(
    path: str | Path,
    *,
    smiles_column: str | None = None,
    target_columns: Sequence[str] | None = None,
    require_targets: bool = True,
) -> Table:
    r"""Read a CSV file (plain or gzipped, UTF-8 with or without BOM) of SMILES and 0/1 labels.

    Without `target_columns`, every column that holds nothing but 0/1 (or -1/+1, true/false) and
    missing cells is a task; text and number columns beside them are left alone.

    Args:
        path: The file.
        smiles_column: Column of SMILES; found by its name, else by its values.
        target_columns: Label columns, in this order.
        require_targets: Whether a file without a label column is an error.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is empty, is not text, has no SMILES column or no usable labels.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "two.csv"
        >>> _ = file.write_text("id,smiles,active\n7,CCO,1\n8,c1ccccc1,\n")
        >>> table = read_table(file)
        >>> table.smiles, table.task_names, table.y.tolist()
        (['CCO', 'c1ccccc1'], ['active'], [[1.0], [nan]])
    """
    columns = read_columns(path)
    column = find_smiles(columns, smiles_column, path)
    cells = columns[column]
    labels = _labels(columns, column, target_columns, require_targets, path)
    keep = [i for i, cell in enumerate(cells) if cell.strip()]
    errors = [RowError(i, "", "the SMILES cell is empty") for i, cell in enumerate(cells) if not cell.strip()]
    y = np.empty((len(keep), len(labels)), dtype=np.float32)
    for task, values in enumerate(labels.values()):
        y[:, task] = values[keep]
    rows = np.array(keep, dtype=np.int64)
    return Table([cells[i].strip() for i in keep], y, list(labels), rows, errors)


def read_smiles(path: str | Path, smiles_column: str | None = None) -> list[str]:
    """Read the SMILES column of a CSV file: one string per data row in order, "" for a blank one."""
    columns = read_columns(path)
    return [cell.strip() for cell in columns[find_smiles(columns, smiles_column, path)]]


def find_smiles(columns: dict[str, list[str]], requested: str | None, path: str | Path) -> str:
    """Name of the SMILES column: the requested one, else one so named, else one whose values parse."""
    existing = f"{path} has the columns {', '.join(map(repr, columns))}"
    if requested is not None:
        if requested not in columns:
            raise ValueError(f"there is no SMILES column {requested!r}: {existing}")
        return requested
    by_name = {name.lower().replace(" ", "_"): name for name in reversed(list(columns))}
    for name in SMILES_NAMES:
        if name in by_name:
            return by_name[name]
    share = {name: _share_parsed(cells) for name, cells in columns.items()}
    best = max(share, key=lambda name: share[name])
    if share[best] < 0.8:
        bags = "; of a table of bags, say bag_column (--bag-column)" if {"bag", "bag_id"} & set(by_name) else ""
        raise ValueError(f"no SMILES column found: {existing}; name it with smiles_column (--smiles-column){bags}")
    if parses(best):
        raise ValueError(f"{path} seems to have no header line: it begins with {best!r}")
    return best


def _share_parsed(cells: list[str]) -> float:
    sample = [cell for cell in cells if cell.strip()][:SAMPLE]
    return sum(map(parses, sample)) / len(sample) if sample else 0.0


def _labels(
    columns: dict[str, list[str]], smiles_column: str, requested: Sequence[str] | None, required: bool, path: str | Path
) -> dict[str, NDArray[np.float32]]:
    """Label columns as float32, those requested or all that are 0/1."""
    if requested is not None:
        unknown = [name for name in requested if name not in columns or name == smiles_column]
        if unknown or not requested:
            others = ", ".join(repr(name) for name in columns if name != smiles_column)
            raise ValueError(f"no label column {', '.join(map(repr, unknown))} in {path}; it has: {others}")
    labels: dict[str, NDArray[np.float32]] = {}
    refused: list[str] = []
    for name in columns if requested is None else requested:
        if name == smiles_column or (requested is None and name.lower() in ID_NAMES):
            continue
        values = binary_labels(columns[name])
        if isinstance(values, str):
            refused.append(f"column {name!r} {values}")
        elif requested is not None or not np.isnan(values).all():
            labels[name] = values
    if refused and (requested is not None or (required and not labels)):
        raise ValueError(f"{path}: labels must be 0 or 1 (empty where missing), but {'; '.join(refused[:5])}")
    if required and not labels:
        listed = ", ".join(map(repr, columns))
        raise ValueError(f"{path} has no column of labels (0, 1 or empty): it has {listed}")
    return labels


def binary_labels(cells: list[str]) -> NDArray[np.float32] | str:
    """Cells as 0, 1 and NaN; or, in words, why that is impossible."""
    number: dict[str, float] = {}
    for cell in dict.fromkeys(cells):
        text = cell.strip().lower()
        try:
            number[cell] = math.nan if text in MISSING else TRUTH[text] if text in TRUTH else float(text)
        except ValueError:
            return f"holds the text {cell[:40]!r} (data row {cells.index(cell)})"
    values = {value for value in number.values() if not math.isnan(value)}
    if values <= {-1.0, 1.0} and -1.0 in values:
        number = {cell: 0.0 if value == -1.0 else value for cell, value in number.items()}
    elif not values <= {0.0, 1.0}:
        other = next(cell for cell in cells if not math.isnan(number[cell]) and number[cell] not in (0.0, 1.0))
        return f"holds the number {other.strip()} (regression is out of scope for now)"
    return np.array([number[cell] for cell in cells], dtype=np.float32)
