"""The table of labels of a folder of bags: one row per bag."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xgraph.data.bags.folder.files import ENDINGS
from xgraph.data.bags.folder.problems import Problems
from xgraph.data.bags.roles import BAG_NAMES, TARGET_NAMES, demand, find_column, listing
from xgraph.data.labels.cells import read_column
from xgraph.data.labels.choose import choose_labels
from xgraph.data.labels.detect import detect
from xgraph.data.labels.labels import Labels
from xgraph.data.labels.rules import LabelRules
from xgraph.data.tables.read import read_columns

BAGS = (*BAG_NAMES, "slide_id", "slide", "slide_name", "image_id", "image", "wsi", "file", "filename", "name", "id")
CASES = ("case", "case_id", "patient", "patient_id", "subject", "subject_id")
_USUAL = LabelRules()
_SLIDES = (".svs", ".tif", ".tiff", ".ndpi", ".mrxs", ".scn", ".vms", ".vmu", ".bif", ".czi", ".dcm", ".isyntax")


class BagLabels(NamedTuple):
    """Labels of bags.

    Args:
        row: The row of each bag in the table.
        y: Their labels. Shape ``[n, T]``.
        labels: The labels of the rows.
        cases: The case of each bag; that of a bag without one is the bag itself. None if the table has no cases.
    """

    row: dict[str, int]
    y: NDArray[np.float32]
    labels: Labels
    cases: list[str] | None


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
    """
    columns = read_columns(path, separator=separator, encoding=encoding)
    named, matched = _bag_column(columns, files, bag_column, path)
    taken = [named]
    case = demand(list(columns), [case_column], "case")[0] if case_column else _find(columns, CASES, taken)
    taken += [] if case is None else [case]
    target = _find(columns, TARGET_NAMES, taken)
    requested = [target] if target_columns is None and target else target_columns
    labels = choose_labels(columns, rules, requested=requested, reserved=taken, path=path)
    if target_columns is None and target:
        labels.left_out.update(_others(columns, [*taken, target], rules, path))
    return _of_bags(matched, columns[named], labels, columns[case] if case else None, path, problems)


def _of_bags(
    matched: Sequence[str | None],
    cells: Sequence[str],
    labels: Labels,
    cases: Sequence[str] | None,
    path: Path,
    problems: Problems,
) -> BagLabels:
    """Combine the rows of each bag."""
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
    rows = list(first.values())
    own = None if cases is None else [f"case {cases[row]}" if cases[row].strip() else f"bag {row}" for row in rows]
    return BagLabels(first, y[rows], labels, own)


def _bag_column(
    columns: Mapping[str, Sequence[str]], files: Collection[str], requested: str | None, path: Path
) -> tuple[str, list[str | None]]:
    """Return the column that names the bags, and the bag of each row that has a file."""
    by_name = {name.lower().replace(" ", "_"): name for name in reversed(list(columns))}
    candidates = [by_name[name] for name in BAGS if name in by_name]
    candidates = demand(list(columns), [requested], "bag") if requested else candidates
    for name in candidates:
        matched = [_matching(cell.strip(), files) for cell in columns[name]]
        if any(matched):
            return name, matched
    if not candidates:
        raise ValueError(
            f"{path} has no column that names the bags, such as 'bag' or 'slide_id': {listing(list(columns))}; set "
            "bag_column (--bag-column)"
        )
    cell = next((cell for cell in columns[candidates[0]] if cell.strip()), "")
    raise ValueError(
        f"no bag of {path} has a file: its column {candidates[0]!r} has {cell.strip()!r}, and the files are named "
        f"{', '.join(map(repr, sorted(files)[:3]))}; they must agree, without the ending"
    )


def _matching(cell: str, files: Collection[str]) -> str | None:
    """Return the bag that a cell names, with or without folder and ending."""
    if cell in files:
        return cell
    name = cell.replace("\\", "/").rsplit("/", 1)[-1]
    endings = [ending for ending in (*ENDINGS, *_SLIDES) if name.lower().endswith(ending)]
    return next((short for short in (name, *(name[: -len(ending)] for ending in endings)) if short in files), None)


def _find(columns: Mapping[str, Sequence[str]], names: tuple[str, ...], taken: Sequence[str]) -> str | None:
    return find_column([column for column in columns if column not in taken], names)


def _others(
    columns: Mapping[str, Sequence[str]], taken: Sequence[str], rules: LabelRules, path: Path
) -> dict[str, str]:
    """Return columns that hold labels too, and why they are not used."""
    free = {name: cells for name, cells in columns.items() if name not in taken}
    plain = LabelRules(rules.missing)
    found, _ = detect({name: read_column(cells, plain) for name, cells in free.items()}, free, plain, path)
    return dict.fromkeys(found, f"{taken[-1]!r} is called a label; --target-columns takes others")
