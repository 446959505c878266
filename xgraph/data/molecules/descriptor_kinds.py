"""Kinds of numbers that describe a molecule as a whole: descriptors and fingerprints, by RDKit."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from rdkit.Chem import rdFingerprintGenerator, rdMolDescriptors

from xgraph.data.molecules.path_information import path_information

Values = NDArray[np.generic]

LARGEST = 500  # atoms: the time of some descriptors grows with the third power, to a second here
LIMIT = 100.0  # of transformed descriptors: beyond ±e^100 is overflow, not chemistry
SIZE = 2048  # of hashed fingerprints


@dataclass(frozen=True)
class Kind:
    """One kind of features of a molecule."""

    version: str  # a new one whenever the numbers change
    names: Callable[[], list[str]]
    values: Callable[[Any], Values]
    dtype: DTypeLike
    worth: int  # molecules for which one more process pays


def _rdkit_list() -> list[tuple[str, Callable[[Any], float]]]:
    from rdkit.Chem import Descriptors  # imports much

    # RDKit's own are wrong for larger molecules, and slow
    better = {"Ipc": lambda molecule: path_information(molecule)[0], "AvgIpc": lambda m: path_information(m)[1]}
    return [(name, better.get(name, descriptor)) for name, descriptor in Descriptors.descList]


def _rdkit_names() -> list[str]:
    return [name for name, _ in _rdkit_list()]


def _rdkit(molecule: Any) -> Values:
    """sign(x) log(1 + |x|) of each descriptor x, within ±LIMIT; 0 for one that fails or is no finite number."""
    descriptors = _rdkit_list()
    raw = np.zeros(len(descriptors))
    if molecule.GetNumAtoms() > LARGEST:
        return raw
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of divisions by zero and overflows inside, which end as 0 here
        for i, (_, descriptor) in enumerate(descriptors):
            try:
                raw[i] = descriptor(molecule)
            except Exception:  # each has its own: no hydrogens left, no charges for an element, ...
                raw[i] = np.nan
    raw[~np.isfinite(raw)] = 0.0
    values: Values = np.clip(np.sign(raw) * np.log1p(np.abs(raw)), -LIMIT, LIMIT)
    return values


def _counts(generator: Any) -> Callable[[Any], Values]:
    def values(molecule: Any) -> Values:
        counts: Values = np.minimum(generator.GetCountFingerprintAsNumPy(molecule), 255)
        return counts

    return values


def _maccs(molecule: Any) -> Values:
    return np.array(rdMolDescriptors.GetMACCSKeysFingerprint(molecule).ToList())


def _numbered(name: str, size: int) -> Callable[[], list[str]]:
    return lambda: [f"{name}_{i}" for i in range(size)]


_morgan = _counts(rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=SIZE))
_torsion = _counts(rdFingerprintGenerator.GetTopologicalTorsionGenerator(fpSize=SIZE))

KINDS = {
    "rdkit": Kind("rdkit/1", _rdkit_names, _rdkit, np.float32, worth=50),
    "morgan": Kind("morgan/1", _numbered("morgan", SIZE), _morgan, np.uint8, worth=2_000),
    "maccs": Kind("maccs/1", _numbered("maccs", 167), _maccs, np.uint8, worth=500),
    "torsion": Kind("torsion/1", _numbered("torsion", SIZE), _torsion, np.uint8, worth=2_000),
}
