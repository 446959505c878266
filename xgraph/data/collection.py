"""Collections of molecules from several data sets, for pretraining encoders."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from xgraph.data.cards.files import obtain
from xgraph.data.cards.molecules import read_card_table
from xgraph.data.cards.named import load_card, names
from xgraph.data.labels.rules import LabelRules
from xgraph.data.molecules.dataset import MoleculeDataset
from xgraph.data.molecules.joined import JoinedDataset, join
from xgraph.data.molecules.splits import PARTS
from xgraph.data.molecules.standardize import AtomOrder
from xgraph.data.molecules.table import Table, read_smiles, read_table
from xgraph.data.registry import load
from xgraph.data.storage.root import Progress, expanded, mirror
from xgraph.data.storage.root import root as root_folder
from xgraph.data.tables.formats import ENDINGS, stem

COMPETITION = ("aicures", "aicures_pseudomonas/test.csv")
"""A data set and its file of molecules that are always excluded: the hidden test set of a running competition."""


def collect(
    datasets: Sequence[str],
    *,
    exclude: Sequence[str] = (),
    labelled: bool = True,
    standardize: bool = False,
    root: str | Path | None = None,
    progress: Progress | None = None,
) -> JoinedDataset:
    r"""Join data sets of molecules, leaving out molecules to exclude.

    The AICures competition's test molecules are always left out if their file is available.

    Args:
        datasets: Names of data sets, or paths of CSV files.
        exclude: Molecules to leave out: names of data sets (``hiv``), parts of their splits (``hiv:test``) or of a fold
            (``aicures:test:3``), or paths of CSV files.
        labelled: Whether labels are required. Data without 0/1 labels are then skipped with a warning.
        standardize: Whether to reduce each molecule to its largest fragment, neutralised.
        root: Data root; by default ``XGRAPH_ROOT`` or ``~/.cache/xgraph``.
        progress: Called with ``(done, total, description)``.

    Raises:
        ValueError: If a data set is unknown, does not contain molecules or is named twice, no labels are found although
            they are required, or no molecule is left.
        FileNotFoundError: If a CSV file does not exist.
        FetchError: If a file cannot be fetched.

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
    order: AtomOrder = "canonical" if all(map(_is_file, datasets)) else "drawn"  # as the registered data sets
    for name in datasets:
        label, table = _table(name, root, progress)
        if table.task == "regression":  # encoders learn from labels 0 and 1
            table = replace(table, y=table.y[:, :0], task_names=[], task="binary")
        if labelled and not table.task_names:
            warnings.warn(f"{name!r} is skipped because it has no column with labels 0 and 1", stacklevel=2)
            continue
        parts.append(
            MoleculeDataset.from_table(
                table, name=label, root=root, standardize=standardize, progress=progress, atom_order=order
            )
        )
    if not parts:
        raise ValueError(
            f"datasets: {', '.join(datasets)} have no column with labels 0 and 1, on which encoders are pretrained"
        )
    data = join(parts, unwanted, root=root, progress=progress)
    if labelled and not data.num_tasks:
        raise ValueError(f"datasets: {', '.join(datasets)}: none of the remaining molecules has a label")
    return data


def excluded(spec: str, *, root: str | Path | None = None, progress: Progress | None = None) -> list[str]:
    """Return the SMILES of a CSV file, data set (`hiv`), part of its split (`hiv:test`) or fold (`aicures:test:3`)."""
    # Without a fold, the part of every fold is used: all molecules if each is in the test part of some fold.
    name, _, rest = spec.partition(":")
    if _is_file(spec) or _is_file(name):
        if rest and not _is_file(spec):
            raise ValueError(f"exclude: {name!r} is a file and has no part {rest!r}")
        return [text for text in read_smiles(expanded(spec)) if text]
    card = load_card(name)
    if not rest:
        return read_card_table(card, root=root, progress=progress).smiles
    part, _, fold = rest.partition(":")
    if fold and not (fold.isdecimal() and int(fold) < card.folds):
        known = f"0 to {card.folds - 1}" if card.folds else "none"
        raise ValueError(f"exclude: {name!r} has no fold {fold!r} (folds: {known})")
    if part not in PARTS:
        raise ValueError(f"exclude: {name!r} has no part {part!r} (parts: {', '.join(PARTS)})")
    folds: list[int | None] = [int(fold)] if fold else [*range(card.folds)] or [None]
    texts: dict[str, None] = {}
    for number in folds:
        data = load(name, fold=number, root=root, progress=progress)
        texts |= dict.fromkeys(data.smiles[i] for i in data.splits[part].tolist())  # type: ignore[union-attr]
    return list(texts)


def _is_file(name: str) -> bool:
    return name not in names() and (name.lower().endswith(ENDINGS) or "/" in name or Path(name).is_file())


def _check_molecules(name: str) -> None:
    """Reject unknown names and data sets without molecules before anything is read."""
    if _is_file(name):
        if not expanded(name).is_file():
            raise FileNotFoundError(f"file {name!r} does not exist")
        return
    card = load_card(name)
    if not card.smiles_column:
        content = {"node": "the nodes of a graph", "bag": "bags"}.get(card.kind, "graphs that are not molecules")
        raise ValueError(f"datasets: {name!r} contains {content}; only data sets of molecules can be joined")


def _table(name: str, root: str | Path | None, progress: Progress | None) -> tuple[str, Table]:
    """Return a label for the data set, and its table."""
    if not _is_file(name):
        return name, read_card_table(load_card(name), root=root, progress=progress)
    path = expanded(name)
    table = read_table(path, require_targets=False, rules=LabelRules(task="binary"))
    return stem(path), table


def _competition(named: Sequence[str], root: str | Path | None, progress: Progress | None) -> list[str]:
    """Return the competition's molecules, which are fetched only if the data set is named."""
    name, path = COMPETITION
    card = load_card(name)
    folders = [root_folder(root), *([place] if isinstance(place := mirror(), Path) else [])]
    if not any(spec.split(":")[0] == name for spec in named) and not any((f / path).is_file() for f in folders):
        return []
    file = obtain(card, card.file(path), folder=root, progress=progress)
    return [text for text in read_smiles(file, card.smiles_column or None) if text]
