"""Featurisation with the compiled package cuik-molmaker, if installed, converted to OGB's categories.

cuik-molmaker parses and featurises a list of SMILES in C++, in about the time that RDKit needs to parse them. Its
columns hold raw RDKit values, from which OGB's categories are looked up here. Three of its properties determine how it
is called. A SMILES with a syntax error becomes a graph without atoms (but the atom feature "in-ring" would then crash
the process, so ring membership is taken from bonds). A molecule that RDKit rejects raises an error for the whole list.
Complete atom maps reorder the atoms.
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

LARGEST = 128  # molecules per call: an error makes the other molecules of the call about three times as expensive
SMALLEST = 4  # lists up to this length are processed by RDKit
PIN = re.compile(r"rdkit\s*==\s*([\d.]+)")
ATOM_MAP = re.compile(r":\d+\]")

# Columns of the two float matrices, in the order requested below.
TAG, NUMBER, DEGREE, CHARGE, RADICALS, HYBRIDIZATION, AROMATIC = slice(0, 5), 5, 6, 7, 8, 9, 10
ORDER, KIND, STEREO, CONJUGATED, RING = 0, slice(1, 5), slice(5, 12), 12, 13
_NUMBER_SCALE = 5.0  # cuik-molmaker returns the atomic number divided by 5

_HYBRIDIZATION = np.array([molecule.HYBRIDIZATION[Chem.HybridizationType.values[i]] for i in range(9)], dtype=np.uint8)
# cuik-molmaker lists NONE, ANY, Z, E, CIS, TRANS, other.
_STEREO = np.array([0, 5, 1, 2, 3, 4, 0], dtype=np.uint8)


def _for_this_rdkit() -> bool:
    """Whether the RDKit release that cuik-molmaker pins is the one in use; otherwise features could differ."""
    with suppress(PackageNotFoundError):
        pins = (PIN.fullmatch(text) for text in requires("cuik-molmaker-pin") or [])
        return all(_release(pin[1]) == _release(rdBase.rdkitVersion) for pin in pins if pin)
    return True


def _release(version: str) -> list[int]:
    """Return the numbers of a version, so that 2026.03.6 equals 2026.3.6."""
    return [int(number) for number in re.findall(r"\d+", version)]


@cache
def _engine() -> tuple[Any, ...] | None:
    """Return the compiled function and the features it computes, or None if it is not available."""
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
    except (ImportError, AttributeError):  # not installed, or an incompatible version
        return None


def available() -> bool:
    """Whether cuik-molmaker can be used."""
    return _engine() is not None


def pack(smiles: Sequence[str]) -> tuple[PackedGraphs, list[tuple[int, str]]]:
    """Featurise SMILES strings with cuik-molmaker, falling back to RDKit where necessary."""
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
    except (RuntimeError, ValueError):  # caused by at least one molecule
        middle = len(smiles) // 2
        return _join([_pack(smiles[:middle], start), _pack(smiles[middle:], start + middle)])
    num_atoms = np.bincount(owner, minlength=len(smiles))
    empty = np.flatnonzero(num_atoms == 0)
    if len(empty):
        return _around(smiles, start, empty.tolist())
    return _translate(x, bond, ends, owner, num_atoms), []


def _is_special(text: str) -> bool:
    """Whether the compiled code cannot handle the SMILES or would reorder its atoms."""
    if len(text) > molecule.LONGEST or not text.isascii() or molecule.has_several_words(text):
        return True
    return ":" in text and bool(ATOM_MAP.search(text))


def _around(smiles: Sequence[str], start: int, slow: list[int]) -> tuple[PackedGraphs, list[tuple[int, str]]]:
    """Featurise the molecules at the positions `slow` with RDKit, and those between them with the compiled code."""
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
    """Convert cuik-molmaker's float columns to OGB's categories."""
    total = len(atom)
    number = np.rint(_NUMBER_SCALE * atom[:, NUMBER]).astype(np.int64)
    degree, charge, radicals, hybridization = (
        atom[:, column].astype(np.int64) for column in (DEGREE, CHARGE, RADICALS, HYBRIDIZATION)
    )
    # RDKit's total degree counts neighbours and implicit hydrogens.
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
    attr[:, 0] = np.where(
        (kind == 3) & (bond[:, ORDER] != 1.5), 4, kind
    )  # the fourth kind also includes all other types
    attr[:, 1] = _STEREO[bond[:, STEREO].argmax(axis=1)]
    attr[:, 2] = bond[:, CONJUGATED]

    first = np.cumsum(num_atoms) - num_atoms
    of = owner[ends[0]] if len(bond) else np.empty(0, dtype=np.int64)
    num_bonds = np.bincount(of, minlength=len(num_atoms))
    return PackedGraphs.from_counts(x, (ends - first[of]).T.astype(np.int32), attr, num_atoms, num_bonds)
