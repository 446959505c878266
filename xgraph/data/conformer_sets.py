"""The ChEMBL sets of the 3D-MIL-QSAR paper: molecules as bags of conformers, active or not at a protein."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from xgraph.data.bag_splits import bag_split
from xgraph.data.files import obtain
from xgraph.data.root import Progress
from xgraph.data.schema import Card

if TYPE_CHECKING:
    from xgraph.data.bags import BagDataset

ACTIVE = 7.0  # pKi from which a molecule counts as active


def load_conformers(
    card: Card,
    targets: Sequence[str] | None,
    *,
    split: str,
    seed: int = 0,
    root: Path | None = None,
    progress: Progress | None = None,
) -> BagDataset:
    """Molecules that were measured at some of the proteins, as bags of ten conformers.

    Args:
        card: the data set.
        targets: ChEMBL's names of the proteins: a task each.
        split: scaffold, stratified or random.
        seed: seed of the random split.
        root: folder that holds what was fetched or computed, if not that of the environment.
        progress: called with (done, total, what).

    Raises:
        ValueError: if no protein is chosen, since conformers of all would take days, or the file is damaged.
    """
    from xgraph.data.conformers import conformer_bags

    names = card.target_columns
    if targets is None:
        raise ValueError(
            f"{card.name} holds {len(names)} sets, a protein each: choose by target_columns (--target-columns), such "
            f"as {names[0]}; `xgraph data show {card.name}` lists them"
        )
    path = obtain(card, card.files[0], folder=root, progress=progress)
    smiles, y, rows = read_measured(path, targets)
    data = conformer_bags(
        smiles,
        y,
        name=f"{card.name}-{'-'.join(targets)}",
        task_names=list(targets),
        metric=card.metric,
        root=root,
        progress=progress,
    )
    for i, error in enumerate(data.errors):
        data.errors[i] = type(error)(int(rows[error.row]), error.smiles, error.message)
    data.row = torch.from_numpy(rows)[data.row]
    if split == "scaffold":
        from xgraph.data.splits import scaffold_split

        parts = scaffold_split(data.bag_names, root=root, progress=progress)
    else:
        parts = bag_split(data.y.numpy(), seed=seed if split == "random" else 0)
    data.splits = {part: torch.from_numpy(bags) for part, bags in parts.items()}
    return data


def read_measured(path: Path, targets: Sequence[str]) -> tuple[list[str], NDArray[np.float32], NDArray[np.int64]]:
    """Molecules measured at some of the proteins.

    Args:
        path: the gzipped table of protein, SMILES, ChEMBL's name of the molecule, and pKi.
        targets: the proteins.

    Returns:
        n SMILES, in the order in which they first appear; labels [n, T]: whether pKi is at least 7, NaN where it was
        not measured; and the data row of each.

    Raises:
        ValueError: naming the file if it is damaged.
    """
    column = {target: i for i, target in enumerate(targets)}
    place: dict[str, int] = {}
    found: list[tuple[int, int, float]] = []
    rows: list[int] = []
    try:
        lines = csv.reader(io.StringIO(gzip.decompress(path.read_bytes()).decode()))
        if next(lines, None) != ["dataset", "smiles", "chembl_id", "pki"]:
            raise ValueError("expected the columns dataset, smiles, chembl_id, pki")
        for row, (target, smiles, _, pki) in enumerate(lines):
            if target in column:
                if smiles not in place:
                    place[smiles] = len(rows)
                    rows.append(row)
                found.append((place[smiles], column[target], float(float(pki) >= ACTIVE)))
    except (zlib.error, EOFError, gzip.BadGzipFile, ValueError, csv.Error) as error:
        raise ValueError(f"cannot read {path}: {error}") from error
    y = np.full((len(rows), len(targets)), np.nan, dtype=np.float32)
    for molecule, task, active in found:
        y[molecule, task] = active
    return list(place), y, np.array(rows, dtype=np.int64)
