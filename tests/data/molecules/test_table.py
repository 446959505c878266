import gzip
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.data.molecules.smiles_column import find_smiles
from xgraph.data.molecules.table import RowError, read_smiles, read_table
from xgraph.data.tables.read import read_columns

NAN = float("nan")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(content: str | bytes, name: str = "file.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


PLAIN = "smiles,active\nCCO,1\nC,0\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        "\ufeff" + PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.rstrip("\n"),
        '"smiles","active"\n"CCO","1"\n"C","0"\n',
        "\n\n" + PLAIN,
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        " smiles , active \n CCO , 1 \nC,0,\n",
        gzip.compress(PLAIN.encode(), mtime=0),
        gzip.compress(("\ufeff" + PLAIN).encode(), mtime=0),
    ],
)
def test_equivalent_tables(write: Callable[..., Path], content: str | bytes) -> None:
    table = read_table(write(content))
    assert table.smiles == ["CCO", "C"]
    assert table.task_names == ["active"]
    assert table.y.dtype == np.float32
    assert table.y.tolist() == [[1.0], [0.0]]
    assert table.rows.tolist() == [0, 1]
    assert table.errors == []


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        ("1 0 1.0 0.0", [1, 0, 1, 0]),
        ("1 -1 1 -1.0", [1, 0, 1, 0]),
        ("-1 -1 nan -1", [0, 0, NAN, 0]),
        ("True false NA TRUE", [1, 0, NAN, 1]),
        ("1 None null n/a", [1, NAN, NAN, NAN]),
        ("1 1 1 1", [1, 1, 1, 1]),  # one class only: the trainer's business
    ],
)
def test_labels(write: Callable[..., Path], cells: str, labels: list[float]) -> None:
    lines = "\n".join(f"C,{cell}" for cell in cells.split())
    table = read_table(write(f"smiles,y\n{lines}\n"))
    assert np.array_equal(table.y[:, 0], np.array(labels, np.float32), equal_nan=True)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("alive dead", r"column 'y' contains the text 'alive' \(data row 0\)"),
        ("1 0 maybe", r"column 'y' contains the text 'maybe' \(data row 2\)"),
        ("1 0 " * 9 + "2", r"column 'y' holds 0 and 1, but also 2 \(data row 18\): .*--missing 2.*--task regression"),
        ("inf 0 1", r"column 'y' contains the infinite number 'inf' \(data row 0\); give missing \(--missing 'inf'\)"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_invalid_labels_are_rejected(write: Callable[..., Path], cells: str, message: str, named: bool) -> None:
    path = write("smiles,y\n" + "\n".join(f"C,{cell}" for cell in cells.split()))
    with pytest.raises(ValueError, match=message):
        read_table(path, target_columns=["y"] if named else None)
    assert named or read_table(path, require_targets=False).y.shape == (len(cells.split()), 0)


def test_task_columns_are_detected(write: Callable[..., Path]) -> None:
    path = write("id,name,smiles,weight,a,b,empty\n0,x,C,16.0,1,,\n1,y,CC,30.1,,0,\n")
    table = read_table(path)
    assert table.task_names == ["a", "b"]
    assert np.array_equal(table.y, np.array([[1, NAN], [NAN, 0]], np.float32), equal_nan=True)
    assert read_table(path, target_columns=["b", "empty"]).task_names == ["b", "empty"]
    assert read_table(path, target_columns=["id"]).y.tolist() == [[0.0], [1.0]]
    with pytest.raises(
        ValueError,
        match=r"target_columns 'c' not found in .*; its columns are 'id', 'name', 'weight', 'a', 'b', 'empty'",
    ):
        read_table(path, target_columns=["a", "c"])
    with pytest.raises(ValueError, match="target_columns .* not found"):
        read_table(path, target_columns=["smiles"])
    with pytest.raises(ValueError, match="target_columns .* not found"):
        read_table(path, target_columns=[])


def test_table_without_labels_is_an_error(write: Callable[..., Path]) -> None:
    path = write("smiles,activity\nC,\nCC,\n")
    with pytest.raises(
        ValueError, match=r"has no column with labels \(0, 1 or empty\); its columns are 'smiles', 'activity'"
    ):
        read_table(path)
    assert read_table(path, require_targets=False).y.shape == (2, 0)


@pytest.mark.parametrize("name", ["smiles", "SMILES", "Smiles", "canonical_smiles", "Canonical SMILES", "mol", "smi"])
def test_smiles_column_by_name(write: Callable[..., Path], name: str) -> None:
    assert read_smiles(write(f"other,{name}\nCCC,CCO\n")) == ["CCO"]


def test_smiles_column_by_values(write: Callable[..., Path]) -> None:
    path = write("code,drug,y\nX1,c1ccccc1O,1\nX2,CCO,0\nX3,,1\n")
    assert read_smiles(path) == ["c1ccccc1O", "CCO", ""]
    assert read_smiles(path, "code") == ["X1", "X2", "X3"]


def test_detected_smiles_column_needs_four_of_five_valid_cells(write: Callable[..., Path]) -> None:
    cells = ["CCO", "C", "c1ccccc1", "CN", "junk"]
    assert read_smiles(write("a,b\n" + "".join(f"x{i},{cell}\n" for i, cell in enumerate(cells)))) == cells
    with pytest.raises(ValueError, match="no SMILES column found"):
        read_smiles(write("a,b\n" + "".join(f"x{i},{cell}\n" for i, cell in enumerate([*cells, "rubbish"]))))


def test_missing_smiles_column_is_an_error(write: Callable[..., Path]) -> None:
    path = write("name,y\nbenzene,1\nwater,0\n")
    with pytest.raises(ValueError, match="no SMILES column found: the columns of .* are 'name', 'y'"):
        read_table(path)
    with pytest.raises(ValueError, match="smiles_column 'smiles' does not exist: the columns of .* are 'name', 'y'"):
        read_table(path, smiles_column="smiles")


def test_missing_header_is_an_error(write: Callable[..., Path]) -> None:
    with pytest.raises(ValueError, match="seems to have no header line: its first line is a molecule, 'CCO'"):
        read_table(write("CCO,1\nCCN,0\nc1ccccc1,1\n"))


def test_blank_lines_and_cells_keep_row_numbers(write: Callable[..., Path]) -> None:
    path = write("smiles,y\nCCO,1\n\nC,0\n  ,1\n,0\nCC\n\n")
    table = read_table(path)
    assert table.smiles == ["CCO", "C", "CC"]
    assert table.rows.tolist() == [0, 2, 5]
    assert np.array_equal(table.y[:, 0], np.array([1, 0, NAN], np.float32), equal_nan=True)
    assert table.errors == [RowError(row, "", "the SMILES cell is empty") for row in (1, 3, 4, 6)]
    assert read_smiles(path) == ["CCO", "", "C", "", "", "CC", ""]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("\n\n  \n", "is empty"),
        ("\ufeff", "is empty"),
        ("smiles,y\n", r"has a header \(smiles, y\) but no rows"),
        (bytes(range(256)) * 20, "is not UTF-8 text"),
        (b"\x00\x01\x02\x03" * 50, "is not a text file"),
        (PLAIN.encode("utf-16-le")[:-1], "is not a text file"),
        (PLAIN.replace("smiles", "Größe").encode("cp1252"), "is not UTF-8 text.*CSV UTF-8"),
        (gzip.compress(PLAIN.encode() * 100, mtime=0)[:60], "damaged or truncated gzip"),
        (b"\x1f\x8bjunk and more junk", "damaged or truncated gzip"),
        (gzip.compress(bytes(range(256)), mtime=0), "is not UTF-8 text"),
        ("smiles,y\nCCO,1,2\n", "row 0 has 3 cells, but the header has 2"),
        ('smiles,y\nCCO,"1\nC,0\n', r"near line .* \(possibly an unbalanced quote"),
        ("smiles,y,y\nC,1,0\n", "the header repeats 'y'"),
        ("smiles,y\n" + "C" * 200_000 + ",1\n", "near line 2: field larger than field limit"),
    ],
)
def test_not_a_table(write: Callable[..., Path], content: str | bytes, message: str) -> None:
    path = write(content, "strange.csv")
    for read in (read_table, read_smiles):
        with pytest.raises(ValueError, match=message) as caught:
            read(path)
        assert "strange.csv" in str(caught.value)


