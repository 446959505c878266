"""The applicability domain: how similar molecules are to those that a run was trained on."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from rdkit import DataStructs
from rdkit.Chem import rdFingerprintGenerator

from xgraph.data.molecules.molecule import parse

MOST = 5_000
"""Number of training molecules that are compared at most."""


class Nearest(NamedTuple):
    """The most similar training molecules of some molecules.

    Args:
        similarity: Tanimoto similarity of Morgan fingerprints (radius 2, 2,048 bits), from 0 to 1; NaN for a molecule
            that cannot be read. Shape ``[n]``.
        place: Position of the training molecule; -1 for none. Shape ``[n]``.
        compared: Number of training molecules that were compared with.
    """

    similarity: npt.NDArray[np.float64]
    place: npt.NDArray[np.int64]
    compared: int


def nearest(smiles: Sequence[str], training: Sequence[str], most: int = MOST) -> Nearest:
    """Return the most similar training molecules; of more than `most` evenly spaced ones are compared.

    Args:
        smiles: SMILES of the molecules.
        training: SMILES of the training molecules.
        most: Number of training molecules to compare at most.
    """
    rows = np.arange(len(training))
    if len(rows) > most:
        rows = np.unique(np.linspace(0, len(training) - 1, most).round().astype(np.int64))
    known = [(int(row), bits) for row in rows if (bits := _bits(training[int(row)])) is not None]
    prints = [bits for _, bits in known]
    similarity, place = np.full(len(smiles), np.nan), np.full(len(smiles), -1)
    for i, text in enumerate(smiles):
        own = _bits(text)
        if own is None or not prints:
            continue
        values = DataStructs.BulkTanimotoSimilarity(own, prints)
        best = int(np.argmax(values))
        similarity[i], place[i] = values[best], known[best][0]
    return Nearest(similarity, place, len(prints))


_MORGAN = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)


def _bits(smiles: str) -> Any:
    try:
        return _MORGAN.GetFingerprint(parse(smiles))
    except ValueError:
        return None
