from pathlib import Path

import numpy as np
import pytest
import torch
from ogb.utils import smiles2graph
from ogb.utils.features import get_atom_feature_dims, get_bond_feature_dims
from rdkit import Chem, RDConfig
from torch_geometric.data import Data

from xgraph.data.molecules.molecule import LONGEST, bond_rows, pack, parse, parses

# One of each kind: single atom, any-atom, radical, isotopes, kept hydrogens, metals, dative / quadruple /
# unspecified / aromatic bonds, chirality and stereo, high valence and charge, salts, atom maps, an extension in bars.
_HARD = r"""
C * [*:1]C [CH3] [C] [2H]O [H][H] [H] [H]O[H] [Og] [Fe+9] [C+200] [Na+].[Cl-] N->[Cu] [Rh]$[Rh] C~C C:C F/C=C/F
F/C=C\F C[C@H](N)C(=O)O C[C@@H](N)C(=O)O C[Si@SP1](F)(Cl)Br F[U](F)(F)(F)(F)F [SH6] [Al-3](F)(F)(F)(F)(F)F
O=N(=O)c1ccccc1 [CH3:2][OH:1] [OH:1][CH3:2] [nH]1cccc1.O=[Mn](=O)(=O)[O-].[K+] C1CC2CCCCCCCCCCCCC2C1
C[N+](C)(C)CC(=O)[O-] C1=CC=CC=C1~[Fe] CCC1=[O+][Cu-3]2([O+]=C(CC)C1)[O+]=C(CC)CC(CC)=[O+]2
"""
HARD = [*_HARD.split(), "CC |$a;b$|", "C" * 500, "c1ccccc1" * 84]


def nci() -> list[str]:
    lines = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines()
    return [line.split()[0] for line in lines if line.strip()]


def graph_of(smiles: str) -> Data:
    return pack([smiles])[0].graph(0)


def assert_as_ogb(smiles: str) -> None:
    expected, graph = smiles2graph(smiles), graph_of(smiles)
    assert np.array_equal(graph.x, expected["node_feat"]), smiles
    assert np.array_equal(graph.edge_index, expected["edge_index"]), smiles
    assert np.array_equal(graph.edge_attr, expected["edge_feat"]), smiles
    assert graph.x.dtype == graph.edge_index.dtype == graph.edge_attr.dtype == torch.int64


@pytest.mark.parametrize("smiles", HARD)
def test_unusual_molecules_match_ogb(smiles: str) -> None:
    assert_as_ogb(smiles)


def test_a_thousand_molecules_match_ogb() -> None:
    done = 0
    for smiles in nci()[::5]:
        if parses(smiles):
            assert_as_ogb(smiles)
            done += 1
    assert done > 990


@pytest.mark.slow
def test_all_molecules_match_ogb() -> None:
    for smiles in filter(parses, nci()):
        assert_as_ogb(smiles)


def test_features_stay_below_ogbs_dimensions() -> None:
    graphs, _ = pack(HARD)
    assert (graphs.x.max(axis=0) < get_atom_feature_dims()).all()
    assert (graphs.bond_attr.max(axis=0) < get_bond_feature_dims()).all()


def test_atropisomer_bond_has_no_stereo() -> None:
    molecule = parse("Cc1cccc(Cl)c1-c1c(F)cccc1Br")
    _, before = bond_rows(molecule)
    bond = molecule.GetBondBetweenAtoms(7, 8)
    bond.SetStereoAtoms(1, 9)
    bond.SetStereo(Chem.BondStereo.STEREOATROPCW)
    assert bond_rows(molecule)[1] == before


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("", "the SMILES is empty"),
        ("not a molecule", "invalid SMILES"),
        ("C1CC", "invalid SMILES"),
        ("CN(C)(C)(C)C", "valence for atom # 1 N"),
        ("c1cccc1", "kekulize"),
        ("C" * (LONGEST + 1), "the SMILES has 20,001 characters"),
        ("C\0C", "invalid SMILES"),
        ("(" * 10_000, "invalid SMILES"),
    ],
)
def test_invalid_smiles_are_rejected_with_a_reason(smiles: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(smiles)
    assert not parses(smiles)


def test_rdkit_logging_is_silenced_and_restored(capfd: pytest.CaptureFixture[str]) -> None:
    pack(["C1CC", "CN(C)(C)(C)C", "[H]", "c1cccc1"])
    assert capfd.readouterr().err == ""
    Chem.MolFromSmiles("C1CC")
    assert "unclosed ring" in capfd.readouterr().err


def test_failures_have_positions() -> None:
    graphs, failures = pack(["C1CC", "CC", "", "C"])
    assert len(graphs) == 2
    assert [position for position, _ in failures] == [0, 2]


@pytest.mark.parametrize("text", ["CCO ethanol", "CCO CCN", "CCO\tx", "CCO |$a;b;c$| ethanol"])
def test_a_cell_holds_one_smiles(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected one SMILES, but '.+' follows it"):
        parse(text)
    assert parse("CCO |$a;b;c$| ").GetNumAtoms() == parse(" CCO ").GetNumAtoms() == 3
