"""The forms in which molecules are compared and read: as their graphs show them, or as neutralised main fragments."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

from rdkit import Chem
from rdkit.Chem.MolStandardize import rdMolStandardize
from rdkit.rdBase import BlockLogs

from xgraph.data.molecules.interrupts import interrupts_held
from xgraph.data.molecules.molecule import parse

AtomOrder = Literal["canonical", "drawn"]
CANONICAL = "canonical/1"  # part of the version of features; increase it whenever `canonical_smiles` changes

_LABELS = re.compile(r"\[\d|:\d+\]|\s")  # an isotope, an atom map, or an extension (CXSMILES), which may hold both
_ORDERED = re.compile(r"@|" + _LABELS.pattern)


def canonical_smiles(smiles: str) -> str:
    """Return the canonical SMILES of a molecule as its graph shows it: the same text for the same molecule.

    Atom maps and isotopes are cleared, and explicit hydrogens become implicit where RDKit does so, deuterium included.
    Fragments, charges, tautomers and stereochemistry stay as drawn.

    Args:
        smiles: SMILES of a molecule.

    Raises:
        ValueError: If RDKit rejects the SMILES.

    Example:
        >>> [canonical_smiles(text) for text in ("OCC", "[CH3:1][CH2:2][OH:3]", "[2H]OC[13CH3]")]
        ['CCO', 'CCO', 'CCO']
    """
    molecule = as_its_graph_shows(smiles)
    with BlockLogs():
        return str(Chem.MolToSmiles(molecule))


def as_its_graph_shows(smiles: str) -> Any:
    """Parse a SMILES to a molecule without what its graph does not show: atom maps, isotopes, explicit hydrogens."""
    molecule = parse(smiles)
    if not _LABELS.search(smiles):
        return molecule
    for atom in molecule.GetAtoms():
        atom.SetAtomMapNum(0)
        atom.SetIsotope(0)
    with BlockLogs():
        # Read again: now deuterium is a hydrogen, and a centre that only isotopes made chiral is none.
        again = Chem.MolFromSmiles(Chem.MolToSmiles(molecule))
    return molecule if again is None else again


def in_canonical_order(smiles: str) -> str:
    """Return a SMILES whose graph does not depend on how the molecule is written, up to the numbering of atoms."""
    # Of OGB's features only the chirality tag depends on the order of atoms, so that other texts stay as they are.
    return canonical_smiles(smiles) if _ORDERED.search(smiles) else smiles


def standardize_smiles(smiles: str) -> str:
    """Return the canonical SMILES of a molecule's largest fragment, neutralised as far as possible."""
    # Salts and solvents are removed, acids and amines become neutral, quaternary nitrogens and nitro groups keep
    # their charges, and tautomers are not changed.
    molecule = parse(smiles)
    with BlockLogs(), interrupts_held():
        try:
            largest = rdMolStandardize.LargestFragmentChooser().choose(molecule)
            neutral = rdMolStandardize.Uncharger().uncharge(largest)
            return str(Chem.MolToSmiles(neutral))
        except Exception as error:  # RDKit raises several types of its own
            raise ValueError(f"it cannot be standardised: {' '.join(str(error).split())[:200]}") from error


def texts_to_read(smiles: Iterable[str], standardize: bool, atom_order: AtomOrder) -> list[str | ValueError]:
    """Return the SMILES that graphs are made from; a failure is returned as an error in its place."""
    done: list[str | ValueError] = []
    for text in smiles:
        try:
            ordered = in_canonical_order(text) if atom_order == "canonical" else text
            done.append(standardize_smiles(ordered) if standardize else ordered)
        except ValueError as error:
            done.append(error)
    return done


def atom_order_of(featurizer: str) -> AtomOrder:
    """Return the order of atoms in which features of this version were computed."""
    return "canonical" if "+canonical" in featurizer else "drawn"


def check_atom_order(atom_order: object) -> None:
    """Raise `ValueError` for an unknown order of atoms."""
    if atom_order not in ("canonical", "drawn"):
        raise ValueError(f"atom_order must be 'canonical' or 'drawn', got {atom_order!r}")
