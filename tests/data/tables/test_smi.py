from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.data import read_table
from xgraph.data.tables.read import read_batches, read_columns


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("CCO ethanol\nCCN\tethyl amine\n", {"smiles": ["CCO", "CCN"], "name": ["ethanol", "ethyl amine"]}),
        ("CCO\n\nCCN\n", {"smiles": ["CCO", "", "CCN"], "name": ["", "", ""]}),
        ("smiles zinc_id\nCCO Z1\n", {"smiles": ["CCO"], "zinc_id": ["Z1"]}),
        ("SMILES\nCCO a b\n", {"SMILES": ["CCO"], "name": ["a b"]}),
        ("# smiles\tname\tactive\r\nCCO\tan alcohol\t1\r\nCCN\t\t0\r\n", None),
        ("smiles name active\nCCO e 1\n", {"smiles": ["CCO"], "name": ["e"], "active": ["1"]}),
        ("CC |$a;b$| two\n", {"smiles": ["CC |$a;b$|"], "name": ["two"]}),
        ("  CCO  ethanol", {"smiles": ["CCO"], "name": ["ethanol"]}),
        ("not a molecule\n", {"smiles": ["not"], "name": ["a molecule"]}),
    ],
)
def test_lines(tmp_path: Path, text: str, columns: dict[str, list[str]] | None) -> None:
    path = tmp_path / "a.smi"
    path.write_text(text, newline="")
    wide = {"smiles": ["CCO", "CCN"], "name": ["an alcohol", ""], "active": ["1", "0"]}
    assert read_columns(path) == (wide if columns is None else columns)


@pytest.mark.parametrize("text", ["", "smiles name\n"])
def test_a_file_without_molecules(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.smi"
    path.write_text(text)
    assert list(read_batches(path)) == [{"smiles": [], "name": []}]


def test_a_table_of_molecules(tmp_path: Path) -> None:
    path = tmp_path / "a.smi"
    path.write_text("smiles\tname\tactive\nCCO\ta\t1\nC1\tb\t0\nCCN\tc\t0\n")
    table = read_table(path)
    assert (table.smiles, table.y.squeeze(1).tolist()) == (["CCO", "C1", "CCN"], [1, 0, 0])


@given(st.text(max_size=60).filter(lambda text: "\0" not in text.split("\n")[0].split("\r")[0]), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_any_text_has_a_row_for_each_line(tmp_path_factory: pytest.TempPathFactory, text: str, rows: int) -> None:
    path = tmp_path_factory.mktemp("any") / "x.smi"
    path.write_bytes(b"CCO first\n" + text.encode("utf-8", "ignore"))
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = len(list(file))
    pieces = list(read_batches(path, rows))
    assert sum(len(piece["smiles"]) for piece in pieces) == lines
    assert not any(word != cell for piece in pieces for cell in piece["smiles"] for word in [cell.strip()])
