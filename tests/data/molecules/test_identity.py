import pytest
from rdkit import Chem

from xgraph.data import identities
from xgraph.data.molecules import identity as module

SAME = [
    ["CC(N)C(=O)O", "C[C@H](N)C(O)=O", "C[C@@H](N)C(=O)[O-].[Na+]", "C[C@H]([NH3+])C(=O)[O-]", "O.CC(N)C(O)=O"],
    ["C/C=C/C", "C/C=C\\C", "CC=CC"],
    ["c1ccccc1", "C1=CC=CC=C1"],
    ["CCO", "OCC", "[13CH3]CO", "[CH3:1][CH2:3][OH:2]", "[2H]OCC"],
]


def test_equal_molecules_have_equal_identities() -> None:
    texts = [identities(group) for group in SAME]
    assert texts[0] == ["CC(N)C(=O)O"] * 5
    assert texts[1] == ["CC=CC"] * 3
    assert texts[3] == ["CCO"] * 5
    assert len({text for group in texts for text in group[:2]}) == 4


def test_tautomers_and_isomers_differ() -> None:
    assert len(set(identities(["Oc1ccccn1", "O=c1cccc[nH]1", "CCCO", "CC(C)O"]))) == 4


def test_identity_is_invariant_and_idempotent() -> None:
    smiles = ["C[C@H]1CC[C@@H](C(=O)[O-])N1Cc1ccc(cc1)[N+](=O)[O-].[K+]", "CC(=O)Oc1ccccc1C(=O)O"]
    for text in smiles:
        molecule = Chem.MolFromSmiles(text)
        shuffled = [Chem.MolToSmiles(molecule, doRandom=True) for _ in range(20)]
        assert len({text, *shuffled}) > 5
        (found,) = set(identities([text, *shuffled]))
        assert identities([found]) == [found]


def test_invalid_smiles_have_an_empty_identity() -> None:
    assert identities(["C1CC", "", "nonsense", "C"]) == ["", "", "", "C"]
    assert identities([]) == []


def test_large_sets_are_cached(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    smiles = ["C" * (i % 30 + 1) + "O" for i in range(600)]
    first = identities(smiles, root=tmp_path, workers=2)
    assert first == identities(smiles, root=tmp_path / "other", workers=1)
    monkeypatch.setattr(module, "map_chunks", lambda *a, **k: pytest.fail("computed again"))
    assert identities(smiles, root=tmp_path) == first
    assert len(list((tmp_path / "processed").glob("identity-*"))) == 1


def test_a_hydrogen_that_marks_geometry_is_dropped_with_it() -> None:
    assert len(set(identities(["[H]/N=C/C", "[H]/N=C\\C", "CC=N", "[2H]N=CC"]))) == 1


def test_level_of_the_graph() -> None:
    same = identities(["OCC", "[CH3:1]C[OH:2]", "[13CH3]CO", "[2H]OCC"], level="graph")
    assert same == ["CCO"] * 4
    different = ["CCO", "CC[O-].[Na+]", "CCO.Cl", "C[C@H](O)F", "C[C@@H](O)F", "CC(O)F", "F/C=C/F", "F/C=C\\F"]
    assert len(set(identities(different, level="graph"))) == len(different)
    assert identities(["CC[O-].[Na+]", "x"], level="graph", standardize=True) == ["CCO", ""]
    with pytest.raises(ValueError, match="level must be 'parent' or 'graph', got 'inchi'"):
        identities(["C"], level="inchi")  # type: ignore[arg-type]
