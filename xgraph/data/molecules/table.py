"""Reading of molecule tables: SMILES with labels or numbers to predict."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xgraph.data.labels.choose import choose_labels
from xgraph.data.labels.groups import Groups
from xgraph.data.labels.rules import LabelRules
from xgraph.data.labels.weights import checked_weights
from xgraph.data.molecules.smiles_column import find_smiles
from xgraph.data.splits.words import read_marks
from xgraph.data.tables.columns import Columns
from xgraph.data.tables.frame import FrameTable, TablePath
from xgraph.data.tables.joined import Files, join_columns
from xgraph.data.tables.read import read_columns

_USUAL = LabelRules()


@dataclass(frozen=True)
class RowError:
    """A row of a table that cannot be used.

    Args:
        row: Number of the data row, counted from 0.
        smiles: Content of its SMILES cell.
        message: Why it cannot be used.

    Example:
        >>> RowError(3, "C1CC", "RDKit cannot parse it: invalid SMILES").row
        3
    """

    row: int
    smiles: str
    message: str


@dataclass(frozen=True)
class Table:
    """SMILES and labels as read from a file, not yet parsed as molecules.

    Args:
        smiles: The n SMILES strings, none of them blank.
        y: Labels 0 and 1, or numbers, with NaN for missing, float32. Shape ``[n, T]``.
        task_names: Names of the T label columns.
        rows: Data row of each entry in the file, counted from 0 and including blank lines, int64. Shape ``[n]``.
        errors: Rows that were skipped because their SMILES cell is blank.
        left_out: Columns that look like labels but are no tasks, and why.
        notes: How label columns were read, where this is not obvious.
        smiles_column: Column from which the SMILES were read, if they come from one.
        task: With multiclass, the columns of `y` are classes that exclude each other, and `task_names` their names;
            with regression, they are numbers to predict.
        split_cells: The cells of the column that defines the split, of all data rows.
        files: The files, if there are several.
        weight: Weights of the molecules in the loss, float32, if there are any. Shape ``[n]``.
        groups: Groups of the molecules for which error rates are compared, if there are any.
    """

    smiles: list[str]
    y: NDArray[np.float32]
    task_names: list[str]
    rows: NDArray[np.int64]
    errors: list[RowError] = field(default_factory=list)
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    smiles_column: str | None = None
    task: Literal["binary", "multiclass", "regression"] = "binary"
    split_cells: list[str] | None = None
    files: Files | None = None
    weight: NDArray[np.float32] | None = None
    groups: Groups | None = None


def read_table(
    path: TablePath,
    *,
    smiles_column: str | None = None,
    target_columns: Sequence[str] | None = None,
    require_targets: bool = True,
    rules: LabelRules = _USUAL,
    split_column: str | None = None,
    further: Sequence[str | Path] = (),
    separator: str | None = None,
    encoding: str | None = None,
) -> Table:
    r"""Read a table with SMILES and labels.

    CSV, TSV, SMI and SDF files are read, plain or compressed (``.gz``, ``.zst``), Parquet files and Excel workbooks.

    By default every column that contains only labels (0/1, -1/+1, or words such as active/inactive and yes/no) and
    missing cells is a task. Columns called like a row number or a split are not, nor are properties such as ``is_salt``
    beside others; the table's `left_out` says which columns look like labels but are not used. If there is no such task
    and one column holds numbers, they are what is to be predicted (regression), unless labels are not required.

    Args:
        path: Path of the file, or a data frame.
        smiles_column: Column with SMILES; by default it is detected by name or by its values.
        target_columns: Columns with labels, in this order.
        require_targets: Whether a file without a label column is an error.
        rules: Which cells mean active, inactive and missing, if not the usual ones.
        split_column: Column that defines the split; it is never a label.
        further: Files with the same columns, whose rows follow.
        separator: What separates the cells of a text file: a character, or comma, tab, semicolon or space; by default
            it is recognised.
        encoding: Encoding of a text file; by default UTF-8, or UTF-16 if the file has a byte-order mark.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If the file is empty or not in a format that is read, has no SMILES column or no usable labels, or
            has labels -1 beside 0, so that `rules` must say whether -1 means missing or inactive.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "two.csv"
        >>> _ = file.write_text("id,smiles,active\n7,CCO,1\n8,c1ccccc1,\n")
        >>> table = read_table(file)
        >>> table.smiles, table.task_names, table.y.tolist()
        (['CCO', 'c1ccccc1'], ['active'], [[1.0], [nan]])
    """
    needed = [smiles_column, split_column, *(target_columns or [])]
    columns, files = _read_files(path, further, needed, separator, encoding)
    split_cells = None if split_column is None else _taken(columns, split_column, path)
    column = find_smiles(columns, smiles_column, path)
    cells, wrong = columns[column], dict(columns.errors)
    wrong |= {i: "the SMILES cell is empty" for i, cell in enumerate(cells) if not cell.strip() and i not in wrong}
    labels = choose_labels(
        columns, rules, requested=target_columns, reserved={column}, required=require_targets, path=str(path)
    )
    keep = [i for i in range(len(cells)) if i not in wrong]
    errors = [RowError(i, "", wrong[i]) for i in sorted(wrong)]
    rows = np.array(keep, dtype=np.int64)
    smiles = [cells[i].strip() for i in keep]
    return Table(
        smiles,
        labels.y[keep],
        labels.names,
        rows,
        errors,
        labels.left_out,
        labels.notes,
        column,
        labels.task,
        split_cells,
        files,
        checked_weights(None if labels.weight is None else labels.weight[keep], keep, path),
        None if labels.groups is None else labels.groups.take(rows),
    )


def _read_files(
    path: TablePath,
    further: Sequence[str | Path],
    needed: Sequence[str | None],
    separator: str | None,
    encoding: str | None,
) -> tuple[Columns, Files | None]:
    """Return the columns of one or several files, and the files if there are several."""
    if not further:
        return _read(path, separator, encoding), None
    paths = [path if isinstance(path, FrameTable) else Path(path), *map(Path, further)]
    tables = [_read(one, separator, encoding) for one in paths]
    sizes = [len(next(iter(table.values()))) for table in tables]
    return join_columns(tables, paths, needed), Files.of(paths, sizes)


def _taken(columns: dict[str, list[str]], column: str, path: TablePath) -> list[str]:
    """Take the column that defines the split out of the table."""
    if column not in columns:
        raise ValueError(
            f"split_column {column!r} does not exist: the columns of {path} are {', '.join(map(repr, columns))}"
        )
    read_marks(columns[column], column)  # a wrong column is refused before what follows from it
    return columns.pop(column)


def read_smiles(path: str | Path, smiles_column: str | None = None) -> list[str]:
    """Read the SMILES column of a CSV file: one string per data row, "" for a blank cell."""
    columns = _read(path)
    cells = [cell.strip() for cell in columns[find_smiles(columns, smiles_column, path)]]
    if columns.errors:
        row, message = min(columns.errors.items())
        warnings.warn(f"{path}: left out {len(columns.errors)} row(s), the first is row {row}: {message}", stacklevel=2)
    return cells


def _read(path: TablePath, separator: str | None = None, encoding: str | None = None) -> Columns:
    """Read a table; the cells of rows with errors are blank, since a cell may stand in the wrong column."""
    columns = read_columns(path, separator=separator, encoding=encoding, keep_errors=True)
    wrong, rows = columns.errors, len(next(iter(columns.values())))
    if 2 * len(wrong) > rows:
        raise ValueError(f"{path}: {len(wrong)} of {rows} rows cannot be read; the first: {min(wrong.items())[1]}")
    for row in wrong:
        for cells in columns.values():
            cells[row] = ""
    return columns
