"""Molecules of many data sets, without what a later run must not have seen: what encoders are pretrained on."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from xgraph.data.cards.files import obtain
from xgraph.data.cards.molecules import read_card_table
from xgraph.data.cards.named import load_card, names
from xgraph.data.molecules.dataset import MoleculeDataset
from xgraph.data.molecules.joined import JoinedDataset, join
from xgraph.data.molecules.splits import PARTS
from xgraph.data.molecules.table import Table, read_smiles, read_table
from xgraph.data.registry import load
from xgraph.data.storage.columns import ENDINGS, stem
from xgraph.data.storage.root import Progress, mirror
from xgraph.data.storage.root import root as root_folder

COMPETITION = ("aicures", "aicures_pseudomonas/test.csv")
"""A data set and its file of molecules that nobody may train on: the hidden test set of a running competition."""


def collect(
    datasets: Sequence[str],
    *,
    exclude: Sequence[str] = (),
    labelled: bool = True,
    standardize: bool = False,
    root: str | Path | None = None,
    progress: Progress | None = None,
) -> JoinedDataset:
    r"""Join data sets of molecules, without those to exclude.

    The competition test molecules of AICures are left out whatever is joined, if their file is at hand.

    Args:
        datasets: Names of data sets, or paths of CSV files.
        exclude: What to leave out, as `excluded` takes it.
        labelled: Whether labels are required. A CSV file without labels 0 and 1 is then left out, with a warning.
        standardize: Whether to take each molecule's largest fragment, neutralised.
        root: Data root, by default that of the environment.
        progress: Called as `progress(done, total, what)`.

    Raises:
        ValueError: If a data set is unknown, holds no molecules or is named twice, no labels are found although they
            are required, or no molecule is left.
        FileNotFoundError: If a CSV file does not exist.
        FetchError: If a file cannot be had.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "one.csv").write_text("smiles,a\nCCO,0\nCCN,1\n")
        >>> _ = (folder / "two.csv").write_text("smiles,b\nOCC,1\nC,1\n")
        >>> _ = (folder / "hidden.csv").write_text("smiles\nCC[NH3+].[Cl-]\n")
        >>> data = collect([f"{folder}/one.csv", f"{folder}/two.csv"], exclude=[f"{folder}/hidden.csv"])
        >>> data.smiles, data.y.tolist()
        (['CCO', 'C'], [[0.0, 1.0], [nan, 1.0]])
    """
    for name in (*datasets, *(spec.split(":")[0] for spec in exclude)):
        _check_molecules(name)
    unwanted = [text for spec in exclude for text in excluded(spec, root=root, progress=progress)]
    unwanted += _competition((*datasets, *exclude), root, progress)
    parts = []
    for name in datasets:
        label, table = _table(name, root, progress)
        if labelled and not table.task_names:
            warnings.warn(f"{name!r} has no column of labels 0 and 1, and is left out", stacklevel=2)
            continue
        parts.append(
            MoleculeDataset.from_table(table, name=label, root=root, standardize=standardize, progress=progress)
        )
    if not parts:
        raise ValueError(
            f"datasets: {', '.join(datasets)}: no labels 0 or 1 are there to learn from (regression is out of scope)"
        )
    data = join(parts, unwanted, root=root, progress=progress)
    if labelled and not data.num_tasks:
        raise ValueError(f"datasets: {', '.join(datasets)}: no molecule that is left has a label")
    return data


def excluded(spec: str, *, root: str | Path | None = None, progress: Progress | None = None) -> list[str]:
    """SMILES of a CSV file, a data set (`hiv`), a part of its split (`hiv:test`) or of a fold (`aicures:test:3`)."""
    # Without a fold it is the part of all folds: where each molecule is in the test part of one, all molecules.
    name, _, rest = spec.partition(":")
    if _is_file(spec) or _is_file(name):
        if rest and not _is_file(spec):
            raise ValueError(f"exclude: {name!r} is a file, which has no part {rest!r}")
        return [text for text in read_smiles(Path(spec).expanduser()) if text]
    card = load_card(name)
    if not rest:
        return read_card_table(card, root=root, progress=progress).smiles
    part, _, fold = rest.partition(":")
    if fold and not (fold.isdecimal() and int(fold) < card.folds):
        known = f"0 to {card.folds - 1}" if card.folds else "none"
        raise ValueError(f"exclude: {name!r} has no fold {fold!r} (it has: {known})")
    if part not in PARTS:
        raise ValueError(f"exclude: {name!r} has no part {part!r} (it has: {', '.join(PARTS)})")
    folds: list[int | None] = [int(fold)] if fold else [*range(card.folds)] or [None]
    texts: dict[str, None] = {}
    for number in folds:
        data = load(name, fold=number, root=root, progress=progress)
        texts |= dict.fromkeys(data.smiles[i] for i in data.splits[part].tolist())  # type: ignore[union-attr]
    return list(texts)


def _is_file(name: str) -> bool:
    return name not in names() and (name.lower().endswith(ENDINGS) or "/" in name or Path(name).is_file())


def _check_molecules(name: str) -> None:
    """Refuse, before anything is read, what is unknown or holds no molecules."""
    if _is_file(name):
        if not Path(name).expanduser().is_file():
            raise FileNotFoundError(f"there is no file {name!r}")
        return
    card = load_card(name)
    if not card.smiles_column:
        holds = {"node": "the nodes of a graph", "bag": "bags"}.get(card.kind, "graphs that are no molecules")
        raise ValueError(f"datasets: {name!r} holds {holds}; only data sets of molecules can be joined")


def _table(name: str, root: str | Path | None, progress: Progress | None) -> tuple[str, Table]:
    """What to call a data set, and its table."""
    if not _is_file(name):
        return name, read_card_table(load_card(name), root=root, progress=progress)
    path = Path(name).expanduser()
    table = read_table(path, require_targets=False)
    return stem(path), table


def _competition(named: Sequence[str], root: str | Path | None, progress: Progress | None) -> list[str]:
    """The molecules of the competition; fetched if its data set is named, else looked for."""
    name, path = COMPETITION
    card = load_card(name)
    folders = [root_folder(root), *([place] if isinstance(place := mirror(), Path) else [])]
    if not any(spec.split(":")[0] == name for spec in named) and not any((f / path).is_file() for f in folders):
        return []
    file = obtain(card, card.file(path), folder=root, progress=progress)
    return [text for text in read_smiles(file, card.smiles_column or None) if text]
