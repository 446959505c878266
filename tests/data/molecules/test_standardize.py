import pytest

from xgraph.data.molecules.standardize import canonical_smiles, standardize_smiles, texts_to_read


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
    done = texts_to_read(["C1CC", "OC"], True, "drawn")
    assert isinstance(done[0], ValueError)
    assert done[1] == "CO"


def test_silent(capfd: pytest.CaptureFixture[str]) -> None:
    texts_to_read(["CC(=O)[O-].[Na+]", "C1CC", "[H]"], True, "canonical")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("drawn", "same"),
    [
        ("OCC", "CCO"),
        ("[CH3:1][CH2:2][OH:3]", "CCO"),
        ("[H:4][CH2:1][CH2:2][OH:3]", "CCO"),
        ("[13CH3]C[18OH]", "CCO"),
        ("[2H]OC([2H])([2H])C", "CCO"),
        ("[H]OC([H])([H])C", "CCO"),
        ("[2H]O[2H]", "O"),
        ("[2H][2H]", "[H][H]"),
        ("[1*]C[*:2]", "*C*"),
        ("CCO |$a;b;c$|", "CCO"),
        ("CC |atomProp:0.molAtomMapNumber.1|", "CC"),
        ("C[C@]([2H])(O)F", "C[C@H](O)F"),
        ("C[C@H]([13CH3])O", "CC(C)O"),  # only the isotope makes it chiral
        ("[2H]/C(F)=C/F", "F/C=C\\F"),
        ("CC[O-].[Na+]", "CC[O-].[Na+]"),
        ("Oc1ccccn1", "Oc1ccccn1"),
    ],
)
def test_canonical_form(drawn: str, same: str) -> None:
    assert canonical_smiles(drawn) == same == canonical_smiles(same)


def test_canonical_form_of_what_cannot_be_read() -> None:
    for text in ("C1CC", "", "CCO CCN", "C" * 30_000):
        with pytest.raises(ValueError, match=r"SMILES"):
            canonical_smiles(text)
