"""Parts of a folder of bags that its table of labels or a file defines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xgraph.data.bags.folder.names import bag_named, find_free
from xgraph.data.bags.folder.problems import Problems
from xgraph.data.bags.roles import demand
from xgraph.data.splits.own import OwnSplit
from xgraph.data.splits.words import NOWHERE, PARTS, part_of_word
from xgraph.data.tables.read import read_columns


def with_column(splitting: OwnSplit, columns: Mapping[str, Sequence[str]], taken: Sequence[str]) -> OwnSplit:
    """Return a split by the column that is called so, if nothing else is asked for; else by the usual way."""
    if splitting.split_column is not None:
        demand(list(columns), [splitting.split_column], "split")
    if splitting.split is not None or splitting.is_given:
        return splitting
    column = None if splitting.folds is not None else find_free(columns, ("split",), taken)
    return replace(splitting, split="stratified") if column is None else replace(splitting, split_column=column)


def given_parts(
    splitting: OwnSplit,
    sizes: Sequence[int],
    columns: Mapping[str, Sequence[str]],
    matched: Sequence[str | None],
    bags: Sequence[str],
    problems: Problems,
) -> NDArray[np.int64] | None:
    """Return the part of each bag, if a column or files define it."""
    if splitting.split_file is not None:
        path = Path(splitting.split_file).expanduser()
        known = set(filter(None, matched))
        listed = _named_parts(path, lambda cell: bag_named(cell, known), problems)
        if listed is not None:
            return np.array([listed.get(bag, NOWHERE) for bag in bags], dtype=np.int64)
    cells = None if splitting.split_column is None else columns[splitting.split_column]
    of_row = splitting.of_rows(sizes, cells)
    if of_row is None:
        return None
    part = dict.fromkeys(bags, NOWHERE)
    for bag, number in zip(matched, of_row.tolist(), strict=True):
        if bag in part and number != NOWHERE:
            if part[bag] not in (NOWHERE, number):
                raise ValueError(f"bag {bag!r} is in two parts, {PARTS[part[bag]]} and {PARTS[number]}")
            part[bag] = number
    return np.array(list(part.values()), dtype=np.int64)


def _named_parts(path: Path, find: Callable[[str], str | None], problems: Problems) -> dict[str, int] | None:
    """Return the part of each bag that a CSV file lists by name, as CLAM's splits_0.csv; None if it lists no names.

    Args:
        path: The file, with the columns train, valid (or val) and test.
        find: Returns the bag with a file that a cell names, or None.
        problems: Counts names without a file.
    """
    if path.suffix.lower() in (".npz", ".npy") or not path.is_file():
        return None
    listed = {name: cells for column, cells in read_columns(path).items() if (name := part_of_word(column))}
    cells = [cell.strip() for column in listed.values() for cell in column if cell.strip()]
    if not any(find(cell) for cell in cells):
        return None
    part: dict[str, int] = {}
    for name, column in listed.items():
        for cell in filter(None, map(str.strip, column)):
            bag = find(cell)
            if bag is None:
                problems.add(f"bags that {path.name} lists but have no file", repr(cell))
            elif part.setdefault(bag, PARTS.index(name)) != PARTS.index(name):
                raise ValueError(
                    f"split_file: bag {bag!r} is in both parts {PARTS[part[bag]]!r} and {name!r} of {path}"
                )
    return part
