"""Featurisation of single molecules: SMILES to the Open Graph Benchmark's integer features, with RDKit.

The nine atom and three bond features, their order, the categories and the order of edges are the same as in OGB's
`smiles2graph` (Hu et al., Open Graph Benchmark, NeurIPS 2020, https://arxiv.org/abs/2005.00687). The tables are
repeated here because importing `ogb` is slow and starts a network thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from rdkit import Chem
from rdkit.rdBase import BlockLogs

from xgraph.data.molecules.packed import PackedGraphs
from xgraph.messages import shown

FEATURIZER = "ogb-9+3/1"  # increase it whenever the features or their packing change


def _table(enum: Any, listed: Iterable[Any], other: int) -> dict[Any, int]:
    """Return the category of every member of an RDKit enumeration: its position in OGB's list, or `other`."""
    place = {member: i for i, member in enumerate(listed)}
    return {member: place.get(member, other) for member in enum.values.values()}


_Tag, _Orbitals, _Bond, _Stereo = Chem.ChiralType, Chem.HybridizationType, Chem.BondType, Chem.BondStereo
CHIRALITY = _table(
    _Tag, [_Tag.CHI_UNSPECIFIED, _Tag.CHI_TETRAHEDRAL_CW, _Tag.CHI_TETRAHEDRAL_CCW, _Tag.CHI_OTHER], other=4
)
HYBRIDIZATION = _table(
    _Orbitals, [_Orbitals.SP, _Orbitals.SP2, _Orbitals.SP3, _Orbitals.SP3D, _Orbitals.SP3D2], other=5
)
BOND_TYPE = _table(_Bond, [_Bond.SINGLE, _Bond.DOUBLE, _Bond.TRIPLE, _Bond.AROMATIC], other=4)
# OGB fails on atropisomers because it has no category for them; here their bonds count as having no stereo.
_STEREOS = ("STEREONONE", "STEREOZ", "STEREOE", "STEREOCIS", "STEREOTRANS", "STEREOANY")
STEREO = _table(_Stereo, [_Stereo.names[name] for name in _STEREOS], other=0)
LONGEST = 20_000  # characters; RDKit's time grows quadratically, and no small molecule is this long
MAX_DEGREE, MAX_CHARGE, MAX_HYDROGENS, MAX_RADICALS = 10, 5, 8, 4  # larger values share the next category


def parse(smiles: str) -> Any:
    """Parse a SMILES string to an RDKit molecule; ValueError if it is invalid."""
    if len(smiles) > LONGEST:
        raise ValueError(f"the SMILES has {len(smiles):,} characters, but the maximum is {LONGEST:,}")
    with BlockLogs():
        molecule: Any = Chem.MolFromSmiles(smiles)
        if molecule is None:
            raise ValueError(_reason(smiles))
    if molecule.GetNumAtoms() == 0:
        raise ValueError("the SMILES is empty")
    if has_several_words(smiles):  # of which RDKit reads the first
        raise ValueError(f"expected one SMILES, but {shown(smiles.split(maxsplit=1)[1])} follows it")
    return molecule


def has_several_words(smiles: str) -> bool:
    """Whether anything follows the SMILES but an extension in bars, as in ``CCO |$a;b;c$|`` (CXSMILES)."""
    words = smiles.split(maxsplit=1)
    return len(words) == 2 and not (words[1].startswith("|") and words[1].rstrip().endswith("|"))


def parses(smiles: str) -> bool:
    """Whether RDKit can parse the SMILES to a molecule with at least one atom."""
    try:
        parse(smiles)
    except ValueError:
        return False
    return True


def _reason(smiles: str) -> str:
    """Describe why RDKit rejects a SMILES string."""
    raw: Any = Chem.MolFromSmiles(smiles, sanitize=False)
    if raw is None:
        return "RDKit cannot parse it: invalid SMILES"
    try:
        Chem.SanitizeMol(raw)
    except Exception as error:  # RDKit's own exception types and RuntimeError
        return f"RDKit rejects it: {' '.join(str(error).split())[:200]}"
    return "RDKit cannot parse it"


def atom_rows(molecule: Any) -> list[int]:
    """Return OGB's nine features of every atom in a flat list."""
    row: list[int] = []
    for atom in molecule.GetAtoms():
        number, degree, charge = atom.GetAtomicNum(), atom.GetTotalDegree(), atom.GetFormalCharge()
        hydrogens, radicals = atom.GetTotalNumHs(), atom.GetNumRadicalElectrons()
        row += (
            number - 1 if 1 <= number <= 118 else 118,
            CHIRALITY[atom.GetChiralTag()],
            degree if degree <= MAX_DEGREE else MAX_DEGREE + 1,
            charge + MAX_CHARGE if -MAX_CHARGE <= charge <= MAX_CHARGE else 2 * MAX_CHARGE + 1,
            hydrogens if hydrogens <= MAX_HYDROGENS else MAX_HYDROGENS + 1,
            radicals if radicals <= MAX_RADICALS else MAX_RADICALS + 1,
            HYBRIDIZATION[atom.GetHybridization()],
            atom.GetIsAromatic(),
            atom.IsInRing(),
        )
    return row


def bond_rows(molecule: Any) -> tuple[list[int], list[int]]:
    """Return both ends and OGB's three features of every bond, each in a flat list."""
    ends: list[int] = []
    row: list[int] = []
    for bond in molecule.GetBonds():
        ends += (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
        row += (BOND_TYPE[bond.GetBondType()], STEREO[bond.GetStereo()], bond.GetIsConjugated())
    return ends, row


def pack(smiles: Iterable[str]) -> tuple[PackedGraphs, list[tuple[int, str]]]:
    """Featurise SMILES strings with RDKit."""
    atoms: list[int] = []
    ends: list[int] = []
    bonds: list[int] = []
    num_atoms: list[int] = []
    num_bonds: list[int] = []
    failures: list[tuple[int, str]] = []
    for position, text in enumerate(smiles):
        try:
            molecule = parse(text)
        except ValueError as error:
            failures.append((position, str(error)))
            continue
        atoms += atom_rows(molecule)
        more_ends, more_bonds = bond_rows(molecule)
        ends += more_ends
        bonds += more_bonds
        num_atoms.append(molecule.GetNumAtoms())
        num_bonds.append(molecule.GetNumBonds())
    graphs = PackedGraphs.from_counts(
        np.array(atoms, dtype=np.uint8).reshape(-1, 9),
        np.array(ends, dtype=np.int32).reshape(-1, 2),
        np.array(bonds, dtype=np.uint8).reshape(-1, 3),
        np.array(num_atoms, dtype=np.int64),
        np.array(num_bonds, dtype=np.int64),
    )
    return graphs, failures
