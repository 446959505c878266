"""The table of molecules in a release of the Open Graph Benchmark: from it OGB made its graphs, row i is graph i."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from xgraph.data.cards.schema import Card
    from xgraph.data.molecules.table import Table

_NOT_TASKS = ("mol_id",)
_MISSING = ("", "nan", "NaN")


def read_release_table(card: Card, path: Path, columns: Sequence[str] | None = None) -> Table:
    """Read SMILES and labels; a table of 1,310 tasks takes the memory of its labels, and not that of its cells.

    Args:
        card: The card. If it does not name the tasks, they are the columns of the table.
        path: The table, ``mapping/mol.csv.gz`` of the release.
        columns: A selection of the tasks, in this order.

    Raises:
        ValueError: If the table has other tasks than the card says, or a label that is no number.
    """
    import pandas as pd

    from xgraph.data.cards.targets import card_targets
    from xgraph.data.molecules.table import RowError, Table

    remedy = "delete the folder of the release to fetch it again"
    try:
        header = list(pd.read_csv(path, nrows=0).columns)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise ValueError(f"cannot read {path}: {error}; {remedy}") from error
    tasks = [name for name in header if name not in (card.smiles_column, *_NOT_TASKS)]
    if len(tasks) != card.tasks:
        got = f"the columns {', '.join(header[:20])}"
        raise ValueError(f"cannot read {path}: expected {card.tasks} tasks, got {got}; {remedy}")
    targets = card_targets(card, columns, tasks)
    try:
        frame = pd.read_csv(
            path,
            usecols=[card.smiles_column, *targets],
            dtype={card.smiles_column: str, **dict.fromkeys(targets, np.float32)},
            keep_default_na=False,
            na_values={name: list(_MISSING if name in targets else ("",)) for name in header},
            engine="c",
            skip_blank_lines=False,
        )
    except (OSError, EOFError, ValueError, zlib.error) as error:  # pandas has a ValueError for each mistake in a table
        raise ValueError(f"cannot read {path}: {error}; {remedy}") from error
    cells = frame[card.smiles_column].fillna("").str.strip()
    kept = np.flatnonzero((cells != "").to_numpy())
    errors = [RowError(int(row), "", "the SMILES cell is empty") for row in np.flatnonzero((cells == "").to_numpy())]
    y = np.empty((len(kept), len(targets)), dtype=np.float32)
    for task, name in enumerate(targets):
        y[:, task] = frame[name].to_numpy()[kept]
    wrong = np.isinf(y) if card.is_regression else ~((y == 0) | (y == 1) | np.isnan(y))
    if wrong.any():
        row, task = np.argwhere(wrong)[0].tolist()
        raise ValueError(f"{path}: column {targets[task]!r} holds {y[row, task]:g} in row {int(kept[row])}")
    return Table(
        cells.iloc[kept].tolist(),
        y,
        list(targets),
        kept.astype(np.int64),
        errors,
        task="regression" if card.is_regression else "binary",
    )
