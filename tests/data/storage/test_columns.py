import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.data.molecules.table import read_smiles
from xgraph.data.storage.columns import read_columns

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
