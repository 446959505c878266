import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.data.molecules.table import read_smiles
from xgraph.data.tables.columns import Columns
from xgraph.data.tables.read import read_batches, read_columns

cell = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), max_size=8)


@given(st.lists(st.tuples(cell, cell), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_any_text_is_read_back_in_order(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]) -> None:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([("note,", "smiles"), *rows])
    path = tmp_path_factory.mktemp("any") / "x.csv"
    path.write_bytes(buffer.getvalue().encode())
    assert read_columns(path) == {"note,": [a for a, _ in rows], "smiles": [b for _, b in rows]}
    assert read_smiles(path, "smiles") == [b.strip() for _, b in rows]


def test_columns_without_a_name(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(",smiles,\n0,C,x\n")
    assert read_columns(path) == {"column 0": ["0"], "smiles": ["C"], "column 2": ["x"]}


def test_short_rows_are_filled_up(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1\n\n2,3,\n")
    assert read_columns(path) == {"a": ["1", "", "2"], "b": ["", "", "3"]}


def test_pieces_are_the_table(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n" + "".join(f"{i},{i}\n" for i in range(5)) + "\n")
    pieces = list(read_batches(path, rows=4))
    assert [piece["a"] for piece in pieces] == [["0", "1", "2", "3"], ["4", ""]]
    assert read_columns(path) == {"a": ["0", "1", "2", "3", "4", ""], "b": ["0", "1", "2", "3", "4", ""]}


def test_pieces_of_wide_tables_have_fewer_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xgraph.data.tables.columns.MOST_CELLS", 6)
    path = tmp_path / "x.csv"
    path.write_text("a,b,c\n" + "1,2,3\n" * 5)
    assert [len(piece["a"]) for piece in read_batches(path)] == [2, 2, 1]


def test_a_table_without_rows(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n")
    assert list(read_batches(path)) == [{"a": [], "b": []}]
    assert read_columns(path, allow_empty=True) == {"a": [], "b": []}
    with pytest.raises(ValueError, match=r"has a header \(a, b\) but no rows"):
        read_columns(path)


def test_a_row_with_too_many_cells_is_an_error_of_its_row(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n3,4,5\n6,7,,\n")
    table = read_columns(path, keep_errors=True)
    assert (table["a"], table.errors) == (["1", "3", "6"], {1: "data row 1 has 3 cells, but the header has 2"})
    assert [piece.errors for piece in read_batches(path, rows=1)] == [{}, {0: table.errors[1]}, {}]
    with pytest.raises(ValueError, match="x.csv: data row 1 has 3 cells"):
        read_columns(path)


@pytest.mark.parametrize("separator", ["|", "space", "\t"])
def test_separators_that_are_named(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "x.csv"
    character = " " if separator == "space" else separator
    path.write_text("a,b\n1;2,3\n".replace(",", character))
    assert read_columns(path, separator=separator) == {"a": ["1;2"], "b": ["3"]}


@pytest.mark.parametrize("separator", ["", ", ", "dot", '"', "\n", 3])
def test_other_separators_are_refused(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="separator must be a single character, or comma, tab, semicolon, space, got"):
        read_columns(path, separator=separator)


def test_encodings_that_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes("Größe\n1\n".encode("cp1252"))
    assert read_columns(path, encoding="cp1252") == {"Größe": ["1"]}
    with pytest.raises(ValueError, match="is not UTF-8 text; .*--encoding cp1252"):
        read_columns(path)
    with pytest.raises(ValueError, match="is not text in the encoding 'utf-16'"):
        read_columns(path, encoding="utf-16")
    for name in ("utf-99", "hex", "", 3):
        with pytest.raises(ValueError, match="encoding must be the name of an encoding"):
            read_columns(path, encoding=name)  # type: ignore[arg-type]


def test_columns_are_a_dict() -> None:
    assert Columns({"a": ["1"]}) == {"a": ["1"]}
    assert Columns({"a": ["1"]}).errors == {}


@given(
    st.text(st.sampled_from(list('a1,;\t" \0\r\n\ufeffä')), max_size=40),
    st.integers(1, 3),
    st.sampled_from(["utf-8", "utf-16"]),
)
@settings(max_examples=150, deadline=None)
def test_hostile_text_is_a_table_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, text: str, rows: int, encoding: str
) -> None:
    path = tmp_path_factory.mktemp("any") / "x.csv"
    path.write_bytes(text.encode(encoding))
    try:
        table = read_columns(path, keep_errors=True, allow_empty=True)
    except ValueError:
        return
    pieces = list(read_batches(path, rows))
    assert {name: [cell for piece in pieces for cell in piece[name]] for name in table} == table
    assert sum(len(piece.errors) for piece in pieces) == len(table.errors)
    assert len({len(cells) for cells in table.values()}) == 1


def test_a_header_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wide.csv").write_text("a,b" + "," * 400_000 + "\n1,2\n")
    with pytest.raises(ValueError, match=r"wide.csv: its header has 400,002 columns, and at most 262,144 are read"):
        read_columns(tmp_path / "wide.csv")
