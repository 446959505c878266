"""Bags as tables: one row per instance, with the name of its bag, the bag's labels and the instance's features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from xgraph.data.bags.columns import bag_labels, bags_of, features, read_frame
from xgraph.data.bags.dataset import BagDataset
from xgraph.data.bags.roles import UNNAMED, choose_roles, demand
from xgraph.data.molecules.table import RowError
from xgraph.data.storage.columns import stem
from xgraph.data.storage.root import Progress

if TYPE_CHECKING:
    from xgraph.data.molecules.dataset import MoleculeDataset


def read_bags(
    path: str | Path,
    *,
    bag_column: str | None = None,
    target_columns: Sequence[str] | None = None,
    feature_columns: Sequence[str] | None = None,
    smiles_column: str | None = None,
    standardize: bool = False,
    require_targets: bool = True,
    name: str | None = None,
    metric: str = "ap",
    progress: Progress | None = None,
) -> BagDataset:
    r"""Read a CSV file (plain or gzipped) with one row per instance; those of a bag may stand anywhere.

    Args:
        path: The file.
        bag_column: Column that names the bag of a row; by default one called bag or bag_id.
        target_columns: Columns of labels, the same in all rows of a bag (empty where unknown); by default one called
            label, y or target. An empty list, where labels are not required: none are read.
        feature_columns: Columns of features; by default all others, which must be numbers.
        smiles_column: Column of molecules: the instances are these, as graphs, and there are no features.
        standardize: Whether to take each molecule's largest fragment, neutralised.
        require_targets: Whether a file without a label column is an error.
        name: What to call the data set; by default as the file.
        metric: Metric by which models are chosen.
        progress: Called as `progress(done, total, what)`.

    Returns:
        Bags in the order in which they first appear; `row` is the first data row of each.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no table, a column is missing or no number, a row has no bag, labels differ within a
            bag, or a feature is missing.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "three.csv"
        >>> _ = file.write_text("bag,label,size,mass\na,1,2.5,1\nb,0,0.5,1\na,1,3.5,2\n")
        >>> data = read_bags(file)
        >>> data, data.bag_names, data.y.tolist(), data.feature_names, data[0].instance.tolist()
        (BagDataset('three', bags=2, instances=3, features=2, tasks=1), ['a', 'b'], [[1.0], [0.0]],
         ['size', 'mass'], [0, 2])
    """
    path = Path(path)
    frame = read_frame(path, bag_column, [] if smiles_column is None else [smiles_column])
    return frame_bags(
        frame,
        bag_column=bag_column,
        target_columns=target_columns,
        feature_columns=feature_columns,
        smiles_column=smiles_column,
        standardize=standardize,
        require_targets=require_targets,
        name=stem(path) if name is None else name,
        metric=metric,
        progress=progress,
    )


def frame_bags(
    frame: pd.DataFrame,
    *,
    bag_column: str | None = None,
    target_columns: Sequence[str] | None = None,
    feature_columns: Sequence[str] | None = None,
    smiles_column: str | None = None,
    standardize: bool = False,
    require_targets: bool = True,
    progress: Progress | None = None,
    **options: Any,
) -> BagDataset:
    """Bags of a table in memory; rows in which every cell is missing are passed over."""
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"frame must be a pandas DataFrame, got {type(frame).__name__}")
    columns = [str(column) for column in frame.columns]
    frame = frame.set_axis(columns, axis=1)
    bag_column, targets, chosen = choose_roles(columns, bag_column, target_columns, feature_columns, require_targets)
    nameless = next((column for column in chosen if column.startswith(UNNAMED)), None)
    if nameless is not None and feature_columns is None and smiles_column is None:
        raise ValueError(
            f"a column has no name (here {nameless!r}): is it row numbers, as pandas writes them? Leave it out, or "
            "list the features in feature_columns (--feature-columns)"
        )
    if smiles_column is not None:
        demand(columns, [smiles_column], "SMILES")

    filled = ~frame.isna().all(axis=1).to_numpy()
    frame, rows = frame[filled], np.flatnonzero(filled)
    bag, names = bags_of(frame[bag_column], rows)
    y = np.stack([bag_labels(frame[target], bag, names, rows) for target in targets], axis=1) if targets else None
    first = np.full(len(names), len(filled))
    np.minimum.at(first, bag, rows)
    if smiles_column is None:
        x = features(frame, chosen, bag, names, rows)
        source = None if filled.all() else torch.from_numpy(rows)
        return BagDataset(
            x,
            None,
            y,
            bag=bag,
            bag_names=names,
            task_names=targets,
            row=torch.from_numpy(first),
            instance_row=source,
            feature_names=chosen,
            **options,
        )

    from xgraph.data.molecules.dataset import MoleculeDataset

    cells = [cell if isinstance(cell, str) else "" for cell in frame[smiles_column]]
    molecules = MoleculeDataset.from_smiles(cells, standardize=standardize, progress=progress)
    return _molecule_bags(molecules, bag, names, y, first, rows, targets, options)


def _molecule_bags(
    molecules: MoleculeDataset,
    bag: NDArray[np.int64],
    names: list[str],
    y: NDArray[np.float32] | None,
    first: NDArray[np.int64],
    rows: NDArray[np.int64],
    targets: list[str],
    options: dict[str, Any],
) -> BagDataset:
    """Bags of the molecules that could be parsed; a bag of which none could is an error of its first row."""
    bag = bag[molecules.row.numpy()]
    kept = np.bincount(bag, minlength=len(names)) > 0
    errors = [RowError(int(rows[error.row]), error.smiles, error.message) for error in molecules.errors]
    lost = np.flatnonzero(~kept)
    errors += [RowError(int(first[i]), "", f"no molecule of bag {names[i]!r} can be parsed") for i in lost]
    if not kept.any():
        raise ValueError(f"none of the {len(rows)} molecules can be parsed")
    return BagDataset(
        molecules,
        None,
        None if y is None else y[kept],
        bag=(np.cumsum(kept) - 1)[bag],
        bag_names=[name for name, keep in zip(names, kept, strict=True) if keep],
        task_names=targets,
        row=torch.from_numpy(first[kept]),
        instance_row=torch.from_numpy(rows)[molecules.row],
        errors=sorted(errors, key=lambda error: error.row),
        featurizer=molecules.featurizer,
        **options,
    )
