"""Information content of a molecule's characteristic polynomial, from eigenvalues."""

from __future__ import annotations

from typing import Any

import numpy as np
from rdkit import Chem


def path_information(molecule: Any) -> tuple[float, float]:
    """What RDKit calls Ipc and AvgIpc: of the absolute coefficients of det(zI - A), A the adjacency of the atoms."""
    # With c their sum and H = -Σ (c_k/c) log2(c_k/c), these are c·H and H: Bonchev and Trinajstić, "Information
    # theory, distance matrix, and molecular branching", J. Chem. Phys. 67, 4517 (1977). RDKit finds the coefficients
    # by n products of matrices, in which rounding errors grow: from about 90 atoms on, no digit is right, and several
    # hundred atoms take minutes. Multiplying out ∏(z - λ_i) has neither fault.
    adjacency = Chem.GetAdjacencyMatrix(molecule).astype(np.float64)
    roots = np.linalg.eigvalsh(adjacency)
    # smallest first: in the order of their values, large coefficients would cancel
    coefficients = np.abs(np.poly(roots[np.argsort(np.abs(roots))]))
    total = coefficients.sum()
    share = coefficients[coefficients > 0] / total
    entropy = -float((share * np.log2(share)).sum())
    return float(total) * entropy, entropy
