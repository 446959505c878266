"""The split of a user's table of bags, whose rows are instances."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from xgraph.data.bags.columns import read_frame
from xgraph.data.bags.dataset import BagDataset
from xgraph.data.bags.roles import listing
from xgraph.data.bags.splits import bag_split
from xgraph.data.splits.classes import bag_classes
from xgraph.data.splits.own import OwnSplit, parts_present, warn_of_rows_in_no_part
from xgraph.data.splits.words import NOWHERE, PARTS
from xgraph.data.tables.frame import FrameTable, TablePath
from xgraph.data.tables.joined import Files, common_columns

SHARES = (0.6, 0.2, 0.2)


def read_frames(
    path: Path | FrameTable,
    bag_column: str | None,
    texts: Sequence[str],
    further: Sequence[str | Path],
    needed: Sequence[str] = (),
    *,
    separator: str | None = None,
    encoding: str | None = None,
) -> tuple[pd.DataFrame, Files | None]:
    """Read one or several files as one table."""
    paths = [path, *map(Path, further)]
    frames = [read_frame(one, bag_column, texts, separator=separator, encoding=encoding) for one in paths]
    if not further:
        return frames[0], None
    columns = common_columns([list(frame.columns) for frame in frames], paths, [bag_column, *texts, *needed])
    return pd.concat([frame[columns] for frame in frames], ignore_index=True), Files.of(paths, [*map(len, frames)])


def take_split_cells(frame: pd.DataFrame, column: str | None, path: TablePath) -> tuple[pd.DataFrame, list[str] | None]:
    """Take the column that defines the split out of a table."""
    if column is None:
        return frame, None
    if column not in frame.columns:
        raise ValueError(f"split_column {column!r} does not exist in {path}: {listing(list(frame.columns))}")
    cells = ["" if cell != cell or cell is None else str(cell) for cell in frame[column]]
    return frame.drop(columns=column), cells


def split_bags(
    data: BagDataset, bag_cells: Sequence[object], splitting: OwnSplit, split_cells: Sequence[str] | None
) -> dict[str, torch.Tensor]:
    """Return the bags of each part that has any.

    Args:
        data: The bags.
        bag_cells: The bag of each row of the table, as in the table.
        splitting: How to split.
        split_cells: The cell of each row in the column that defines the split.
    """
    y = data.y.numpy()
    classes = bag_classes(y)
    sizes = data.files.sizes if data.files else [len(bag_cells)]
    given = splitting.of_rows(sizes, split_cells)
    if given is not None:
        part = splitting.with_valid(_of_bags(data, bag_cells, given), classes)
        warn_of_rows_in_no_part(int((part == NOWHERE).sum()), "bags")
    elif splitting.folds is None and splitting.fold is None:
        parts = bag_split(y, seed=splitting.seed if splitting.split == "random" else 0)
        return {name: torch.from_numpy(bags) for name, bags in parts.items()}
    else:
        part = splitting.draw(classes, SHARES)
    return {name: torch.from_numpy(bags) for name, bags in parts_present(part).items()}


def _of_bags(data: BagDataset, bag_cells: Sequence[object], of_row: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the part of each bag, which is that of its rows."""
    place = {name: i for i, name in enumerate(data.bag_names)}
    part = np.full(len(data), NOWHERE, dtype=np.int64)
    first = np.zeros(len(data), dtype=np.int64)
    for row in np.flatnonzero(of_row != NOWHERE).tolist():
        bag = place.get(str(bag_cells[row]).strip())
        if bag is None:  # a blank line, or a bag that cannot be read
            continue
        if part[bag] == NOWHERE:
            part[bag], first[bag] = of_row[row], row
        elif part[bag] != of_row[row]:
            raise ValueError(
                f"bag {data.bag_names[bag]!r} is in two parts: {PARTS[part[bag]]} ({_where(data, int(first[bag]))}) "
                f"and {PARTS[of_row[row]]} ({_where(data, row)}); all rows of a bag must be in one part"
            )
    return part


def _where(data: BagDataset, row: int) -> str:
    if data.files is None:
        return f"data row {row}"
    file, number = data.files.place(row)
    return f"data row {number} of {file}"
