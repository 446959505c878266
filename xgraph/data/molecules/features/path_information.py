"""The descriptors Ipc and AvgIpc, computed from eigenvalues."""

from __future__ import annotations

from typing import Any

import numpy as np
from rdkit import Chem


def path_information(molecule: Any) -> tuple[float, float]:
    """Return RDKit's Ipc and AvgIpc, from the absolute coefficients of det(zI - A) with the adjacency matrix A."""
    # With c the sum of the coefficients and H = -Σ (c_k/c) log2(c_k/c), these are c·H and H: Bonchev and Trinajstić,
    # "Information theory, distance matrix, and molecular branching", J. Chem. Phys. 67, 4517 (1977). RDKit computes
    # the coefficients by n matrix products, in which rounding errors grow: from about 90 atoms on, no digit is
    # correct, and several hundred atoms take minutes. Expanding ∏(z - λ_i) is accurate and fast.
    adjacency = Chem.GetAdjacencyMatrix(molecule).astype(np.float64)
    roots = np.linalg.eigvalsh(adjacency)
    # smallest absolute value first: otherwise large coefficients would cancel
    coefficients = np.abs(np.poly(roots[np.argsort(np.abs(roots))]))
    total = coefficients.sum()
    share = coefficients[coefficients > 0] / total
    entropy = -float((share * np.log2(share)).sum())
    return float(total) * entropy, entropy
