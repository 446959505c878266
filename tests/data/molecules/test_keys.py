import numpy as np
import pytest
from rdkit import Chem

from tests.data.molecules.test_molecule import HARD, nci
from xgraph.data.molecules import keys as module
from xgraph.data.molecules.keys import graph_keys
from xgraph.data.molecules.molecule import pack


def test_key_is_invariant_to_the_order_of_atoms() -> None:
    smiles = [text for text in HARD if Chem.MolFromSmiles(text).GetNumAtoms() < 100] + nci()[:50]
    shuffled = [Chem.MolToSmiles(Chem.MolFromSmiles(text), doRandom=True) for text in smiles]
    assert np.array_equal(graph_keys(pack(smiles)[0]), graph_keys(pack(shuffled)[0]))


def test_key_ignores_stereochemistry_but_not_bonds() -> None:
    smiles = ["F/C=C/F", "F/C=C\\F", "FC=CF", "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"]
    graphs, _ = pack(smiles)
    keys = graph_keys(graphs)
    assert keys[0] == keys[1] == keys[2]
    assert keys[3] == keys[4] != keys[0]
    graphs.bond_attr[1, 0] += 1
    assert graph_keys(graphs)[0] != keys[0]
    assert np.array_equal(graph_keys(graphs)[1:], keys[1:])


def test_nothing() -> None:
    assert graph_keys(pack([])[0]).shape == (0,)


def test_graph_keys_tell_molecules_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    smiles = [text for text in nci()[::4] if Chem.MolFromSmiles(text)]
    graphs, _ = pack(smiles)
    keys = graph_keys(graphs)
    flat = {Chem.MolToSmiles(Chem.MolFromSmiles(text), isomericSmiles=False) for text in smiles}
    assert len(np.unique(keys)) >= 0.999 * len(flat)
    monkeypatch.setattr(module, "BLOCK", 7)
    assert np.array_equal(graph_keys(graphs.take(np.arange(100))), keys[:100])
