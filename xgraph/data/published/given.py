"""Published splits, in the formats in which they are distributed."""

from __future__ import annotations

import gzip
import io
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from xgraph.messages import shown
from xgraph.schema import Schema

if TYPE_CHECKING:
    from xgraph.data.molecules.table import Table

Rows = NDArray[np.int64]
PARTS = ("train", "valid", "test")


class Given(Schema):
    """Where a published split is stored; ``{fold}`` stands for the name of the fold."""

    # rows: a file per part, with a 0-based row of the table in each line; tables: a table per part, with molecules of
    # the whole table; npz: one file with an array of rows per part; masks: one npz file with an array of booleans
    # [folds, items] per part; folds, of bags: one npz file with an array of booleans [repetitions, folds, items], true
    # in the training part, from which valid is drawn.
    format: Literal["rows", "npz", "tables", "masks", "folds"]
    train: str  # a file, or the name of an array
    valid: str
    test: str
    file: str = ""
    folds: list[str] = Field(default=[])

    def paths(self, fold: str | None = None) -> list[str]:
        """Return the files needed to read one fold, or all folds."""
        if self.format in ("npz", "masks", "folds"):
            return [self.file]
        chosen = self.folds or [""] if fold is None else [fold]
        return [getattr(self, part).format(fold=name) for name in chosen for part in PARTS]


def read_given(
    given: Given, fold: int | None, table: Table, obtain: Callable[[str], Path], smiles_column: str
) -> dict[str, Rows]:
    """Return the rows of the table for train, valid and test."""
    name = given.folds[fold or 0] if given.folds else ""
    keys = [getattr(given, part).format(fold=name) for part in PARTS]
    if given.format == "npz":
        with np.load(io.BytesIO(obtain(given.file).read_bytes()), allow_pickle=False) as arrays:
            parts = [np.asarray(arrays[key], dtype=np.int64) for key in keys]
    elif given.format == "rows":
        parts = [_read_rows(obtain(key)) for key in keys]
    else:
        from xgraph.data.molecules.table import read_smiles

        parts = match_rows(table, [read_smiles(obtain(key), smiles_column) for key in keys])
    every = np.sort(np.concatenate(parts))
    if not np.array_equal(every, np.sort(table.rows)):
        raise ValueError(
            f"the {len(every)} rows of the given split {keys} do not partition the table's {len(table.rows)}"
        )
    return dict(zip(PARTS, parts, strict=True))


def _read_rows(path: Path) -> Rows:
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    return np.array(text.split(), dtype=np.int64)


def match_rows(table: Table, parts: list[list[str]]) -> list[Rows]:
    """Find the molecules of each part in the whole table, by their SMILES as written."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, smiles in zip(table.rows[::-1].tolist(), reversed(table.smiles), strict=True):
        rows[smiles].append(row)
    return [np.array([_pop(rows, smiles) for smiles in part], dtype=np.int64) for part in parts]


def _pop(rows: dict[str, list[int]], smiles: str) -> int:
    if not rows.get(smiles):
        raise ValueError(
            f"the given split contains {shown(smiles)}, which is not in the table or occurs there less often"
        )
    return rows[smiles].pop()
