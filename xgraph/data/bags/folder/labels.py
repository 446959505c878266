"""The table of labels of a folder of bags: one row per bag."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xgraph.data.bags.folder.files import bag_files, labels_table
from xgraph.data.bags.folder.given import given_parts, with_column
from xgraph.data.bags.folder.names import bag_column_of, find_free
from xgraph.data.bags.folder.problems import Problems
from xgraph.data.bags.roles import TARGET_NAMES, demand
from xgraph.data.labels.cells import read_column
from xgraph.data.labels.choose import choose_labels
from xgraph.data.labels.detect import detect
from xgraph.data.labels.labels import Labels
from xgraph.data.labels.rules import LabelRules
from xgraph.data.labels.weights import checked_weights
from xgraph.data.splits.own import OwnSplit
from xgraph.data.tables.joined import join_columns
from xgraph.data.tables.read import read_columns

CASES = ("case", "case_id", "patient", "patient_id", "subject", "subject_id")
_USUAL, _OWN = LabelRules(), OwnSplit()


class BagLabels(NamedTuple):
    """Labels of bags.

    Args:
        row: The row of each bag in the table.
        y: Their labels. Shape ``[n, T]``.
        labels: The labels of the rows.
        cases: The case of each bag; that of a bag without one is the bag itself. None if the table has no cases.
        part: The part of each bag, if the table or a file defines it.
        splitting: How to split the bags, with what the table has to do with it.
        weight: Weights of the bags in the loss; None without a column of weights. Shape ``[n]``.
    """

    row: dict[str, int]
    y: NDArray[np.float32]
    labels: Labels
    cases: list[str] | None
    part: NDArray[np.int64] | None
    splitting: OwnSplit
    weight: NDArray[np.float32] | None


def read_bag_labels(
    path: Path,
    files: Collection[str],
    problems: Problems,
    *,
    bag_column: str | None = None,
    target_columns: Sequence[str] | None = None,
    case_column: str | None = None,
    rules: LabelRules = _USUAL,
    separator: str | None = None,
    encoding: str | None = None,
    splitting: OwnSplit = _OWN,
) -> BagLabels:
    """Read the labels of the bags that have a file.

    Args:
        path: The table.
        files: Names of the bags that have a file.
        problems: Counts rows that are not used.
        bag_column: Column that names the bags; by default one that is called so and names files.
        target_columns: Columns with labels; by default the one that is called so, else all that hold nothing else.
        case_column: Column that says which bags belong together; by default one that is called so.
        rules: Which cells mean active, inactive and missing.
        separator: What separates the cells of a text file; by default it is recognised.
        encoding: Encoding of a text file; by default UTF-8, or UTF-16 if the file has a byte-order mark.
        splitting: How to split the bags. Further files are tables of labels, too.
    """
    paths = [path, *splitting.files.values()]
    tables = [read_columns(one, separator=separator, encoding=encoding) for one in paths]
    columns = join_columns(tables, paths)
    named, matched = bag_column_of(columns, files, bag_column, path)
    case, splitting, labels = _chosen(columns, named, target_columns, case_column, rules, splitting, path)
    first, y = _of_bags(matched, columns[named], labels, path, problems)
    rows = list(first.values())
    texts = None if case is None else [columns[case][row].strip() for row in rows]
    cases = None if texts is None else [text or f"no case: {bag}" for text, bag in zip(texts, first, strict=True)]
    sizes = [len(table[named]) for table in tables]
    part = given_parts(splitting, sizes, columns, matched, list(first), problems)
    weight = checked_weights(None if labels.weight is None else labels.weight[rows], rows, path)
    return BagLabels(first, y[rows], labels, cases, part, splitting, weight)


def task_of_folder(
    folder: Path,
    labels: str | Path | None = None,
    *,
    bag_column: str | None = None,
    target_columns: Sequence[str] | None = None,
    case_column: str | None = None,
    split_column: str | None = None,
    rules: LabelRules = _USUAL,
    separator: str | None = None,
    encoding: str | None = None,
) -> str:
    """Return what the labels of a folder of bags are, without reading the bags."""
    path = labels_table(folder) if labels is None else Path(labels).expanduser()
    if path is None:
        raise FileNotFoundError(f"{folder} has no table of labels")
    columns = read_columns(path, separator=separator, encoding=encoding)
    named, _ = bag_column_of(columns, {file.name for file in bag_files(folder)}, bag_column, path)
    splitting = OwnSplit(split_column=split_column)
    return _chosen(columns, named, target_columns, case_column, rules, splitting, path)[2].task


def _chosen(
    columns: Mapping[str, Sequence[str]],
    named: str,
    target_columns: Sequence[str] | None,
    case_column: str | None,
    rules: LabelRules,
    splitting: OwnSplit,
    path: Path,
) -> tuple[str | None, OwnSplit, Labels]:
    """Return the column of cases, how to split, and the labels of the rows."""
    taken = [named]
    case = demand(list(columns), [case_column], "case")[0] if case_column else find_free(columns, CASES, taken)
    taken += [] if case is None else [case]
    splitting = with_column(splitting, columns, taken)
    taken += [] if splitting.split_column is None else [splitting.split_column]
    target = find_free(columns, TARGET_NAMES, taken)
    requested = [target] if target_columns is None and target else target_columns
    labels = choose_labels(columns, rules, requested=requested, reserved=taken, path=path)
    if target_columns is None and target:
        labels.left_out.update(_others(columns, [*taken, target], rules, path))
    return case, splitting, labels


def _of_bags(
    matched: Sequence[str | None],
    cells: Sequence[str],
    labels: Labels,
    path: Path,
    problems: Problems,
) -> tuple[dict[str, int], NDArray[np.float32]]:
    """Return the first row of each bag, and the labels of rows after those of a bag have been combined in its first."""
    first: dict[str, int] = {}
    differ: dict[str, int] = {}
    y, given = labels.y.copy(), labels.y
    for row, bag in enumerate(matched):
        if bag is None:
            if cells[row].strip():
                text = f"{cells[row].strip()!r} (data row {row} of {path.name})"
                problems.lose("bags that have labels but no file", row, cells[row].strip(), "it has no file", text)
            elif not np.isnan(given[row]).all():
                problems.add("labels of no bag", f"data row {row} of {path.name}")
            continue
        before = first.setdefault(bag, row)
        if before == row:
            continue
        problems.add("rows that repeat a bag", f"{bag!r} in data rows {before} and {row} of {path.name}")
        if ((y[before] != given[row]) & ~np.isnan(y[before]) & ~np.isnan(given[row])).any():
            differ.setdefault(bag, row)
        y[before] = np.where(np.isnan(y[before]), given[row], y[before])
    for bag, row in differ.items():
        text = f"its labels differ in data rows {first[bag]} and {row} of {path.name}"
        problems.lose("bags left out because their labels differ", first.pop(bag), bag, text, f"{bag!r}: {text}")
    return first, y


def _others(
    columns: Mapping[str, Sequence[str]], taken: Sequence[str], rules: LabelRules, path: Path
) -> dict[str, str]:
    """Return columns that hold labels too, and why they are not used."""
    free = {name: cells for name, cells in columns.items() if name not in taken}
    plain = LabelRules(rules.missing)
    found, _ = detect({name: read_column(cells, plain) for name, cells in free.items()}, free, plain, path)
    return dict.fromkeys(found, f"{taken[-1]!r} is called a label; --target-columns takes others")
