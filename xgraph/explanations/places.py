"""Where the atoms that a model reads are in the SMILES as given, and which atoms fingerprints describe."""

from typing import Any

from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from rdkit.Chem.MolStandardize import rdMolStandardize
from rdkit.rdBase import BlockLogs

from xgraph.data.molecules.features.kinds import SIZE
from xgraph.data.molecules.molecule import parse

Environments = dict[int, list[list[int]]]
"""For each column of features, the atoms of each occurrence of what it counts."""

_COUNTS = {
    "morgan": rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=SIZE),
    "torsion": rdFingerprintGenerator.GetTopologicalTorsionGenerator(fpSize=SIZE),
}
MAPPED = ("morgan", "maccs", "torsion")
"""Kinds of features whose columns belong to atoms."""


def atom_places(given: str, read: str) -> list[int | None]:
    """Return, for each atom of the SMILES that a model reads, its position in the SMILES as given; None if unknown."""
    molecule, own = parse(given), parse(read)
    if read == given:
        return list(range(own.GetNumAtoms()))
    with BlockLogs():
        for atom in molecule.GetAtoms():
            atom.SetIntProp("place", atom.GetIdx())
            atom.SetAtomMapNum(0)
            atom.SetIsotope(0)
        for form in (_same, _largest, _neutral):
            written = form(molecule)
            if Chem.MolToSmiles(written) == read:
                order = list(written.GetPropsAsDict(True, True)["_smilesAtomOutputOrder"])
                return [written.GetAtomWithIdx(i).GetIntProp("place") for i in order]
        match = molecule.GetSubstructMatch(own, useChirality=True) or molecule.GetSubstructMatch(own)
    return list(match) if match else [None] * own.GetNumAtoms()


def environments(molecule: Any, kind: str) -> Environments:
    """Return the atoms that each column of a fingerprint describes; columns without an occurrence are left out."""
    if kind == "maccs":
        return _maccs(molecule)
    output = rdFingerprintGenerator.AdditionalOutput()
    output.AllocateBitInfoMap() if kind == "morgan" else output.AllocateBitPaths()
    _COUNTS[kind].GetCountFingerprint(molecule, additionalOutput=output)
    if kind == "torsion":
        return {int(bit): [list(path) for path in paths] for bit, paths in output.GetBitPaths().items()}
    found = output.GetBitInfoMap().items()
    return {int(bit): [_around(molecule, *one) for one in occurrences] for bit, occurrences in found}


def _around(molecule: Any, center: int, radius: int) -> list[int]:
    bonds = Chem.FindAtomEnvironmentOfRadiusN(molecule, radius, center) if radius else []
    ends = [molecule.GetBondWithIdx(bond) for bond in bonds]
    return sorted({center, *(i for bond in ends for i in (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))})


def _maccs(molecule: Any) -> Environments:
    from rdkit.Chem import MACCSkeys

    found: Environments = {}
    for key, (smarts, count) in MACCSkeys.smartsPatts.items():
        pattern = Chem.MolFromSmarts(smarts) if smarts != "?" else None
        matches = [] if pattern is None else [list(match) for match in molecule.GetSubstructMatches(pattern)]
        if len(matches) > count:
            found[int(key)] = matches
    return found


def _same(molecule: Any) -> Any:
    return molecule


def _largest(molecule: Any) -> Any:
    return rdMolStandardize.LargestFragmentChooser().choose(molecule)


def _neutral(molecule: Any) -> Any:
    return rdMolStandardize.Uncharger().uncharge(_largest(molecule))
