"""The split of a user's table of molecules."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xgraph.data.molecules.identity import identities
from xgraph.data.molecules.splitting.groups import cluster_keys, scaffold_keys
from xgraph.data.molecules.table import Table
from xgraph.data.splits.classes import bag_classes
from xgraph.data.splits.own import OwnSplit, parts_present, warn_of_rows_in_no_part
from xgraph.data.splits.words import NOWHERE
from xgraph.data.storage.root import Progress

SHARES = (0.8, 0.1, 0.1)
_KEYS = {"scaffold": scaffold_keys, "scaffold-balanced": scaffold_keys, "cluster": cluster_keys}


def split_table(
    table: Table, splitting: OwnSplit, *, standardize: bool = False, root: Path, progress: Progress | None = None
) -> dict[str, NDArray[np.int64]]:
    """Return the rows of each part that has any."""
    sizes = table.files.sizes if table.files else [_last(table) + 1]
    given = splitting.of_rows(sizes if table.split_cells is None else [len(table.split_cells)], table.split_cells)
    if given is None:
        part = draw_molecules(table.smiles, table.y, splitting, standardize=standardize, root=root, progress=progress)
    else:
        part = splitting.with_valid(given[table.rows], bag_classes(table.y))
        warn_of_rows_in_no_part(int((part == NOWHERE).sum()), "molecules")
    return {name: table.rows[entries] for name, entries in parts_present(part).items()}


def draw_molecules(
    smiles: Sequence[str],
    y: NDArray[np.float32],
    splitting: OwnSplit,
    *,
    standardize: bool = False,
    root: Path | None = None,
    progress: Progress | None = None,
) -> NDArray[np.int64]:
    """Draw the part of each molecule; the same molecule is in the same group, however it is written."""
    keys = _KEYS.get(str(splitting.split))
    if keys is None:
        return splitting.draw(bag_classes(y), SHARES, None)
    same = identities(smiles, level="graph", standardize=standardize, root=root, progress=progress)
    texts = [identity or text for identity, text in zip(same, smiles, strict=True)]
    return splitting.draw(bag_classes(y), SHARES, partial(keys, texts, root=root, progress=progress))


def _last(table: Table) -> int:
    """Return the last data row."""
    return max([int(table.rows.max(initial=-1)), *(error.row for error in table.errors)], default=-1)
