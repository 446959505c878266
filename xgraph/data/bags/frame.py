"""Conversion of a table in memory to bags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from xgraph.data.bags.columns import as_text, bags_of, features, labels_of_bags, of_bags
from xgraph.data.bags.roles import UNNAMED, choose_roles, demand
from xgraph.data.labels.choose import choose_labels
from xgraph.data.labels.names import is_split
from xgraph.data.labels.rules import LabelRules
from xgraph.data.labels.weights import checked_weights
from xgraph.data.molecules.table import RowError
from xgraph.data.storage.root import Progress

if TYPE_CHECKING:
    from xgraph.data.molecules.dataset import MoleculeDataset
    from xgraph.data.molecules.standardize import AtomOrder


_USUAL = LabelRules()


def bags_of_frame(
    frame: pd.DataFrame,
    bag_column: str | None = None,
    target_columns: Sequence[str] | None = None,
    feature_columns: Sequence[str] | None = None,
    *,
    smiles_column: str | None = None,
    standardize: bool = False,
    require_targets: bool = True,
    progress: Progress | None = None,
    rules: LabelRules = _USUAL,
    atom_order: AtomOrder = "canonical",
) -> dict[str, Any]:
    """Return the arguments of `BagDataset`; rows in which every cell is missing are skipped."""
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"frame must be a pandas DataFrame, got {type(frame).__name__}")
    columns = [str(column) for column in frame.columns]
    frame = frame.set_axis(columns, axis=1)
    free = [column for column in columns if column != rules.weight_column]
    bag_column, targets, chosen = choose_roles(free, bag_column, target_columns, feature_columns, require_targets)
    nameless = next((column for column in chosen if column.startswith(UNNAMED)), None)
    if nameless is not None and feature_columns is None and smiles_column is None:
        raise ValueError(
            f"a column has no name (here {nameless!r}); if it contains row numbers written by pandas, remove it, or "
            "list the feature columns in feature_columns (--feature-columns)"
        )
    if smiles_column is not None:
        demand(columns, [smiles_column], "SMILES")
    marks = [name for name in free if is_split(name) and name not in (bag_column, *targets, *chosen)]
    left_out = dict.fromkeys(marks, "called like a split, so it is no feature; for a split, give --split-column")

    filled = ~frame.isna().all(axis=1).to_numpy()
    frame, rows = frame[filled], np.flatnonzero(filled)
    bag, names = bags_of(frame[bag_column], rows)
    first = np.full(len(names), len(filled))
    np.minimum.at(first, bag, rows)
    notes: Mapping[str, str] = {}
    weight: NDArray[np.float32] | None = None
    y, task = None, "binary"
    if targets:
        read = [*targets, *([] if rules.weight_column is None else demand(columns, [rules.weight_column], "weight"))]
        labels = choose_labels({name: as_text(frame[name]) for name in read}, rules, requested=targets)
        y, targets, notes = labels_of_bags(labels, bag, names, rows), labels.names, labels.notes
        task = labels.task
        if labels.weight is not None:
            own = of_bags(labels.weight, str(rules.weight_column), bag, names, rows, what="weights")
            weight = checked_weights(own, first, "the table")
    if smiles_column is None:
        x = features(frame, chosen, bag, names, rows)
        source = None if filled.all() else torch.from_numpy(rows)
        return {
            "instances": x,
            "y": y,
            "bag": bag,
            "bag_names": names,
            "task_names": targets,
            "row": torch.from_numpy(first),
            "instance_row": source,
            "feature_names": chosen,
            "notes": notes,
            "left_out": left_out,
            "task": task,
            "weight": None if weight is None else torch.from_numpy(weight),
        }

    from xgraph.data.molecules.dataset import MoleculeDataset

    texts = [cell if isinstance(cell, str) else "" for cell in frame[smiles_column]]
    molecules = MoleculeDataset.from_smiles(texts, standardize=standardize, progress=progress, atom_order=atom_order)
    bags, kept = _molecule_bags(molecules, bag, names, y, first, rows, targets)
    return {
        **bags,
        "notes": notes,
        "left_out": left_out,
        "task": task,
        "weight": None if weight is None else torch.from_numpy(weight[kept]),
    }


def _molecule_bags(
    molecules: MoleculeDataset,
    bag: NDArray[np.int64],
    names: list[str],
    y: NDArray[np.float32] | None,
    first: NDArray[np.int64],
    rows: NDArray[np.int64],
    targets: list[str],
) -> tuple[dict[str, Any], NDArray[np.bool_]]:
    """Return bags of the molecules that can be parsed, and which bags these are.

    A bag without any becomes an error of its first row.
    """
    bag = bag[molecules.row.numpy()]
    kept = np.bincount(bag, minlength=len(names)) > 0
    errors = [RowError(int(rows[error.row]), error.smiles, error.message) for error in molecules.errors]
    lost = np.flatnonzero(~kept)
    errors += [RowError(int(first[i]), "", f"no molecule of bag {names[i]!r} can be parsed") for i in lost]
    if not kept.any():
        raise ValueError(f"none of the {len(rows)} molecules can be parsed")
    bags = {
        "instances": molecules,
        "y": None if y is None else y[kept],
        "bag": (np.cumsum(kept) - 1)[bag],
        "bag_names": [name for name, keep in zip(names, kept, strict=True) if keep],
        "task_names": targets,
        "row": torch.from_numpy(first[kept]),
        "instance_row": torch.from_numpy(rows)[molecules.row],
        "errors": sorted(errors, key=lambda error: error.row),
        "featurizer": molecules.featurizer,
    }
    return bags, kept
