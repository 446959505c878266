"""Bags that a run has not seen: tables with a row an instance, or molecules whose conformers are made here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from xgraph.options import OptionError
from xgraph.training.files.checkpoint import HEADER

if TYPE_CHECKING:
    import pandas as pd

    from xgraph.data import BagDataset
    from xgraph.data.storage.root import Progress

CONFORMERS = "conformers"
"""What the featurizer of bags of conformers begins with."""

_LARGEST = float(np.finfo(np.float32).max)


@dataclass
class NewBags:
    """Bags to score, and what could not be read of them.

    Args:
        names: What the n bags are called, in the order of the result.
        errors: Why a bag cannot be scored; empty if it can. Length n.
        data: Those that can; None if there are none.
        place: Position of each of those among the n.
        rows: The instances in the order of the result: `bag`, `row` in the file, and `error`.
        instance_place: Position in `rows` of each instance of `data`, as they stand in its store.
    """

    names: list[Any]
    errors: list[str]
    data: "BagDataset | None"
    place: npt.NDArray[np.int64]
    rows: "pd.DataFrame"
    instance_place: npt.NDArray[np.int64]


def makes_conformers(state: Mapping[str, Any]) -> bool:
    """Whether the bags of a run are conformers of molecules."""
    return str(state[HEADER]["featurizer"]).startswith(CONFORMERS)


def read_frame_of_bags(path: Path, state: Mapping[str, Any], bag_column: str | None) -> tuple["pd.DataFrame", str]:
    """A CSV file with a row an instance, and the column that names the bags."""
    from xgraph.data.bags.columns import read_frame
    from xgraph.data.bags.roles import BAG_NAMES, find_column, listing

    if not path.is_file():
        raise FileNotFoundError(f"items: no file {str(path)!r}; to score bags of the run's own data, pass their names")
    config = state[HEADER]["config"]
    texts = [str(config["smiles_column"])] if config.get("smiles_column") else []
    wanted = bag_column or config.get("bag_column")
    frame = read_frame(path, wanted, texts)
    if wanted not in frame.columns:
        wanted = None if bag_column else find_column(list(frame.columns), BAG_NAMES)
        if wanted is None:
            lost = f"has no column {bag_column!r}" if bag_column else "has no column that names the bags"
            hint = "" if bag_column else "; say which with bag_column (--bag-column)"
            raise ValueError(f"items: {path} {lost}: {listing(list(frame.columns))}{hint}")
        frame = read_frame(path, wanted, texts)  # now with the names as they stand in the file
    return frame, str(wanted)


def bags_of_table(
    frame: "pd.DataFrame",
    bag_column: str,
    state: Mapping[str, Any],
    path: Path,
    smiles_column: str | None,
    progress: "Progress | None",
) -> NewBags:
    """Bags of a table, in the order in which they first appear."""
    import pandas as pd

    from xgraph.data import BagDataset
    from xgraph.data.bags.columns import bags_of

    shape = tuple(state[HEADER]["model_arguments"].get("instance_shape", ()))
    if smiles_column is not None and shape:
        raise OptionError(f"smiles_column = {smiles_column!r}: it is for molecules, and the run is on features")
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
        molecules, wrong = _molecules(frame, smiles_column, state, path, progress)
        good = np.array([not text for text in wrong], dtype=bool)
        store = molecules
        there = np.bincount(bag[good], minlength=len(names)) > 0
        first = _first_of_bag(wrong, bag, len(names))
        errors = ["" if fine else f"none of its molecules can be read: {first[i]}" for i, fine in enumerate(there)]
    place = np.flatnonzero([not text for text in errors])
    rows = pd.DataFrame({"bag": [names[i] for i in bag], "row": number, "error": wrong})
    data = None
    if len(place):
        renumbered = np.full(len(names), -1)
        renumbered[place] = np.arange(len(place))
        data = BagDataset(store, bag=renumbered[bag[good]], bag_names=[names[i] for i in place], name=path.name)
    return NewBags(names, errors, data, place, rows, np.flatnonzero(good))


def bags_of_conformers(
    smiles: Sequence[str], state: Mapping[str, Any], root: Path | None, progress: "Progress | None"
) -> NewBags:
    """Molecules as bags of their conformers, made as for training."""
    import pandas as pd

    from xgraph.data import conformer_bags

    errors = ["" if text.strip() else "empty: no SMILES in this row" for text in smiles]
    given = [i for i, error in enumerate(errors) if not error]
    data: BagDataset | None = None
    if given:
        try:
            data = conformer_bags([smiles[i] for i in given], root=root, progress=progress)
        except ValueError as error:  # there are none at all
            for i in given:
                errors[i] = str(error)
    if data is None:
        nothing = pd.DataFrame({"bag": [], "row": np.empty(0, dtype=np.int64), "error": []})
        return NewBags(list(smiles), errors, None, np.empty(0, dtype=np.int64), nothing, np.empty(0, dtype=np.int64))
    if data.featurizer != state[HEADER]["featurizer"]:
        raise ValueError(_other_features(state, data.featurizer))
    for lost in data.errors:
        errors[given[lost.row]] = lost.message
    place = np.array(given)[data.row.numpy()]
    owner = np.repeat(place, data.sizes.numpy())
    rows = pd.DataFrame({"bag": [smiles[i] for i in owner], "row": owner, "error": ""})
    return NewBags(list(smiles), errors, data, place, rows, np.arange(len(owner)))


def _feature_columns(
    columns: list[str], bag_column: str, header: Mapping[str, Any], width: int, path: Path
) -> list[str]:
    """The columns that hold what the run was trained on: by their names, or all others if it knows no names."""
    from xgraph.data.bags.roles import TARGET_NAMES, find_column, listing

    names = list(header.get("feature_names", []))
    if bag_column in names:
        raise ValueError(f"items: column {bag_column!r} is a feature of the run, so it names no bags")
    if names:
        lost = [name for name in names if name not in columns]
        if lost:
            some = ", ".join(map(repr, lost[:10])) + (f" and {len(lost) - 10} more" if len(lost) > 10 else "")
            raise ValueError(
                f"items: {path} lacks {len(lost)} of the {len(names)} features that the run was trained on: {some}; "
                f"{listing(columns)}"
            )
        return names
    found = [name for name in columns if name != bag_column and name not in header["task_names"]]
    label = find_column(found, TARGET_NAMES)
    if len(found) != width and label is not None:
        found.remove(label)
    if len(found) != width:
        raise ValueError(
            f"items: the run was trained on {width} features, but {path} has {len(found)} columns beside that of the "
            f"bags and labels: {listing(columns)}"
        )
    return found


def _numbers(frame: "pd.DataFrame", columns: list[str]) -> tuple[npt.NDArray[np.float32], list[str]]:
    """Features of the rows, and for each row what is wrong with the first that is no finite number."""
    import pandas as pd

    x = np.empty((len(frame), len(columns)), dtype=np.float32)
    wrong = [""] * len(frame)
    for i in range(len(columns) - 1, -1, -1):  # so that the first column has the last word
        cells = frame[columns[i]]
        values = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        bad = ~(np.abs(values) <= _LARGEST)
        for row in np.flatnonzero(bad):
            cell = cells.iloc[row]
            what = "no number" if pd.isna(cell) else f"{str(cell)[:40]!r}, which is no finite number,"
            wrong[row] = f"{what} in column {columns[i]!r}"
        x[:, i] = np.where(bad, 0.0, values)
    return x, wrong


def _molecules(
    frame: "pd.DataFrame",
    smiles_column: str | None,
    state: Mapping[str, Any],
    path: Path,
    progress: "Progress | None",
) -> tuple[Any, list[str]]:
    """The molecules that can be read, and for each row why it cannot."""
    from xgraph.data import MoleculeDataset
    from xgraph.data.bags.roles import listing
    from xgraph.data.molecules.table import find_smiles

    columns = list(frame.columns)
    wanted = smiles_column or state[HEADER]["config"].get("smiles_column")
    if wanted not in columns:
        if smiles_column is not None:
            raise ValueError(f"items: {path} has no column {smiles_column!r} of SMILES: {listing(columns)}")
        texts = {name: ["" if c is None or c != c else str(c) for c in frame[name]] for name in columns}
        wanted = find_smiles(texts, None, path)
    cells = [cell if isinstance(cell, str) else "" for cell in frame[wanted]]
    molecules = MoleculeDataset.from_smiles(cells, standardize=bool(state[HEADER]["standardize"]), progress=progress)
    if molecules.featurizer != state[HEADER]["featurizer"]:
        raise ValueError(_other_features(state, molecules.featurizer))
    wrong = [""] * len(cells)
    for error in molecules.errors:
        wrong[error.row] = error.message if cells[error.row].strip() else "empty: no SMILES in this row"
    return molecules, wrong


def _first_of_bag(texts: Sequence[str], bag: npt.NDArray[np.int64], bags: int) -> list[str]:
    """For each bag the first text that is not empty."""
    found = [""] * bags
    for text, owner in zip(texts, bag, strict=True):
        if text and not found[owner]:
            found[owner] = text
    return found


def _other_features(state: Mapping[str, Any], now: str) -> str:
    header = state[HEADER]
    return (
        f"run: trained on features {header['featurizer']!r} by xgraph {header['version']}, but this version makes "
        f"{now!r}; train again"
    )
