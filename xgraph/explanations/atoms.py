"""The attributions of a molecule, by the atoms of its SMILES as given."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from xgraph.data.molecules.molecule import parse
from xgraph.explanations.graphs import Parts

Values = npt.NDArray[np.float64]
FEATURES = 20
"""Number of features with the largest attributions that have a row of their own."""

OTHERS = "all others"
"""Name of the row with the sum over the other features."""


class Explained(NamedTuple):
    """Attributions of a molecule, by its atoms in the SMILES as given.

    Args:
        atoms: Attribution of each atom; missing for atoms that the model does not read. Shape ``[n]``.
        bonds: Attribution of each bond by its two atoms.
        features: Attribution of each feature by its name.
        score: What the run predicts.
    """

    atoms: Values
    bonds: dict[tuple[int, int], float]
    features: dict[str, float]
    score: float


def placed(parts: Parts, places: list[int | None], size: int, score: float, names: list[str]) -> Explained:
    """Return attributions by the atoms of the SMILES as given."""
    atoms = np.full(size, np.nan)
    for value, place in zip(parts.atoms, places, strict=True):
        if place is not None:
            atoms[place] = value
    bonds = {}
    for (a, b), value in zip(parts.ends.tolist(), parts.bonds, strict=True):
        first, second = places[a], places[b]
        if first is not None and second is not None:
            bonds[min(first, second), max(first, second)] = float(value)
    return Explained(atoms, bonds, dict(zip(names, parts.features.tolist(), strict=False)), score)


def mean_of(each: Sequence[Explained]) -> Explained:
    """Return the mean over the members of an ensemble."""
    bonds = {bond: float(np.mean([one.bonds[bond] for one in each if bond in one.bonds])) for bond in each[0].bonds}
    names = dict.fromkeys(name for one in each for name in one.features)
    features = {name: float(np.mean([one.features.get(name, 0.0) for one in each])) for name in names}
    return Explained(
        np.mean([one.atoms for one in each], axis=0), bonds, features, float(np.mean([one.score for one in each]))
    )


def rows_of(text: str, one: Explained) -> list[dict[str, Any]]:
    """Return one row per atom, bond and feature."""
    molecule = parse(text)
    total = one.atoms.copy()
    for (a, b), value in one.bonds.items():
        total[[a, b]] += value / 2
    rows: list[dict[str, Any]] = [
        {
            "part": "atom",
            "atom": atom.GetIdx(),
            "name": atom.GetSymbol(),
            "attribution": one.atoms[atom.GetIdx()],
            "total": total[atom.GetIdx()],
        }
        for atom in molecule.GetAtoms()
        if np.isfinite(one.atoms[atom.GetIdx()])
    ]
    for (a, b), value in one.bonds.items():
        bond = molecule.GetBondBetweenAtoms(a, b)
        name = "" if bond is None else str(bond.GetBondType()).lower()
        rows.append({"part": "bond", "atom": a, "other": b, "name": name, "attribution": value})
    order = sorted(one.features, key=lambda name: (-abs(one.features[name]), name))
    some = [name for name in order if one.features[name]][:FEATURES]
    rows += [{"part": "feature", "name": name, "attribution": one.features[name]} for name in some]
    rest = sum(one.features[name] for name in order[len(some) :])
    if len([name for name in order if one.features[name]]) > len(some):
        rows.append({"part": "feature", "name": OTHERS, "attribution": rest})
    return rows
