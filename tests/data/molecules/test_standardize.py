import pytest

from xgraph.data.molecules.standardize import standardize_all, standardize_smiles


@pytest.mark.parametrize(
    ("drawn", "standard"),
    [
        ("CC(=O)[O-].[Na+]", "CC(=O)O"),
        ("C[NH3+].[Cl-]", "CN"),
        ("O.CCO", "CCO"),
        ("C[N+](C)(C)C.[Br-]", "C[N+](C)(C)C"),
        ("O=[N+]([O-])c1ccccc1", "O=[N+]([O-])c1ccccc1"),
        ("Oc1ccccn1", "Oc1ccccn1"),  # the tautomer stays
        ("O=c1cccc[nH]1", "O=c1cccc[nH]1"),
        ("[Na+]", "[Na+]"),
        ("OCC", "CCO"),
        ("C[C@H](N)C(=O)[O-]", "C[C@H](N)C(=O)O"),
    ],
)
def test_standard_form(drawn: str, standard: str) -> None:
    assert standardize_smiles(drawn) == standard
    assert standardize_smiles(standard) == standard


def test_refused() -> None:
    with pytest.raises(ValueError, match="invalid SMILES"):
        standardize_smiles("C1CC")
    done = standardize_all(["C1CC", "OC"])
    assert isinstance(done[0], ValueError)
    assert done[1] == "CO"


def test_silent(capfd: pytest.CaptureFixture[str]) -> None:
    standardize_all(["CC(=O)[O-].[Na+]", "C1CC", "[H]"])
    assert capfd.readouterr().err == ""