def test_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.csv"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(ValueError, match="is a folder"):
        read_table(tmp_path)


def test_long_file(write: Callable[..., Path]) -> None:
    rows = 50_000
    table = read_table(write("smiles,y\n" + "CCO,1\nc1ccccc1,0\n" * (rows // 2)))
    assert len(table.smiles) == rows
    assert table.y.mean() == 0.5


@given(st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_any_bytes_give_a_table_or_a_clear_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "junk.csv"
    path.write_bytes(content)
    message = "junk.csv"
    try:
        read_table(path, require_targets=False)
    except ValueError as error:
        message = str(error)
    assert "junk.csv" in message


@pytest.mark.parametrize(
    ("text", "column", "warning"),
    [
        (
            "Molecule,ligand\nCPD-1,CCO\nCPD-2,CCN\n",
            "ligand",
            "reading SMILES from 'ligand'; 'Molecule' holds no SMILES",
        ),
        ("Structure,smi\n,CCO\n,CCN\n", "smi", None),
        ("mol,formula,x\nCO,CCO,1\nNO,CCN,0\n", "mol", "reading SMILES from 'mol', but 'formula' holds SMILES too"),
        ("smiles,scaffold\nCCO,CC\n", "smiles", None),
        ("smiles,y\nxyz,1\nCPD-1,0\n", "smiles", None),  # no column parses: each row says why
    ],
)
def test_a_column_is_taken_by_its_name_only_if_it_parses(
    tmp_path: Path, text: str, column: str, warning: str | None
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    columns = read_columns(path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert find_smiles(columns, None, path) == column
    messages = [str(one.message) for one in caught]
    assert len(messages) == (warning is not None)
    assert warning is None or warning in messages[0]
    assert find_smiles(columns, next(iter(columns)), path) == next(iter(columns))
