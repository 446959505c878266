"""The compiled featuriser cuik-molmaker, where it is installed, made to speak OGB's categories.

It parses and reads a whole list of SMILES in C++, about as fast as RDKit parses them alone. Its
columns hold the raw RDKit values from which OGB's categories are looked up here. Three of its habits
decide how it is called: a SMILES with a syntax error becomes a graph without atoms (but the feature
"in-ring" of atoms would then crash the process, so ring membership is taken from bonds); a molecule
that RDKit refuses raises for the whole list; complete atom maps reorder the atoms.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, requires
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.rdBase import BlockLogs

from xgraph.data.molecules import molecule
from xgraph.data.molecules.packed import PackedGraphs

LARGEST = 128  # molecules a call: one that raises costs the others of its call about three times
SMALLEST = 4  # a list this short goes through RDKit
PIN = re.compile(r"rdkit\s*==\s*([\d.]+)")
ATOM_MAP = re.compile(r":\d+\]")

# Columns of the two float matrices, in the order requested below.
TAG, NUMBER, DEGREE, CHARGE, RADICALS, HYBRIDIZATION, AROMATIC = slice(0, 5), 5, 6, 7, 8, 9, 10
ORDER, KIND, STEREO, CONJUGATED, RING = 0, slice(1, 5), slice(5, 12), 12, 13
_NUMBER_SCALE = 5.0  # cuik-molmaker gives the atomic number divided by 5

_HYBRIDIZATION = np.array([molecule.HYBRIDIZATION[Chem.HybridizationType.values[i]] for i in range(9)], dtype=np.uint8)
# cuik-molmaker lists NONE, ANY, Z, E, CIS, TRANS, other.
_STEREO = np.array([0, 5, 1, 2, 3, 4, 0], dtype=np.uint8)


def _for_this_rdkit() -> bool:
    """Whether the release of RDKit that its package pins, if any, is the one in use: else features differ."""
    with suppress(PackageNotFoundError):
        pins = (PIN.fullmatch(text) for text in requires("cuik-molmaker-pin") or [])
        return all(_release(pin[1]) == _release(rdBase.rdkitVersion) for pin in pins if pin)
    return True


def _release(version: str) -> list[int]:
    """Numbers of a version, so that 2026.03.6 equals 2026.3.6."""
    return [int(number) for number in re.findall(r"\d+", version)]


@cache
def _engine() -> tuple[Any, ...] | None:
    """The compiled function and the features it computes, or None where it is not available."""
    if not _for_this_rdkit():
        return None
    try:
        import cuik_molmaker as cuik

        return (
            cuik.batch_mol_featurizer,
            cuik.atom_onehot_feature_names_to_array(["chirality"]),
            cuik.atom_float_feature_names_to_array(
                ["atomic-number", "degree", "formal-charge", "radical-electron", "hybridization", "aromatic"]
            ),
            cuik.bond_feature_names_to_array(
                ["bond-type-float", "bond-type-onehot", "stereo", "conjugated", "in-ring"]
            ),
        )
    except (ImportError, AttributeError):  # not there, or of another age
        return None


def available() -> bool:
    """Whether cuik-molmaker can be used here."""
    return _engine() is not None


def pack(smiles: Sequence[str]) -> tuple[PackedGraphs, list[tuple[int, str]]]:
    """Featurise SMILES strings with cuik-molmaker; those it cannot do, with RDKit."""
    with BlockLogs():
        return _join([_pack(smiles[i : i + LARGEST], i) for i in range(0, len(smiles), LARGEST)])


def _pack(smiles: Sequence[str], start: int) -> tuple[PackedGraphs, list[tuple[int, str]]]:
    engine = _engine()
    if engine is None or len(smiles) <= SMALLEST:
        graphs, failures = molecule.pack(smiles)
        return graphs, [(start + position, reason) for position, reason in failures]
    special = [i for i, text in enumerate(smiles) if _is_special(text)]
    if special:
        return _around(smiles, start, special)
    function, tags, numbers, bonds = engine
    try:
        x, bond, ends, _, owner = function(list(smiles), tags, numbers, bonds, False, False, False, False)
    except (RuntimeError, ValueError):  # because of one molecule at least
        middle = len(smiles) // 2
        return _join([_pack(smiles[:middle], start), _pack(smiles[middle:], start + middle)])
    num_atoms = np.bincount(owner, minlength=len(smiles))
    empty = np.flatnonzero(num_atoms == 0)
    if len(empty):
        return _around(smiles, start, empty.tolist())
    return _translate(x, bond, ends, owner, num_atoms), []


def _is_special(text: str) -> bool:
    """Whether the compiled code must not see it, or would number its atoms otherwise."""
    return len(text) > molecule.LONGEST or not text.isascii() or (":" in text and bool(ATOM_MAP.search(text)))


def _around(smiles: Sequence[str], start: int, slow: list[int]) -> tuple[PackedGraphs, list[tuple[int, str]]]:
    """Let RDKit do the molecules at the positions `slow`, the compiled code those between them."""
    parts = []
    last = 0
    for position in slow:
        parts.append(_pack(smiles[last:position], start + last))
        graphs, failures = molecule.pack(smiles[position : position + 1])
        parts.append((graphs, [(start + position, reason) for _, reason in failures]))
        last = position + 1
    parts.append(_pack(smiles[last:], start + last))
    return _join(parts)


def _join(parts: Sequence[tuple[PackedGraphs, list[tuple[int, str]]]]) -> tuple[PackedGraphs, list[tuple[int, str]]]:
    graphs = PackedGraphs.concatenate([part for part, _ in parts])
    return graphs, [failure for _, failures in parts for failure in failures]


def _translate(
    atom: NDArray[np.float32],
    bond: NDArray[np.float32],
    ends: NDArray[np.int64],
    owner: NDArray[np.int64],
    num_atoms: NDArray[np.int64],
) -> PackedGraphs:
    """cuik-molmaker's float columns -> OGB's categories."""
    total = len(atom)
    number = np.rint(_NUMBER_SCALE * atom[:, NUMBER]).astype(np.int64)
    degree, charge, radicals, hybridization = (
        atom[:, column].astype(np.int64) for column in (DEGREE, CHARGE, RADICALS, HYBRIDIZATION)
    )
    # RDKit counts in the total degree the neighbours and the hydrogens that are not atoms of their own.
    hydrogens = degree - np.bincount(ends.ravel(), minlength=total)
    in_ring = np.zeros(total, dtype=np.uint8)
    in_ring[ends[:, bond[:, RING] == 1].ravel()] = 1
    limit = molecule.MAX_CHARGE
    x = np.empty((total, 9), dtype=np.uint8)
    x[:, 0] = np.where((number >= 1) & (number <= 118), number - 1, 118)
    x[:, 1] = atom[:, TAG].argmax(axis=1)
    x[:, 2] = np.minimum(degree, molecule.MAX_DEGREE + 1)
    x[:, 3] = np.where(np.abs(charge) <= limit, charge + limit, 2 * limit + 1)
    x[:, 4] = np.minimum(hydrogens, molecule.MAX_HYDROGENS + 1)
    x[:, 5] = np.minimum(radicals, molecule.MAX_RADICALS + 1)
    x[:, 6] = _HYBRIDIZATION[hybridization]
    x[:, 7] = atom[:, AROMATIC]
    x[:, 8] = in_ring

    kind = bond[:, KIND].argmax(axis=1)
    attr = np.empty((len(bond), 3), dtype=np.uint8)
    attr[:, 0] = np.where((kind == 3) & (bond[:, ORDER] != 1.5), 4, kind)  # its fourth kind is "any other"
    attr[:, 1] = _STEREO[bond[:, STEREO].argmax(axis=1)]
    attr[:, 2] = bond[:, CONJUGATED]

    first = np.cumsum(num_atoms) - num_atoms
    of = owner[ends[0]] if len(bond) else np.empty(0, dtype=np.int64)
    num_bonds = np.bincount(of, minlength=len(num_atoms))
    return PackedGraphs.from_counts(x, (ends - first[of]).T.astype(np.int32), attr, num_atoms, num_bonds)
