"""New bags from a table with one row per instance."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from xgraph.data.tables.frame import FrameTable
from xgraph.messages import listed, shown
from xgraph.options import OptionError
from xgraph.training.files.checkpoint import HEADER, instance_shape
from xgraph.training.prediction.members import Members, Reading, check_featurizer
from xgraph.training.prediction.new_bags import NewBags
from xgraph.training.prediction.smiles import choose_column

if TYPE_CHECKING:
    import pandas as pd

    from xgraph.data.storage.root import Progress
    from xgraph.data.tables.frame import FrameTable

_LARGEST = float(np.finfo(np.float32).max)
_HEAD = 1000  # rows in which a column of SMILES is looked for


def read_frame_of_bags(
    path: Path | FrameTable, state: Mapping[str, Any], bag_column: str | None, **form: Any
) -> tuple["pd.DataFrame", str]:
    """Read a table with one row per instance, of some `form`; return it and the column that names the bags."""
    from xgraph.data.bags.columns import read_frame
    from xgraph.data.bags.roles import BAG_NAMES, find_column, listing

    config = state[HEADER]["config"]
    texts = [str(config["smiles_column"])] if config.get("smiles_column") else []
    column = bag_column or config.get("bag_column")
    frame = read_frame(path, column, texts, **form)
    if column not in frame.columns:
        column = None if bag_column else find_column(list(frame.columns), BAG_NAMES)
        if column is None:
            lost = f"has no column {bag_column!r}" if bag_column else "has no recognisable column of bag names"
            hint = "" if bag_column else "; name it with bag_column (--bag-column)"
            raise ValueError(f"items: {path} {lost}: {listing(list(frame.columns))}{hint}")
        frame = read_frame(path, column, texts, **form)  # read again, to keep the bag names as they are in the file
    return frame, str(column)


def bags_of_table(
    frame: "pd.DataFrame",
    bag_column: str,
    members: Members,
    path: Path | FrameTable,
    smiles_column: str | None,
    progress: "Progress | None",
) -> NewBags:
    """Return the bags of a table in order of first appearance."""
    import pandas as pd

    from xgraph.data import BagDataset
    from xgraph.data.bags.columns import bags_of

    state = members.states[0]
    shape = instance_shape(state[HEADER])
    if smiles_column is not None and shape:
        raise OptionError(
            f"smiles_column = {smiles_column!r}: this option is for molecules, but the run is on feature columns"
        )
    filled = ~frame.isna().all(axis=1).to_numpy()
    frame, number = frame[filled], np.flatnonzero(filled)
    bag, names = bags_of(frame[bag_column], number)
    if shape:
        columns = _feature_columns(list(frame.columns), bag_column, state[HEADER], int(np.prod(shape)), path)
        instances, wrong = _numbers(frame, columns)
        wrong = [f"data row {row}: {text}" if text else "" for row, text in zip(number, wrong, strict=True)]
        errors = _first_of_bag(wrong, bag, len(names))
        good = ~np.array([bool(text) for text in errors], dtype=bool)[bag]
        store: Any = torch.from_numpy(instances[good].reshape(-1, *shape))
    else:
        molecules, wrong, columns = _molecules(frame, smiles_column, members, path, progress)
        good = np.array([not text for text in wrong], dtype=bool)
        store = molecules
        any_read = np.bincount(bag[good], minlength=len(names)) > 0
        first = _first_of_bag(wrong, bag, len(names))
        errors = ["" if fine else f"none of its molecules can be read: {first[i]}" for i, fine in enumerate(any_read)]
    place = np.flatnonzero([not text for text in errors])
    rows = pd.DataFrame({"bag": [names[i] for i in bag], "row": number, "error": wrong})
    data = None
    if len(place):
        renumbered = np.full(len(names), -1)
        renumbered[place] = np.arange(len(place))
        data = BagDataset(store, bag=renumbered[bag[good]], bag_names=[names[i] for i in place], name=path.name)
    return NewBags(names, errors, data, place, rows, np.flatnonzero(good), path, bag_column, columns)


def _feature_columns(
    columns: list[str], bag_column: str, header: Mapping[str, Any], width: int, path: Path | FrameTable
) -> list[str]:
    """Return the feature columns of the run: by name, or if the run has no feature names, all remaining columns."""
    from xgraph.data.bags.roles import TARGET_NAMES, find_column, listing

    names = list(header.get("feature_names", []))
    if bag_column in names:
        raise ValueError(
            f"items: column {bag_column!r} is a feature of the run and cannot name the bags; choose another bag_column"
        )
    if names:
        lost = [name for name in names if name not in columns]
        if lost:
            raise ValueError(
                f"items: {path} lacks {len(lost)} of the {len(names)} features that the run was trained on: "
                f"{listed(lost, 10)}; {listing(columns)}"
            )
        return names
    others = [name for name in columns if name != bag_column and name not in header["task_names"]]
    label = find_column(others, TARGET_NAMES)
    if len(others) != width and label is not None:
        others.remove(label)
    if len(others) != width:
        raise ValueError(
            f"items: the run was trained on {width} features, but {path} has {len(others)} columns besides those of "
            f"bags and labels: {listing(columns)}"
        )
    return others


def _numbers(frame: "pd.DataFrame", columns: list[str]) -> tuple[npt.NDArray[np.float32], list[str]]:
    """Return the features of the rows, and an error for each row with a value that is not a finite number."""
    import pandas as pd

    x = np.empty((len(frame), len(columns)), dtype=np.float32)
    wrong = [""] * len(frame)
    for i in range(len(columns) - 1, -1, -1):  # backwards, so that the error names the first bad column
        cells = frame[columns[i]]
        values = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        bad = ~(np.abs(values) <= _LARGEST)
        for row in np.flatnonzero(bad):
            cell = cells.iloc[row]
            what = "no value" if pd.isna(cell) else shown(str(cell))
            wrong[row] = f"expected a finite number in column {columns[i]!r}, got {what}"
        x[:, i] = np.where(bad, 0.0, values)
    return x, wrong


def _molecules(
    frame: "pd.DataFrame",
    smiles_column: str | None,
    members: Members,
    path: Path | FrameTable,
    progress: "Progress | None",
) -> tuple[Any, list[str], list[str]]:
    """Return the molecules that can be read, an error for each row that cannot, and the column of SMILES."""
    from xgraph.data import MoleculeDataset
    from xgraph.data.bags.roles import listing

    names = list(frame.columns)
    if smiles_column is not None and smiles_column not in names:
        raise ValueError(f"items: {path} has no SMILES column {smiles_column!r}: {listing(names)}")
    head = frame.head(_HEAD)
    texts = {name: ["" if cell is None or cell != cell else str(cell) for cell in head[name]] for name in names}
    column = choose_column(members, texts, smiles_column, str(path))
    cells = [cell if isinstance(cell, str) else "" for cell in frame[column]]
    state = members.states[0]
    molecules = MoleculeDataset.from_smiles(cells, progress=progress, **Reading.of(state[HEADER])._asdict())
    check_featurizer(state, molecules.featurizer)
    wrong = [""] * len(cells)
    for error in molecules.errors:
        wrong[error.row] = error.message if cells[error.row].strip() else "empty: no SMILES in this row"
    return molecules, wrong, [column]


def _first_of_bag(texts: Sequence[str], bag: npt.NDArray[np.int64], bags: int) -> list[str]:
    """Return the first non-empty text of each bag."""
    first = [""] * bags
    for text, owner in zip(texts, bag, strict=True):
        first[owner] = first[owner] or text
    return first
