"""The split of a user's table of molecules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xgraph.data.labels.duplicates import Duplicates, LabelledRows, resolve_duplicates
from xgraph.data.molecules.identity import identities
from xgraph.data.molecules.splitting.groups import cluster_keys, scaffold_keys
from xgraph.data.molecules.table import Table
from xgraph.data.splits.classes import bag_classes
from xgraph.data.splits.own import OwnSplit, parts_present, warn_of_rows_in_no_part
from xgraph.data.splits.words import NOWHERE
from xgraph.data.storage.root import Progress

SHARES = (0.8, 0.1, 0.1)
_KEYS = {"scaffold": scaffold_keys, "scaffold-balanced": scaffold_keys, "cluster": cluster_keys}


def split_molecules(
    table: Table,
    splitting: OwnSplit,
    duplicates: Duplicates,
    *,
    name: str,
    standardize: bool = False,
    root: Path,
    progress: Progress | None = None,
) -> tuple[Table, dict[str, NDArray[np.int64]]]:
    """Resolve repeated molecules; return the remaining table, and the rows of each part that has any.

    In parts of one's own, rows in different parts are not merged, so that labels of the test part stay there. A split
    is drawn after merging.
    """
    identity = identities(table.smiles, level="graph", standardize=standardize, root=root, progress=progress)
    if not splitting.is_given:
        kept, table = _resolved(table, identity, None, duplicates, name)
        same = [identity[i] for i in kept.tolist()]
        return table, split_table(table, splitting, same, root=root, progress=progress)
    rows = split_table(table, splitting, identity, root=root, progress=progress)
    part = np.full(len(table.smiles), NOWHERE)
    for number, own in enumerate(rows.values()):
        part[np.isin(table.rows, own)] = number
    table = _resolved(table, identity, part, duplicates, name)[1]
    return table, {key: own[np.isin(own, table.rows)] for key, own in rows.items()}


def _resolved(
    table: Table, identity: Sequence[str], part: NDArray[np.int64] | None, duplicates: Duplicates, name: str
) -> tuple[NDArray[np.int64], Table]:
    """Return the entries of a table that remain, and the table of them."""

    def place(entry: int) -> str:
        row = int(table.rows[entry])
        return str(row) if table.files is None else "{1} of {0}".format(*table.files.place(row))

    rows = LabelledRows(
        name,
        identity,
        table.y,
        place,
        table.task_names,
        table.task == "multiclass",
        part,
        numbers=table.task == "regression",
    )
    kept, y = resolve_duplicates(rows, duplicates)
    smiles = [table.smiles[i] for i in kept.tolist()]
    weight = None if table.weight is None else table.weight[kept]
    groups = None if table.groups is None else table.groups.take(kept)
    return kept, replace(table, smiles=smiles, y=y, rows=table.rows[kept], weight=weight, groups=groups)


def split_table(
    table: Table, splitting: OwnSplit, same: Sequence[str], *, root: Path, progress: Progress | None = None
) -> dict[str, NDArray[np.int64]]:
    """Return the rows of each part that has any; `same` are the identities of the molecules."""
    sizes = table.files.sizes if table.files else [_last(table) + 1]
    given = splitting.of_rows(sizes if table.split_cells is None else [len(table.split_cells)], table.split_cells)
    if given is None:
        part = draw_molecules(table.smiles, table.y, splitting, same, root=root, progress=progress)
    else:
        part = splitting.with_valid(given[table.rows], bag_classes(table.y))
        warn_of_rows_in_no_part(int((part == NOWHERE).sum()), "molecules")
    return {name: table.rows[entries] for name, entries in parts_present(part).items()}


def draw_molecules(
    smiles: Sequence[str],
    y: NDArray[np.float32],
    splitting: OwnSplit,
    same: Sequence[str] | None = None,
    *,
    root: Path | None = None,
    progress: Progress | None = None,
) -> NDArray[np.int64]:
    """Draw the part of each molecule; the same molecule is in the same group, however it is written."""
    keys = _KEYS.get(str(splitting.split))
    if keys is None:
        return splitting.draw(bag_classes(y), SHARES, None)
    same = identities(smiles, level="graph", root=root, progress=progress) if same is None else same
    texts = [identity or text for identity, text in zip(same, smiles, strict=True)]
    return splitting.draw(bag_classes(y), SHARES, partial(keys, texts, root=root, progress=progress))


def _last(table: Table) -> int:
    """Return the last data row."""
    return max([int(table.rows.max(initial=-1)), *(error.row for error in table.errors)], default=-1)
