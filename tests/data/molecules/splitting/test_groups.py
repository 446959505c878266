"""Scaffolds and clusters of molecules as groups."""

from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator
from rdkit.ML.Cluster import Butina

from tests.data.molecules.test_molecule import nci
from xgraph.data.molecules.splits import scaffold_groups
from xgraph.data.molecules.splitting import groups
from xgraph.data.molecules.splitting.groups import SIMILARITY, cluster_keys, scaffold_keys


def same_groups(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two numberings are the same grouping."""
    pairs = {(int(a), int(b)) for a, b in zip(one, other, strict=True)}
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


def test_scaffold_keys_group_as_scaffolds_do(tmp_path: Path) -> None:
    smiles = nci()[:600]
    keys = scaffold_keys(smiles, root=tmp_path)
    assert same_groups(keys, scaffold_groups(smiles, root=tmp_path))
    order = np.random.default_rng(0).permutation(len(smiles))
    assert np.array_equal(scaffold_keys([smiles[i] for i in order], root=tmp_path), keys[order])


def test_smiles_that_cannot_be_read_are_groups_of_their_own() -> None:
    smiles = ["CCO", "C1CC", "x", "CCN", ""]
    for keys in (scaffold_keys(smiles), cluster_keys(smiles)):
        assert len(set(keys[[1, 2, 4]])) == 3
        assert keys[0] not in keys[[1, 2, 4]]
    assert len(cluster_keys([])) == len(scaffold_keys([])) == 0


def test_clusters_are_those_of_butina(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "_BLOCK", 64)
    monkeypatch.setattr(groups, "_WIDE", 100)
    smiles = [text for text in nci()[:800] if Chem.MolFromSmiles(text)]
    keys = cluster_keys(smiles, root=tmp_path)
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    prints = [generator.GetFingerprint(Chem.MolFromSmiles(text)) for text in smiles]
    near = np.array([DataStructs.BulkTanimotoSimilarity(one, prints) for one in prints]) >= SIMILARITY
    for key in np.unique(keys):  # a cluster has a centre to which all its members are similar
        members = np.flatnonzero(keys == key)
        assert near[np.ix_(members, members)].all(axis=1).any()
    sizes = np.sort(np.bincount(np.unique(keys, return_inverse=True)[1]))[::-1]
    distances = [1 - s for i, one in enumerate(prints) for s in DataStructs.BulkTanimotoSimilarity(one, prints[:i])]
    clusters = Butina.ClusterData(distances, len(smiles), 1 - SIMILARITY, isDistData=True)
    expected = np.array(sorted(map(len, clusters), reverse=True))
    assert abs(len(sizes) - len(expected)) <= 0.03 * len(expected)  # ties are broken in another order
    assert sizes[0] == expected[0]


def test_clusters_do_not_depend_on_the_order(tmp_path: Path) -> None:
    smiles = nci()[:400]
    keys = cluster_keys(smiles, root=tmp_path)
    order = np.random.default_rng(1).permutation(len(smiles))
    assert np.array_equal(cluster_keys([smiles[i] for i in order], root=tmp_path), keys[order])
    assert len(np.unique(cluster_keys(smiles, similarity=0.9))) > len(np.unique(keys))
