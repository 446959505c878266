"""`load`: a data set by its name, or a table of the user's own, as a dataset with splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from xgraph.data.cards.files import obtain
from xgraph.data.cards.named import load_card, names
from xgraph.data.cards.ogb_files import obtain_ogb
from xgraph.data.cards.schema import Card, Metric
from xgraph.data.cards.targets import card_targets, listed_targets
from xgraph.data.molecules.embedded import EMBEDDED
from xgraph.data.published.given import Rows, read_given
from xgraph.data.storage.root import Progress
from xgraph.data.storage.root import root as root_folder

if TYPE_CHECKING:
    from xgraph.data.bags.dataset import BagDataset
    from xgraph.data.molecules.dataset import MoleculeDataset
    from xgraph.data.molecules.table import Table
    from xgraph.data.nodes.dataset import NodeDataset
    from xgraph.data.ogb.graphs import GraphDataset

Split = Literal["given", "scaffold", "stratified", "random"]
TABLE_ENDINGS = (".csv", ".csv.gz")
_TABLE_SPLITS, _BAG_SPLITS = ["scaffold", "random"], ["stratified", "random"]


def load(
    name: str | Path,
    *,
    fold: int | None = None,
    split: Split | None = None,
    root: str | Path | None = None,
    seed: int = 0,
    smiles_column: str | None = None,
    target_columns: Sequence[str] | None = None,
    bag_column: str | None = None,
    feature_columns: Sequence[str] | None = None,
    standardize: bool = False,
    features: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> MoleculeDataset | NodeDataset | GraphDataset | BagDataset:
    """Load a data set, fetching it first if need be.

    Args:
        name: a registered data set (see `list_cards`), or the path of a CSV file of your own.
        fold: which of the given folds; the first if not said.
        split: given (published with the data); of molecules scaffold (Bemis-Murcko, 80/10/10) or random (80/10/10);
            of nodes and bags stratified (60/20/20 of each class, the same for every seed) or random (so, by `seed`).
            By default what the data set's card says, for a CSV file of molecules scaffold, of bags stratified.
        root: folder that holds what was fetched or computed, if not that of the environment.
        seed: seed of the random split.
        smiles_column: column of a CSV file that holds the molecules; found by itself if not said. With `bag_column`,
            the instances are these molecules.
        target_columns: columns that hold the labels; for a registered data set, a choice among its tasks.
        bag_column: column of a CSV file that names the bag of each row: the file then holds bags, a row an instance,
            and the columns that are neither its bag nor labels are features (see `read_bags`).
        feature_columns: columns that hold features, if not all of these.
        standardize: keep the largest fragment of each molecule, neutralised.
        features: of molecules, kinds of numbers to give each beside its graph: rdkit, morgan, maccs, torsion (see
            `describe`).
        progress: called with (done, total, what) while something long is going on.

    Returns:
        A `MoleculeDataset`, where the card says kind "node" a `NodeDataset`, of kind "bag" or with `bag_column` a
        `BagDataset`, or of graphs that are no molecules a `GraphDataset`, with the splits train, valid and test.

    Raises:
        ValueError: for an unknown name (with the nearest ones), a split, fold or column that is not there, or an
            option of molecules for a data set that has none.
        FileNotFoundError: for a CSV file that does not exist.
        FetchError: if a file cannot be had, or has a wrong checksum.

    Example:
        >>> dataset = load("nci-pains")
        >>> dataset.kind, dataset.num_tasks, len(dataset)
        ('graph', 1, 4991)
    """
    if not isinstance(name, str | Path):
        raise TypeError(f"name: expected a data set's name or the path of a CSV file, got {name!r}")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed must be an integer, 0 or more, got {seed!r}")
    kinds = None
    if features:
        from xgraph.data.molecules.descriptors import check_kinds

        kinds = check_kinds(features)
    folder = root_folder(root)
    path = _own_table(name)
    if path is not None:
        metric: Metric = "ap"
        label, splits, given = _stem(path), _TABLE_SPLITS if bag_column is None else _BAG_SPLITS, None
    else:
        card = load_card(str(name))
        metric = card.metric
        label, splits, given = card.name, card.splits, card.given
    chosen = split or splits[0]
    if chosen not in splits:
        raise ValueError(f"split must be one of {splits} for {label!r}, got {split!r}")
    given = given if chosen == "given" else None
    _check_fold(fold, len(given.folds) if given is not None else 0, label, chosen)
    if path is None and bag_column is not None:
        raise ValueError(f"bag_column={bag_column!r} was given, but {label!r} is a registered data set, no CSV file")
    if bag_column is None and feature_columns is not None:
        raise ValueError(f"feature_columns={list(feature_columns)!r} was given, but without bag_column there are none")
    if path is not None and bag_column is not None:
        if kinds:
            raise ValueError(f"features={kinds} was given, but with bag_column there are bags, no molecules")
        from xgraph.data.bags.load import load_own_bags

        return load_own_bags(
            path,
            cast(Split, chosen),
            bag_column=bag_column,
            target_columns=listed_targets(target_columns),
            feature_columns=feature_columns,
            smiles_column=smiles_column,
            standardize=standardize,
            seed=seed,
            progress=progress,
        )
    if path is None and card.kind == "bag":
        from xgraph.data.bags.load import load_bags

        _only_molecules(label, smiles_column=smiles_column, standardize=standardize, features=kinds)
        return load_bags(
            card,
            cast(Split, chosen),
            fold=fold,
            seed=seed,
            target_columns=target_columns,
            root=folder,
            progress=progress,
        )
    if path is None and not card.smiles_column:
        _only_molecules(
            label,
            smiles_column=smiles_column,
            target_columns=target_columns,
            standardize=standardize,
            features=kinds,
        )
        if card.ogb:
            from xgraph.data.ogb.load import load_ogb_graphs, load_ogb_nodes

            if card.kind == "graph":
                return load_ogb_graphs(card, root=folder, progress=progress)
            return load_ogb_nodes(card, root=folder, progress=progress)
        from xgraph.data.nodes.load import load_nodes

        way = cast(Literal["given", "stratified", "random"], chosen)
        return load_nodes(card, way, fold=fold, seed=seed, root=folder, progress=progress)

    from xgraph.data.molecules.dataset import MoleculeDataset

    if path is not None:
        from xgraph.data.molecules.table import read_table

        table = read_table(path, smiles_column=smiles_column, target_columns=listed_targets(target_columns))
    else:
        if smiles_column not in (None, card.smiles_column):
            raise ValueError(f"smiles_column of {label!r} is {card.smiles_column!r}, got {smiles_column!r}")
        table = read_card_table(card, target_columns, root=folder, progress=progress)
    if given is not None:

        def at(path: str) -> Path:
            if card.ogb:
                return obtain_ogb(card, folder=folder, progress=progress) / path
            return obtain(card, card.file(path), folder=folder, progress=progress)

        rows = read_given(given, fold, table, at, card.smiles_column)
    else:
        rows = _computed(chosen, table, seed, folder, progress)
    data = MoleculeDataset.from_table(
        table, name=label, metric=metric, root=folder, splits=rows, standardize=standardize, progress=progress
    )
    return data.with_features(kinds, root=folder, progress=progress) if kinds else data


def read_card_table(
    card: Card,
    target_columns: Sequence[str] | None = None,
    *,
    root: str | Path | None = None,
    progress: Progress | None = None,
) -> Table:
    """The table of a registered data set, as it is before any molecule is parsed."""
    from xgraph.data.molecules.table import read_table

    wanted = card_targets(card, target_columns)
    if card.ogb:
        # The table that OGB's graphs were made from; its row i is graph i.
        path = obtain_ogb(card, folder=root, progress=progress) / "mapping" / "mol.csv.gz"
        return read_table(path, smiles_column=card.smiles_column, target_columns=wanted)
    if card.reader == "measured":
        from xgraph.data.molecules.table import Table
        from xgraph.data.published.measured import read_measured

        path = obtain(card, card.files[0], folder=root, progress=progress)
        smiles, y, rows = read_measured(path, wanted)
        return Table(smiles, y, list(wanted), rows)
    if not card.embedded:
        path = obtain(card, card.file(card.table), folder=root, progress=progress)
        return read_table(path, smiles_column=card.smiles_column, target_columns=wanted)
    table = EMBEDDED[card.embedded](root, progress)
    columns = [table.task_names.index(column) for column in wanted]
    return replace(table, y=table.y[:, columns], task_names=wanted)


def _own_table(name: str | Path) -> Path | None:
    """The path, if it is one and not the name of a registered data set."""
    text = str(name)
    if isinstance(name, str) and text in names():
        return None
    path = Path(name).expanduser()
    if path.is_dir() and (isinstance(name, Path) or "/" in text):
        raise ValueError(f"{text!r} is a folder; expected a data set's name or a CSV file")
    if path.is_file():
        return path
    if isinstance(name, Path) or text.lower().endswith(TABLE_ENDINGS) or "/" in text:
        raise FileNotFoundError(f"there is no file {text!r}")
    return None


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".csv")


def _check_fold(fold: int | None, folds: int, label: str, split: str) -> None:
    if fold is None:
        return
    if isinstance(fold, bool) or not isinstance(fold, int):
        raise TypeError(f"fold must be an integer, got {fold!r}")
    if folds == 0:
        raise ValueError(f"fold={fold} was given, but the {split} split of {label!r} has no folds")
    if not 0 <= fold < folds:
        raise ValueError(f"fold must be 0 to {folds - 1} for {label!r}, got {fold}")


def _only_molecules(label: str, **options: object) -> None:
    for option, value in options.items():
        if value not in (None, False):
            raise ValueError(f"{option}={value!r} was given, but {label!r} has no table of molecules")


def _computed(split: str, table: Table, seed: int, folder: Path, progress: Progress | None) -> dict[str, Rows]:
    from xgraph.data.molecules.splits import random_split, scaffold_split

    if split == "random":
        parts = random_split(len(table.smiles), seed=seed)
    else:
        parts = scaffold_split(table.smiles, root=folder, progress=progress)
    # splits count entries of the table; datasets count rows of the file
    return {part: table.rows[entries] for part, entries in parts.items()}
