import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.data import read_bags, read_table
from xgraph.data.tables.read import read_batches, read_columns


def write(path: Path, *rows: list[Any], sheets: int = 1) -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    for _ in range(sheets - 1):
        book.create_sheet().append(["other"])
    book.save(path)
    return path


def test_values_become_text(tmp_path: Path) -> None:
    day = datetime(2026, 1, 2)
    path = write(tmp_path / "a.xlsx", [], ["smiles", None, "n"], ["CCO", 1.0, True], [], ["CCN", 0.5, day], [None, ""])
    assert read_columns(path) == {
        "smiles": ["CCO", "", "CCN"],
        "column 1": ["1", "", "0.5"],
        "n": ["true", "", "2026-01-02 00:00:00"],
    }


def test_tables_of_molecules_and_bags(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.xlsx", ["smiles", "active"], ["CCO", 1], ["CCN", 0], ["CCC", None]))
    assert table.y[:2, 0].tolist() == [1, 0]
    path = write(tmp_path / "bags.xlsx", ["bag", "label", "f"], ["01", 1, 0.5], ["2", 0, 1], ["01", 1, 2])
    data = read_bags(path)
    assert (data.bag_names, data[0].x.tolist()) == (["01", "2"], [[0.5], [2.0]])


def test_cells_beside_the_table(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", ["a", "b"], [4, 5], [1, 2, 3])
    with pytest.warns(UserWarning, match="right of the header are left out, in 1 row.s., the first is row 1"):
        assert read_columns(path) == {"a": ["4", "1"], "b": ["5", "2"]}


def test_further_sheets_are_mentioned(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", ["a"], [1], sheets=3)
    with pytest.warns(UserWarning, match="reading the sheet 'Sheet', the first of 3"):
        assert read_columns(path) == {"a": ["1"]}


def test_sheets_without_a_table(tmp_path: Path) -> None:
    assert list(read_batches(write(tmp_path / "a.xlsx", ["a", "b"]))) == [{"a": [], "b": []}]
    with pytest.raises(ValueError, match="is empty; expected a header line"):
        read_columns(write(tmp_path / "a.xlsx"))
    with pytest.raises(ValueError, match="the header repeats 'a'"):
        read_columns(write(tmp_path / "a.xlsx", ["a", "a"], [1, 2]))


@given(st.lists(st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), max_size=5), max_size=6))
@settings(max_examples=15, deadline=None)
def test_any_text_is_read_back(tmp_path_factory: pytest.TempPathFactory, cells: list[str]) -> None:
    cells = [cell for cell in cells if not cell.startswith(("=", "#"))]
    path = write(tmp_path_factory.mktemp("any") / "x.xlsx", ["a", "b"], *([cell, "x"] for cell in cells))
    assert [cell for piece in read_batches(path, 2) for cell in piece["a"]] == cells


def test_damaged_files_are_errors(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", ["a"], [1])
    content = path.read_bytes()
    for end in range(4, len(content), 501):
        path.write_bytes(content[:end])
        with pytest.raises(ValueError, match="is a damaged or truncated Excel workbook"):
            read_columns(path)


def test_without_openpyxl_the_error_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.xlsx", ["a"], [1])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ValueError, match=r"needs openpyxl: pip install 'xgraph-pyg\[xlsx\]', or save it as CSV"):
        read_columns(path)
