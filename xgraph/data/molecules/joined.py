"""Several data sets of molecules joined into one, with each molecule once and the labels of all sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xgraph.data.molecules.dataset import MoleculeDataset
from xgraph.data.molecules.identity import identities
from xgraph.data.molecules.packed import PackedGraphs
from xgraph.data.molecules.table import RowError
from xgraph.data.storage.root import Progress


@dataclass(frozen=True)
class Counts:
    """Statistics of a join."""

    given: int  # molecules of all data sets before joining
    excluded: int
    repeated: int  # molecules that already occurred in this or an earlier data set
    conflicts: int  # labels dropped because a data set labels the same molecule both 0 and 1


class JoinedDataset(MoleculeDataset):
    """The result of `join`. For the arguments see `MoleculeDataset`.

    Attributes:
        counts: Statistics of the join.
        sources: For each of the T label columns, the name of its data set.
    """

    counts: Counts
    sources: list[str]

    def __init__(self, *args: Any, counts: Counts, sources: Sequence[str], **options: Any) -> None:
        super().__init__(*args, **options)
        self.counts, self.sources = counts, list(sources)


def join(
    datasets: Sequence[MoleculeDataset],
    exclude: Sequence[str] = (),
    *,
    root: str | Path | None = None,
    progress: Progress | None = None,
) -> JoinedDataset:
    """Join data sets of molecules, with the label columns of all of them.

    Molecules are equal if their `identities` are equal, ignoring salts, charges, stereochemistry, isotopes and atom
    maps. A molecule keeps the graph, SMILES and row of the first data set that contains it. Label columns are named
    ``<data set>/<task>``; a label is missing if the data set does not contain the molecule, or if it gives the molecule
    contradictory labels, for example for two stereoisomers. Columns without any label are dropped.

    Args:
        datasets: The data sets, which must have different names.
        exclude: SMILES of molecules to leave out.
        root: Data root for the cache; by default ``XGRAPH_ROOT`` or ``~/.cache/xgraph``.
        progress: Called with ``(done, total, description)``.

    Raises:
        ValueError: If there are no data sets, two have the same name or different versions of features, or no molecule
            is left.

    Example:
        >>> from xgraph.data.molecules.table import Table
        >>> def data(name, smiles, labels):
        ...     y = np.array(labels, dtype=np.float32)[:, None]
        ...     return MoleculeDataset.from_table(Table(smiles, y, ["t"], np.arange(len(y))), name=name)
        >>> one, two = data("one", ["CCO", "CCN"], [0, 1]), data("two", ["NCC", "CC"], [0, 1])
        >>> both = join([one, two], exclude=["C(C)O"])
        >>> both.smiles, both.task_names, both.y.tolist()
        (['CCN', 'CC'], ['one/t', 'two/t'], [[1.0, 0.0], [nan, 1.0]])
    """
    _check(datasets)
    unwanted = set(identities(exclude, root=root, progress=progress)) - {""}
    number: dict[str, int] = {}
    parts: list[PackedGraphs] = []
    places: list[NDArray[np.int64]] = []
    smiles: list[str] = []
    texts: list[str] = []
    rows: list[Tensor] = []
    errors: list[RowError] = []
    excluded = 0
    for data in datasets:
        before = len(number)
        place, failures = _places(data, unwanted, number, root, progress)
        places.append(place)
        excluded += int((place == _UNWANTED).sum())
        errors += [RowError(e.row, e.smiles, f"{data.name}: {e.message}") for e in (*data.errors, *failures)]
        first = np.unique(place, return_index=True)
        new = first[1][first[0] >= before]  # numbers are assigned in order, so these are ascending
        parts.append(data.graphs.take(new))
        smiles += [data.smiles[i] for i in new.tolist()]
        texts += [data.graph_smiles[i] for i in new.tolist()]
        rows.append(data.row[torch.from_numpy(new)])
    total = sum(map(len, datasets))
    if not number:
        raise ValueError(f"join: none of the {total} molecules remain ({excluded} were excluded)")
    names = [f"{data.name}/{task}" for data in datasets for task in data.task_names]
    y = torch.full((len(number), len(names)), torch.nan)
    column = conflicts = 0
    for data, place in zip(datasets, places, strict=True):
        conflicts += _merge(y[:, column : column + data.num_tasks], data.y, place)
        column += data.num_tasks
    known = y.isnan().logical_not_().any(0)
    kept = known.nonzero().flatten().tolist()
    sources = [data.name for data in datasets for _ in data.task_names]
    return JoinedDataset(
        PackedGraphs.concatenate(parts),
        smiles,
        y if len(kept) == len(names) else y[:, kept],
        torch.cat(rows),
        name="+".join(data.name for data in datasets),
        task_names=[names[i] for i in kept],
        metric="roc_auc",
        errors=errors,
        featurizer=datasets[0].featurizer,
        graph_smiles=texts,
        counts=Counts(total, excluded, total - excluded - len(number), conflicts),
        sources=[sources[i] for i in kept],
    )


_UNREADABLE, _UNWANTED = -2, -1


def _check(datasets: Sequence[MoleculeDataset]) -> None:
    names = [data.name for data in datasets]
    if not names:
        raise ValueError("datasets must contain at least one data set, got none")
    if len(set(names)) < len(names):
        raise ValueError(f"datasets must have different names, got {', '.join(names)}")
    numbers = next((data.name for data in datasets if data.task == "regression"), None)
    if numbers is not None:
        raise ValueError(f"datasets must have labels 0 and 1, but {numbers!r} has numbers to predict (regression)")
    versions = sorted({data.featurizer for data in datasets})
    if len(versions) > 1:
        raise ValueError(f"datasets must have the same features, got {' and '.join(versions)}")


def _places(
    data: MoleculeDataset,
    unwanted: set[str],
    number: dict[str, int],
    root: str | Path | None,
    progress: Progress | None,
) -> tuple[NDArray[np.int64], list[RowError]]:
    """Return the position of each molecule in the joined data set, and failures; number new molecules."""
    texts = identities(data.smiles, root=root, progress=progress)
    place = np.empty(len(texts), dtype=np.int64)
    failures = []
    for i, text in enumerate(texts):
        if text == "":
            place[i] = _UNREADABLE
            failures.append(RowError(int(data.row[i]), data.smiles[i], "it cannot be standardised"))
        else:
            place[i] = _UNWANTED if text in unwanted else number.setdefault(text, len(number))
    return place, failures


def _merge(y: Tensor, labels: Tensor, place: NDArray[np.int64]) -> int:
    """Fill the columns of one data set; return the number of contradictory labels, which become missing."""
    kept = torch.from_numpy(place >= 0)
    rows = torch.from_numpy(place)[kept]
    labels = labels[kept]
    if len(torch.unique(rows)) == len(rows):
        y[rows] = labels
        return 0
    where = rows.unsqueeze(1).expand_as(labels)
    low, high = torch.full_like(y, torch.inf), torch.full_like(y, -torch.inf)
    low.scatter_reduce_(0, where, labels.nan_to_num(nan=torch.inf), "amin")
    high.scatter_reduce_(0, where, labels.nan_to_num(nan=-torch.inf), "amax")
    y.copy_(torch.where(low == high, low, torch.nan))
    return int((low < high).sum())
