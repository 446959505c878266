import math
from math import comb

import pytest
from rdkit import Chem
from rdkit.Chem import GraphDescriptors

from tests.data.molecules.test_molecule import nci
from xgraph.data.molecules.features.path_information import path_information


def information(coefficients: list[int]) -> tuple[float, float]:
    """Of whole numbers, exactly up to the logarithm."""
    total = sum(coefficients)
    entropy = -sum(c / total * math.log2(c / total) for c in coefficients if c)
    return total * entropy, entropy


def test_matches_rdkit_for_small_molecules() -> None:
    for smiles in [*nci()[:60], "C", "[Na+].[Cl-]", "[H][H]"]:
        molecule = Chem.MolFromSmiles(smiles)
        want = GraphDescriptors.Ipc(molecule), GraphDescriptors.AvgIpc(molecule)
        assert path_information(molecule) == pytest.approx(want, rel=1e-7, abs=1e-12)


@pytest.mark.parametrize("n", [30, 100, 300, 500])
def test_of_chains(n: int) -> None:
    # The coefficients of a tree count its matchings; in a chain of n atoms there are C(n - k, k) of k bonds.
    want = information([comb(n - k, k) for k in range(n // 2 + 1)])
    assert path_information(Chem.MolFromSmiles("C" * n)) == pytest.approx(want, rel=1e-12)


def test_of_a_cage() -> None:
    fullerene = Chem.MolFromSmiles(
        "c12c3c4c5c1c1c6c7c2c2c8c3c3c9c4c4c%10c5c5c1c1c6c6c%11c7c2c2c7c8c3c3c8c9c4c4c9c%10c5c5c1c1c6c6c%11c2c2c7c3c3"
        "c8c4c4c9c5c1c1c6c2c3c41"
    )
    want = information(exact_coefficients([[a.GetIdx() for a in atom.GetNeighbors()] for atom in fullerene.GetAtoms()]))
    assert path_information(fullerene) == pytest.approx(want, rel=1e-12)


def exact_coefficients(neighbors: list[list[int]]) -> list[int]:
    """Absolute coefficients of the characteristic polynomial, by Faddeev and LeVerrier in whole numbers."""
    n = len(neighbors)
    matrix = [[int(i == j) for j in range(n)] for i in range(n)]
    coefficients = [1]
    for k in range(1, n + 1):
        matrix = [[sum(matrix[j][column] for j in neighbors[i]) for column in range(n)] for i in range(n)]
        coefficients.append(-sum(matrix[i][i] for i in range(n)) // k)
        for i in range(n):
            matrix[i][i] += coefficients[-1]
    return [abs(c) for c in coefficients]
