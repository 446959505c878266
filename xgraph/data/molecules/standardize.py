"""Optional standardisation of molecules to the neutralised largest fragment; tautomers are not changed."""

from __future__ import annotations

from collections.abc import Iterable

from rdkit import Chem
from rdkit.Chem.MolStandardize import rdMolStandardize
from rdkit.rdBase import BlockLogs

from xgraph.data.molecules.interrupts import interrupts_held
from xgraph.data.molecules.molecule import parse


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


def standardize_all(smiles: Iterable[str]) -> list[str | ValueError]:
    """Standardise many SMILES; a failure is returned as an error in its place."""
    done: list[str | ValueError] = []
    for text in smiles:
        try:
            done.append(standardize_smiles(text))
        except ValueError as error:
            done.append(error)
    return done
