from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from tests.data.molecules.test_molecule import nci
from xgraph.data import MoleculeDataset, load
from xgraph.data.molecules.splitting.groups import scaffold_keys
from xgraph.data.molecules.splitting.tables import draw_molecules
from xgraph.data.splits.own import OwnSplit


def mapped(text: str) -> str:
    """The molecule with a number for each atom, in an order of its own."""
    molecule = Chem.MolFromSmiles(text)
    for atom in molecule.GetAtoms():
        atom.SetAtomMapNum(molecule.GetNumAtoms() - atom.GetIdx())
    return str(Chem.MolToSmiles(molecule))


def labelled(text: str) -> str:
    """The molecule with isotopes."""
    molecule = Chem.MolFromSmiles(text)
    for atom in molecule.GetAtoms():
        atom.SetIsotope(100 + atom.GetIdx())
    return str(Chem.MolToSmiles(molecule))


@pytest.mark.parametrize("way", ["scaffold", "scaffold-balanced", "cluster"])
def test_groups_do_not_depend_on_atom_maps_and_isotopes(way: str) -> None:
    smiles = [text for text in nci()[:150] if Chem.MolFromSmiles(text)]
    every = [*smiles, *map(mapped, smiles), *map(labelled, smiles)]
    n, y = len(smiles), np.tile(np.arange(len(smiles)) % 3 == 0, 3)[:, None].astype(np.float32)
    assert len(set(scaffold_keys(every))) > 1.5 * len(set(scaffold_keys(smiles))), "they would without identities"
    part = draw_molecules(every, y, OwnSplit(way, seed=1))
    assert np.array_equal(part[:n], part[n : 2 * n])
    assert np.array_equal(part[:n], part[2 * n :])
    assert set(part) == {0, 1, 2}


def test_salts_share_their_scaffold_if_graphs_are_standardised(tmp_path: Path) -> None:
    smiles = ["CC1CCCN1", "CC1CCCN1.c1ccccc1", "CC1CCC[NH2+]1.[Cl-]", *(f"C{'C' * i}C1CC1" for i in range(9))]
    (tmp_path / "own.csv").write_text("smiles,y\n" + "".join(f"{text},{i % 2}\n" for i, text in enumerate(smiles)))
    with pytest.warns(UserWarning, match="own: 1 molecule is repeated in 2 further rows"):
        data = load(tmp_path / "own.csv", split="scaffold", standardize=True)
    parts = {name for name, rows in data.splits.items() for row in rows.tolist() if row < 3}
    assert len(parts) == 1


def test_a_table_is_read_in_canonical_order_and_a_named_set_as_drawn(tmp_path: Path) -> None:
    rows = [f"{text},{i % 2}\n" for i, text in enumerate(nci()[:40])]
    (tmp_path / "own.csv").write_text("smiles,y\n" + "".join(rows))
    own = load(tmp_path / "own.csv", split="random")
    assert isinstance(own, MoleculeDataset)
    assert "+canonical/" in own.featurizer
    assert "canonical" not in load(tmp_path / "own.csv", split="random", atom_order="drawn").featurizer
    named = load("nci-pains", root=tmp_path)
    assert isinstance(named, MoleculeDataset)
    assert "canonical" not in named.featurizer
    assert named.graph_smiles == named.smiles
    with pytest.raises(ValueError, match="atom_order='canonical' cannot be used"):
        load("digits-bags", atom_order="canonical")
