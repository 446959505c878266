"""Loading of registered data sets of bags and of users' tables of bags, with a split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xgraph.data.bags.digits import EMBEDDED_BAGS
from xgraph.data.bags.splits import bag_split, given_split
from xgraph.data.cards.files import obtain
from xgraph.data.cards.schema import Card
from xgraph.data.cards.targets import card_targets, listed_targets
from xgraph.data.labels.rules import LabelRules
from xgraph.data.published.bags import BagArrays, read_arrays
from xgraph.data.storage.root import Progress
from xgraph.data.tables.frame import FrameTable

if TYPE_CHECKING:
    from xgraph.data.bags.dataset import BagDataset
    from xgraph.data.molecules.standardize import AtomOrder
    from xgraph.data.splits.own import OwnSplit

_USUAL = LabelRules()
Way = Literal["given", "scaffold", "stratified", "random"]


def load_bags(
    card: Card,
    split: Way,
    *,
    fold: int | None = None,
    seed: int = 0,
    target_columns: Sequence[str] | None = None,
    root: Path | None = None,
    progress: Progress | None = None,
) -> BagDataset:
    """Load the bags of a card with a split."""
    tasks = card_targets(card, target_columns)
    if card.reader == "conformers":
        from xgraph.data.bags.conformer_sets import load_conformers

        chosen = None if target_columns is None else tasks
        return load_conformers(card, chosen, split=split, seed=seed, root=root, progress=progress)
    from xgraph.data.bags.dataset import BagDataset

    if card.embedded:
        arrays = EMBEDDED_BAGS[card.embedded]()
    else:
        paths = [obtain(card, file, folder=root, progress=progress) for file in card.files]
        arrays = read_arrays(card.reader, paths, card.target_columns)
    if (len(arrays.y), len(arrays.x)) != (card.items, card.instances):
        raise ValueError(
            f"{card.name} should have {card.items} bags of {card.instances} instances, but its files have "
            f"{len(arrays.y)} of {len(arrays.x)}"
        )
    arrays = choose_tasks(arrays, tasks)
    if split == "given":
        parts = given_split(arrays, fold, card.name)
    else:
        parts = bag_split(arrays.y, seed=seed if split == "random" else 0)
    task: Literal["binary", "regression"] = "regression" if card.is_regression else "binary"
    return BagDataset.from_arrays(arrays, name=card.name, metric=card.metric, splits=parts, task=task)


def load_own_bags(
    path: Path | FrameTable,
    splitting: OwnSplit,
    *,
    bag_column: str,
    target_columns: Sequence[str] | None = None,
    feature_columns: Sequence[str] | None = None,
    smiles_column: str | None = None,
    standardize: bool = False,
    rules: LabelRules = _USUAL,
    separator: str | None = None,
    encoding: str | None = None,
    atom_order: AtomOrder | None = None,
    root: Path | None = None,  # like all loaders; nothing is cached
    progress: Progress | None = None,
) -> BagDataset:
    """Load the bags of a CSV file with a split."""
    from xgraph.data.bags.table import read_bags

    if standardize and smiles_column is None:
        raise ValueError("standardize=True needs smiles_column: without it, instances are not molecules")
    return read_bags(
        path,
        bag_column=bag_column,
        target_columns=listed_targets(target_columns),
        feature_columns=feature_columns,
        smiles_column=smiles_column,
        standardize=standardize,
        rules=rules,
        separator=separator,
        encoding=encoding,
        progress=progress,
        splitting=splitting,
        atom_order=atom_order or "canonical",
    )


def choose_tasks(arrays: BagArrays, tasks: Sequence[str]) -> BagArrays:
    """Select some of the tasks."""
    if list(tasks) == arrays.task_names:
        return arrays
    columns = [arrays.task_names.index(task) for task in tasks]
    instances = None if arrays.instance_y is None else arrays.instance_y[:, columns]
    return replace(arrays, y=arrays.y[:, columns], task_names=list(tasks), instance_y=instances)
