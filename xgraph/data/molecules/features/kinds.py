"""The kinds of additional features of molecules: RDKit descriptors, fingerprints, and a pretrained encoder."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from rdkit.Chem import rdFingerprintGenerator, rdMolDescriptors

from xgraph.data.molecules.features.path_information import path_information
from xgraph.data.molecules.interrupts import interrupts_held
from xgraph.data.molecules.pretrained import minimol

Values = NDArray[np.generic]

LARGEST = 500  # atoms: the time of some descriptors grows with the third power and reaches a second here
LIMIT = 100.0  # of transformed descriptors: values beyond ±e^100 are overflow, not chemistry
SIZE = 2048  # number of hashed fingerprint features


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Kind:
    """One kind of molecule features.

    Args:
        version: A text that changes whenever the values change.
        names: Names of the columns.
        rows: Features of molecules, which are given as SMILES and parsed; NaN in the rows of those that it refuses.
        dtype: Type in which they are stored.
        worth: Number of molecules that justifies another process.
        check: Raises `OptionError` if a package is missing.
        load: Imports what other processes need.
    """

    version: Callable[[], str]
    names: Callable[[], list[str]]
    rows: Callable[[Sequence[str], Sequence[Any]], Values]
    dtype: DTypeLike
    worth: int
    check: Callable[[], None] = _nothing
    load: Callable[[], None] = _nothing


def _rdkit_list() -> list[tuple[str, Callable[[Any], float]]]:
    from rdkit.Chem import Descriptors  # imports much

    # RDKit's implementations are slow, and wrong for larger molecules
    better = {"Ipc": lambda molecule: path_information(molecule)[0], "AvgIpc": lambda m: path_information(m)[1]}
    return [(name, better.get(name, descriptor)) for name, descriptor in Descriptors.descList]


def _rdkit_names() -> list[str]:
    return [name for name, _ in _rdkit_list()]


def _rdkit(molecule: Any) -> Values:
    """Return sign(x) log(1 + |x|) of each descriptor x, clamped to ±LIMIT; 0 if it fails or is not finite."""
    descriptors = _rdkit_list()
    raw = np.zeros(len(descriptors))
    if molecule.GetNumAtoms() > LARGEST:
        return raw
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about divisions by zero and overflows, which become 0 here
        for i, (_, descriptor) in enumerate(descriptors):
            try:
                raw[i] = descriptor(molecule)
            except Exception:  # for many reasons: no hydrogens left, no charges for an element, ...
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


def _each(
    version: str, names: Callable[[], list[str]], values: Callable[[Any], Values], dtype: DTypeLike, worth: int
) -> Kind:
    """Return a kind whose features are computed molecule by molecule."""

    def rows(smiles: Sequence[str], molecules: Sequence[Any]) -> Values:
        features = np.empty((len(smiles), len(names())), dtype)
        for row, molecule in zip(features, molecules, strict=True):
            with interrupts_held():
                row[:] = values(molecule)
        return features

    return Kind(lambda: version, names, rows, dtype, worth)


_morgan = _counts(rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=SIZE))
_torsion = _counts(rdFingerprintGenerator.GetTopologicalTorsionGenerator(fpSize=SIZE))

KINDS = {
    "rdkit": _each("rdkit/1", _rdkit_names, _rdkit, np.float32, worth=50),
    "morgan": _each("morgan/1", _numbered("morgan", SIZE), _morgan, np.uint8, worth=2_000),
    "maccs": _each("maccs/1", _numbered("maccs", 167), _maccs, np.uint8, worth=500),
    "torsion": _each("torsion/1", _numbered("torsion", SIZE), _torsion, np.uint8, worth=2_000),
    "minimol": Kind(
        minimol.version,
        _numbered("minimol", minimol.WIDTH),
        minimol.encode,
        np.float32,
        worth=50,
        check=minimol.check_installed,
        load=minimol.load,
    ),
}
