"""The ChEMBL sets of the 3D-MIL-QSAR paper: molecules as bags of conformers, with their affinity to a protein."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from xgraph.data.bags.splits import bag_split
from xgraph.data.cards.files import obtain
from xgraph.data.cards.schema import Card
from xgraph.data.published.measured import read_measured
from xgraph.data.storage.root import Progress

if TYPE_CHECKING:
    from xgraph.data.bags.dataset import BagDataset


def load_conformers(
    card: Card,
    targets: Sequence[str] | None,
    *,
    split: str,
    seed: int = 0,
    root: Path | None = None,
    progress: Progress | None = None,
) -> BagDataset:
    """Load the molecules measured at the chosen proteins, as bags of ten conformers."""
    from xgraph.data.bags.conformers import conformer_bags

    names = card.target_columns
    if targets is None:
        raise ValueError(
            f"{card.name} has {len(names)} sets, one per protein: choose one with target_columns (--target-columns), "
            f"such as {names[0]}; `xgraph data show {card.name}` lists them"
        )
    path = obtain(card, card.files[0], folder=root, progress=progress)
    smiles, y, rows = read_measured(path, targets, numbers=card.is_regression)
    data = conformer_bags(
        smiles,
        y,
        name=f"{card.name}-{'-'.join(targets)}",
        task_names=list(targets),
        metric=card.metric,
        root=root,
        progress=progress,
        task="regression" if card.is_regression else "binary",
    )
    for i, error in enumerate(data.errors):
        data.errors[i] = type(error)(int(rows[error.row]), error.smiles, error.message)
    data.row = torch.from_numpy(rows)[data.row]
    if split == "scaffold":
        from xgraph.data.molecules.splits import scaffold_split

        parts = scaffold_split(data.bag_names, root=root, progress=progress)
    else:
        parts = bag_split(data.y.numpy(), seed=seed if split == "random" else 0)
    data.splits = {part: torch.from_numpy(bags) for part, bags in parts.items()}
    return data
