"""The ChEMBL sets of the 3D-MIL-QSAR paper: molecules and the proteins at which they were measured."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ACTIVE = 7.0  # pKi from which a molecule counts as active


def read_measured(
    path: Path, targets: Sequence[str], *, numbers: bool = False
) -> tuple[list[str], NDArray[np.float32], NDArray[np.int64]]:
    """Return the molecules measured at some of the proteins, their labels ``[n, T]``, and the first row of each.

    Labels say which molecules are active; with `numbers` they are the pKi itself.
    """
    column = {target: i for i, target in enumerate(targets)}
    place: dict[str, int] = {}
    measurements: list[tuple[int, int, float]] = []
    rows: list[int] = []
    try:
        lines = csv.reader(io.StringIO(gzip.decompress(path.read_bytes()).decode()))
        if next(lines, None) != ["dataset", "smiles", "chembl_id", "pki"]:
            raise ValueError("expected the columns dataset, smiles, chembl_id, pki")
        for row, (target, smiles, _, pki) in enumerate(lines):
            if target in column:
                if smiles not in place:
                    place[smiles] = len(rows)
                    rows.append(row)
                value = float(pki)
                measurements.append((place[smiles], column[target], value if numbers else float(value >= ACTIVE)))
    except (zlib.error, EOFError, gzip.BadGzipFile, ValueError, csv.Error) as error:
        raise ValueError(f"cannot read {path}: {error}") from error
    y = np.full((len(rows), len(targets)), np.nan, dtype=np.float32)
    for molecule, task, value in measurements:
        y[molecule, task] = value
    return list(place), y, np.array(rows, dtype=np.int64)
