"""Tables of predictions as files."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.data.tables.read import read_columns
from xgraph.options import OptionError
from xgraph.training.prediction.output.writing import Piece, check_format, write_pieces, write_predictions

PIECES: list[Piece] = [
    {"id": [], "a_score": np.empty(0), "error": []},
    {"id": ["007", 'x, "y"'], "a_score": np.array([0.25, np.nan]), "error": ["", "bad"]},
    {"id": ["µ\nβ"], "a_score": np.array([1e-17]), "error": [""]},
]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.CSV.gz", "a.tsv.zst", "a.parquet", "a"])
def test_what_is_written_is_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write_pieces(path, PIECES)
    table = read_columns(path)
    assert table["id"] == ["007", 'x, "y"', "µ\nβ"]
    assert [float(cell or "nan") for cell in table["a_score"]] == pytest.approx([0.25, np.nan, 1e-17], nan_ok=True)
    assert table["error"] == ["", "bad", ""]
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_parquet_has_numbers_and_several_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet as pq

    monkeypatch.setattr("xgraph.training.prediction.output.writing._ROWS", 2)
    write_pieces(tmp_path / "a.parquet", PIECES)
    frame = pd.read_parquet(tmp_path / "a.parquet")
    assert frame["a_score"].dtype == np.float64
    assert list(frame["id"]) == ["007", 'x, "y"', "µ\nβ"]
    assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups == 2


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet"])
def test_nothing_is_half_written(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("before")

    def pieces() -> Iterator[Piece]:
        yield from PIECES
        raise ValueError("row 3 of the source")

    with pytest.raises(ValueError, match="row 3 of the source"):
        write_pieces(tmp_path / name, pieces())
    assert (tmp_path / name).read_text() == "before"
    assert len(list(tmp_path.iterdir())) == 1


def test_packed_files_are_the_same_each_time(tmp_path: Path) -> None:
    for name in ("a.csv.gz", "b.csv.gz"):
        write_pieces(tmp_path / name, PIECES)
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()).startswith(b"id,a_score,error\n007,0.25,\n")


def test_a_frame_with_missing_numbers(tmp_path: Path) -> None:
    frame = pd.DataFrame({"node": pd.array([3, None], dtype="Int64"), "x": [0.5, None], "e": ["", None]})
    write_predictions(frame, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "node,x,e\n3,0.5,\n,,\n"


def test_other_formats_are_refused() -> None:
    for name in ("a.xlsx", "a.sdf", "A.XLSX", "a.csv.zip"):
        with pytest.raises(OptionError, match="are written as CSV, TSV or Parquet"):
            check_format(Path(name), "out")
    check_format(Path("a.txt"), "out")


cell = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff\r"), max_size=5).map(str.strip)


@given(st.lists(st.tuples(cell, cell), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_any_cells_are_kept(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]) -> None:
    path = tmp_path_factory.mktemp("cells") / "a.csv"
    one, two = (list(column) for column in zip(*rows, strict=True))
    write_pieces(path, [{"one": one, "two": two, "score": np.ones(len(rows))}])
    table = read_columns(path, separator=",")
    assert [table["one"], table["two"]] == [one, two]
