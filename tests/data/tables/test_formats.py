import zipfile
from pathlib import Path

import numpy as np
import pytest

from xgraph.data.graphs.arrays import names_in
from xgraph.data.tables.formats import ENDINGS, format_of, stem
from xgraph.data.tables.read import read_columns


@pytest.mark.parametrize(
    ("name", "short"),
    [("a.csv", "a"), ("a.b.CSV.gz", "a.b"), ("a.sdf.zst", "a"), ("a.parquet", "a"), ("a", "a"), (".csv", ".csv")],
)
def test_names_without_their_ending(name: str, short: str) -> None:
    assert stem(Path("folder") / name) == short


def test_endings() -> None:
    assert {".csv", ".tsv.gz", ".smi.zst", ".sdf.gz", ".parquet", ".xlsx"} <= set(ENDINGS)
    assert ".parquet.gz" not in ENDINGS


@pytest.mark.parametrize("name", ["a.csv", "a.TXT", "a.tsv.gz", "without an ending"])
def test_text(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("smiles\nC\n")
    assert format_of(path) == "text"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b'{"smiles": ["C"]}', "not in a format that is read; CSV, TSV, SMI and SDF files .*Parquet.*xlsx"),
        ("a.mol2", b"@<TRIPOS>MOLECULE\n", "not in a format that is read"),
        ("a.csv.bak", b"smiles\nC\n", "give its separator .--separator."),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel .* save it as .xlsx or CSV"),
        ("a.parquet", b"smiles\nC\n", "not a Parquet file, in spite of its ending"),
        ("a.xlsx", b"smiles\nC\n", "not an Excel workbook, in spite of its ending"),
        ("a.csv", b"PK\x03\x04 something", "not in a format that is read"),
        ("a.csv", b"\x80\x04\x95\0\0\0\n", "not UTF-8 text"),
        ("a.csv", b"abc\0\0\0\n", "not a text file; CSV, TSV, SMI"),
        ("a.smi", b"abc\0\0\0\n", "not a text file; CSV, TSV, SMI"),
        ("a.sdf", b"abc\0\0\0\n", "not an SD file; CSV, TSV, SMI"),
    ],
)
def test_anything_else_is_refused_with_what_is_read(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_columns(path)


def test_a_separator_makes_it_text(tmp_path: Path) -> None:
    path = tmp_path / "screen.v2"
    path.write_text("smiles|a\nC|1\n")
    assert read_columns(path, separator="|") == {"smiles": ["C"], "a": ["1"]}


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is a folder; expected a file with a table"):
        read_columns(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_columns(tmp_path / "none.csv")


def test_settings_of_text_are_refused_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "a.smi"
    path.write_text("C a\n")
    with pytest.raises(ValueError, match="separator = ',': this is for delimited text, but .* is an SMI file"):
        read_columns(path, separator=",")
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "")
    with pytest.raises(ValueError, match="encoding = 'utf-8': this is for text, but .* is an Excel workbook"):
        read_columns(path, encoding="utf-8")


def test_an_archive_of_an_unknown_version_is_no_workbook(tmp_path: Path) -> None:
    path = tmp_path / "town.npz"
    np.savez(path, edge_index=np.zeros((2, 1), dtype=np.int64))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 6] = 64  # the version that is needed to extract it
    path.write_bytes(content)
    assert names_in(path) == []
    with pytest.raises(ValueError, match=r"town.npz is not in a format that is read"):
        format_of(path)
