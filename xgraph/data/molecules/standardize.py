"""Optional standardisation of molecules: the largest fragment, neutralised; tautomers left alone."""

from __future__ import annotations

from collections.abc import Iterable

from rdkit import Chem
from rdkit.Chem.MolStandardize import rdMolStandardize
from rdkit.rdBase import BlockLogs

from xgraph.data.molecules.interrupts import interrupts_held
from xgraph.data.molecules.molecule import parse


def standardize_smiles(smiles: str) -> str:
    """Canonical SMILES of a molecule's largest fragment, without the charges that can be removed."""
    # Salts and solvents go, acids and amines become neutral, a quaternary nitrogen or a nitro group keeps its
    # charges, and the tautomer that was drawn stays.
    molecule = parse(smiles)
    with BlockLogs(), interrupts_held():
        try:
            largest = rdMolStandardize.LargestFragmentChooser().choose(molecule)
            neutral = rdMolStandardize.Uncharger().uncharge(largest)
            return str(Chem.MolToSmiles(neutral))
        except Exception as error:  # RDKit raises several types of its own
            raise ValueError(f"it cannot be standardised: {' '.join(str(error).split())[:200]}") from error


def standardize_all(smiles: Iterable[str]) -> list[str | ValueError]:
    """Standardise many; in the place of one that fails stands its error."""
    done: list[str | ValueError] = []
    for text in smiles:
        try:
            done.append(standardize_smiles(text))
        except ValueError as error:
            done.append(error)
    return done
