"""Loading of registered data sets of molecules and of users' tables, with a split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xgraph.data.cards.files import obtain
from xgraph.data.cards.ogb_files import obtain_ogb
from xgraph.data.cards.schema import Card
from xgraph.data.cards.targets import card_targets, listed_targets
from xgraph.data.labels.duplicates import Duplicates
from xgraph.data.labels.labels import usual_metric
from xgraph.data.labels.rules import LabelRules
from xgraph.data.molecules.embedded import EMBEDDED
from xgraph.data.published.given import Rows, read_given
from xgraph.data.storage.root import Progress
from xgraph.data.tables.formats import stem
from xgraph.data.tables.frame import FrameTable

if TYPE_CHECKING:
    from xgraph.data.molecules.dataset import MoleculeDataset
    from xgraph.data.molecules.standardize import AtomOrder
    from xgraph.data.molecules.table import Table
    from xgraph.data.splits.own import OwnSplit

_USUAL = LabelRules()


def load_molecules(
    card: Card,
    split: str,
    *,
    fold: int | None = None,
    seed: int = 0,
    folds: int | None = None,
    stratified: bool = False,
    partition: int | None = None,
    smiles_column: str | None = None,
    target_columns: Sequence[str] | None = None,
    standardize: bool = False,
    features: Sequence[str] | None = None,
    atom_order: AtomOrder | None = None,
    root: Path,
    progress: Progress | None = None,
) -> MoleculeDataset:
    """Load the molecules of a card with a split, or with folds that are drawn."""
    if smiles_column not in (None, card.smiles_column):
        raise ValueError(f"smiles_column must be {card.smiles_column!r} for {card.name!r}, got {smiles_column!r}")
    table = read_card_table(card, target_columns, root=root, progress=progress)
    if folds is not None or stratified or partition is not None:
        rows = _drawn_folds(table, split, fold, folds, stratified, partition, root, progress)
    elif split == "given" and card.given is not None:

        def place(path: str) -> Path:
            if card.ogb:
                return obtain_ogb(card, folder=root, progress=progress) / path
            return obtain(card, card.file(path), folder=root, progress=progress)

        rows = read_given(card.given, fold, table, place, card.smiles_column)
    else:
        rows = _computed_split(split, table, seed, root, progress)
    order = atom_order or "drawn"  # as in OGB, and in published results
    return _dataset(table, card.name, card.metric, rows, standardize, order, features, root, progress)


def load_own_molecules(
    path: Path | FrameTable,
    splitting: OwnSplit,
    *,
    smiles_column: str | None = None,
    target_columns: Sequence[str] | None = None,
    standardize: bool = False,
    features: Sequence[str] | None = None,
    rules: LabelRules = _USUAL,
    separator: str | None = None,
    encoding: str | None = None,
    atom_order: AtomOrder | None = None,
    duplicates: Duplicates = "keep",
    root: Path,
    progress: Progress | None = None,
) -> MoleculeDataset:
    """Load the molecules of a table with a split."""
    from xgraph.data.molecules.splitting.tables import split_molecules
    from xgraph.data.molecules.table import read_table

    table = read_table(
        path,
        smiles_column=smiles_column,
        target_columns=listed_targets(target_columns),
        rules=rules,
        split_column=splitting.split_column,
        further=list(splitting.files.values()),
        separator=separator,
        encoding=encoding,
    )
    name = stem(path)
    table, rows = split_molecules(
        table, splitting, duplicates, name=name, standardize=standardize, root=root, progress=progress
    )
    order = atom_order or "canonical"
    data = _dataset(
        table, name, usual_metric(table.task, len(table.task_names)), rows, standardize, order, features, root, progress
    )
    data.smiles_column, data.files = table.smiles_column, table.files
    return data


def read_card_table(
    card: Card,
    target_columns: Sequence[str] | None = None,
    *,
    root: str | Path | None = None,
    progress: Progress | None = None,
) -> Table:
    """Read the table of a registered data set, without parsing molecules."""
    from xgraph.data.molecules.table import Table, read_table

    targets = card_targets(card, target_columns)
    if card.ogb:
        from xgraph.data.cards.ogb_table import read_release_table

        path = obtain_ogb(card, folder=root, progress=progress) / "mapping" / "mol.csv.gz"
        return read_release_table(card, path, target_columns)
    task: Literal["binary", "regression"] = "regression" if card.is_regression else "binary"
    if card.reader == "measured":
        from xgraph.data.published.measured import read_measured

        path = obtain(card, card.files[0], folder=root, progress=progress)
        smiles, y, rows = read_measured(path, targets, numbers=card.is_regression)
        return Table(smiles, y, list(targets), rows, task=task)
    if not card.embedded:
        path = obtain(card, card.file(card.table), folder=root, progress=progress)
        table = read_table(path, smiles_column=card.smiles_column, target_columns=targets, rules=LabelRules(task=task))
        return replace(table, notes={})  # the card says what they are
    table = EMBEDDED[card.embedded](root, progress)
    columns = [table.task_names.index(column) for column in targets]
    return replace(table, y=table.y[:, columns], task_names=targets)


def _drawn_folds(
    table: Table,
    split: str,
    fold: int | None,
    folds: int | None,
    stratified: bool,
    partition: int | None,
    root: Path,
    progress: Progress | None,
) -> dict[str, Rows]:
    """Draw the parts of a fold as for a user's table; the order of the table does not matter."""
    from xgraph.data.molecules.splitting.tables import draw_molecules
    from xgraph.data.splits.own import OwnSplit, parts_present

    splitting = OwnSplit(split, fold=fold, folds=folds, stratified=stratified, partition=partition)
    part = draw_molecules(table.smiles, table.y, splitting, root=root, progress=progress)
    return {name: table.rows[entries] for name, entries in parts_present(part).items()}


def _computed_split(split: str, table: Table, seed: int, root: Path, progress: Progress | None) -> dict[str, Rows]:
    from xgraph.data.molecules.splits import random_split, scaffold_split

    if split == "random":
        parts = random_split(len(table.smiles), seed=seed)
    else:
        parts = scaffold_split(table.smiles, root=root, progress=progress)
    # splits refer to entries of the table; data sets refer to rows of the file
    return {part: table.rows[entries] for part, entries in parts.items()}


def _dataset(
    table: Table,
    name: str,
    metric: str,
    splits: dict[str, Rows],
    standardize: bool,
    atom_order: AtomOrder,
    features: Sequence[str] | None,
    root: Path,
    progress: Progress | None,
) -> MoleculeDataset:
    from xgraph.data.molecules.dataset import MoleculeDataset

    data = MoleculeDataset.from_table(
        table,
        name=name,
        metric=metric,
        root=root,
        splits=splits,
        standardize=standardize,
        progress=progress,
        atom_order=atom_order,
    )
    return data.with_features(features, root=root, progress=progress) if features else data
