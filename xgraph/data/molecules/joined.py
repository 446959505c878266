"""Several data sets of molecules as one: each molecule once, with the labels of all of them."""

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
    """What became of the molecules that were joined."""

    given: int  # molecules of all data sets, before
    excluded: int
    repeated: int  # those that an earlier data set, or the same, has already
    conflicts: int  # labels left out because a data set gives one molecule both 0 and 1


class JoinedDataset(MoleculeDataset):
    """What `join` makes. Arguments: `MoleculeDataset`.

    Attributes:
        counts: What became of the molecules.
        sources: Name of the data set that each of the T label columns is from.
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
    """Join data sets of molecules, their labels side by side.

    Molecules are the same if `identities` says so: salts, charges and stereochemistry do not matter. A molecule has
    the graph, the SMILES and the row that it has in the first data set that holds it. Its labels are in columns called
    `<data set>/<task>`, missing where a data set does not have it. Where one data set gives it both labels, as
    for two stereoisomers, it has none: neither would be true. Columns without any label are left out.

    Args:
        datasets: The data sets; their names differ.
        exclude: SMILES of molecules to leave out.
        root: Data root in which the identities are kept; by default that of the environment.
        progress: Called as `progress(done, total, what)`.

    Raises:
        ValueError: If there are no data sets, two have one name or features of different versions, or no molecule is
            left.

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
        new = first[1][first[0] >= before]  # numbers are given in order, so these are too
        parts.append(data.graphs.take(new))
        smiles += [data.smiles[i] for i in new.tolist()]
        rows.append(data.row[torch.from_numpy(new)])
    total = sum(map(len, datasets))
    if not number:
        raise ValueError(f"join: nothing is left of {total} molecules: {excluded} are to be excluded")
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
        counts=Counts(total, excluded, total - excluded - len(number), conflicts),
        sources=[sources[i] for i in kept],
    )


_UNREADABLE, _UNWANTED = -2, -1


def _check(datasets: Sequence[MoleculeDataset]) -> None:
    names = [data.name for data in datasets]
    if not names:
        raise ValueError("datasets is empty: at least one is needed")
    if len(set(names)) < len(names):
        raise ValueError(f"datasets must have different names, got {', '.join(names)}")
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
    """Position of each molecule among those joined, or why it has none; new ones are numbered."""
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
    """Fill the columns of one data set; return how many labels are contradictory, and thus missing."""
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
