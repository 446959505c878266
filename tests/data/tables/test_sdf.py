import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import AllChem

from xgraph.data import read_table
from xgraph.data.tables.read import read_batches, read_columns


def entry(smiles: str, title: str = "", /, **properties: object) -> str:
    molecule = Chem.MolFromSmiles(smiles)
    AllChem.Compute2DCoords(molecule)
    molecule.SetProp("_Name", title)
    lines = "".join(f">  <{name}>  (1)\n{value}\n\n" for name, value in properties.items())
    return f"{Chem.MolToMolBlock(molecule)}{lines}$$$$\n"


def test_molecules_and_properties_are_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.sdf"
    text = entry("C[C@H](N)O", "first", active=1, note="two\nlines") + entry("c1ccccc1", active=0, smiles="mine")
    path.write_text(text)
    columns = {
        "smiles": ["C[C@H](N)O", "c1ccccc1"],
        "title": ["first", ""],
        "active": ["1", "0"],
        "note": ["two\nlines", ""],
        "smiles (property)": ["", "mine"],
    }
    assert read_columns(path) == columns
    assert [piece["active"] for piece in read_batches(path, 1)] == [["1"], ["0"]]
    path.write_text(text.replace("\n", "\r\n"), newline="")
    assert read_columns(path)["smiles"] == columns["smiles"]
    path = tmp_path / "a.sdf.gz"
    path.write_bytes(gzip.compress(text.encode()))
    assert read_columns(path) == columns


def test_blocks_that_cannot_be_read_are_errors_of_their_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.sdf"
    good = entry("CCO", active=1)
    pentavalent = good.replace(" C ", " N ", 1).replace("  1  2  1", "  1  2  3").replace("  2  3  1", "  2  3  3")
    path.write_text(good + pentavalent + "no block\n\n\n\nM  END\n$$$$\n" + good * 2 + good[: good.index("M  END")])
    table = read_columns(path, keep_errors=True)
    assert table["smiles"] == ["CCO", "", "", "CCO", "CCO", ""]
    assert table["active"] == ["1", "1", "", "1", "1", ""]
    assert list(table.errors) == [1, 2, 5]
    assert "RDKit rejects the molecule: Explicit valence for atom # 1 C, 6, is greater" in table.errors[1]
    assert table.errors[2] == "RDKit cannot read the molecule block"
    assert "cut off" in table.errors[5]
    read = read_table(path)
    assert (read.smiles, read.rows.tolist()) == (["CCO"] * 3, [0, 3, 4])
    assert [(error.row, error.message) for error in read.errors] == list(table.errors.items())


def test_the_end_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.sdf"
    path.write_text(entry("CCO") + "\n\n")
    assert read_columns(path) == {"smiles": ["CCO"]}
    path.write_text(entry("CCO").removesuffix("$$$$\n"))
    assert read_columns(path) == {"smiles": ["CCO"]}
    path.write_text("")
    assert list(read_batches(path)) == [{"smiles": []}]


def test_centres_given_by_coordinates_only(tmp_path: Path) -> None:
    molecule = Chem.AddHs(Chem.MolFromSmiles("C[C@H](N)O"))
    AllChem.EmbedMolecule(molecule, randomSeed=1)
    path = tmp_path / "a.sdf"
    path.write_text(Chem.MolToMolBlock(molecule) + "$$$$\n")
    assert read_columns(path) == {"smiles": ["C[C@H](N)O"]}


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_files_cut_or_overwritten_anywhere(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    text = entry("CCO", "one", active=1) + entry("c1ccccc1C", "two", active=0)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    junk = data.draw(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6))
    path = tmp_path_factory.mktemp("any") / "x.sdf"
    path.write_text(text[:start] + junk + text[end:], newline="", encoding="utf-8")
    pieces = list(read_batches(path, 1))
    for piece in pieces:
        for row, cell in enumerate(piece["smiles"]):
            assert (row in piece.errors) != bool(cell)
