"""The 200 ChEMBL sets, the order in which they are used, and the pool of decoys."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from rdkit import Chem, RDLogger
from rdkit.Chem.Scaffolds import MurckoScaffold

SEED = 19
TUNING = 24
"""Sets whose tasks serve for the choice of learning rates; they are never reported."""


@dataclass(frozen=True)
class Molecules:
    """The distinct molecules of all sets."""

    smiles: list[str]
    scaffolds: np.ndarray
    """A number per scaffold; molecules without a ring have scaffolds of their own."""
    sets: dict[str, tuple[np.ndarray, np.ndarray]]
    """The molecules of each set and their pKi (mean of repeated measurements), sorted by molecule."""
    order: list[str]
    """All sets in random order: the first `TUNING` are for tuning."""
    pool: np.ndarray
    """The molecules from which decoys are drawn: those of the tuning sets, so that few features are computed."""


@cache
def molecules(mirror: Path, cache_folder: Path) -> Molecules:
    """Read the sets; canonical SMILES and scaffolds are computed once and kept in `cache_folder`."""
    with gzip.open(mirror / "chembl_conformer_mil" / "chembl_pki.csv.gz", "rt") as file:
        rows = [(row["dataset"], row["smiles"], float(row["pki"])) for row in csv.DictReader(file)]
    given = sorted({smiles for _, smiles, _ in rows})
    canonical, scaffolds = identities(given, cache_folder / "identities.json")
    first: dict[str, int] = {}
    index = {smiles: first.setdefault(key, len(first)) for smiles, key in zip(given, canonical, strict=True)}
    kept: dict[int, int] = {}
    for position, smiles in enumerate(given):
        kept.setdefault(index[smiles], position)
    positions = [kept[i] for i in range(len(first))]
    names = [scaffolds[p] or f"acyclic {p}" for p in positions]
    values: dict[str, dict[int, list[float]]] = {}
    for name, smiles, pki in rows:
        values.setdefault(name, {}).setdefault(index[smiles], []).append(pki)
    sets = {name: (np.array(sorted(v)), np.array([np.mean(v[i]) for i in sorted(v)])) for name, v in values.items()}
    rng = np.random.default_rng(SEED)
    order = [str(name) for name in rng.permutation(sorted(sets))]
    pool = np.unique(np.concatenate([sets[name][0] for name in order[:TUNING]]))
    return Molecules([given[p] for p in positions], np.unique(names, return_inverse=True)[1], sets, order, pool)


def identities(smiles: list[str], path: Path) -> tuple[list[str], list[str]]:
    """Canonical SMILES and Bemis-Murcko scaffolds, kept in a file."""
    if not path.exists():
        RDLogger.DisableLog("rdApp.*")
        parsed = [Chem.MolFromSmiles(s) for s in smiles]
        canonical = [Chem.MolToSmiles(m) for m in parsed]
        scaffolds = [MurckoScaffold.MurckoScaffoldSmiles(mol=m) for m in parsed]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([canonical, scaffolds]))
    canonical, scaffolds = json.loads(path.read_text())
    return canonical, scaffolds
