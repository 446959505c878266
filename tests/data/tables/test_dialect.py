import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.data import read_bags, read_table
from xgraph.data.tables.dialect import recognise
from xgraph.data.tables.read import read_columns


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("smiles;active (IC50, nM)\nCCO;1\nCCN;0\n", {"smiles": ["CCO", "CCN"], "active (IC50, nM)": ["1", "0"]}),
        ("id\tsmiles\tconc, uM\na\tCCO\t3\n", {"id": ["a"], "smiles": ["CCO"], "conc, uM": ["3"]}),
        ('smiles;"active (IC50, nM)"\nCCO;1\n', {"smiles": ["CCO"], "active (IC50, nM)": ["1"]}),
        ('"a;b",c\n"1;2",3\n', {"a;b": ["1;2"], "c": ["3"]}),
        ("sep=;\r\nsmiles;active\r\nCCO;1\r\n", {"smiles": ["CCO"], "active": ["1"]}),
        ("\n\nsmiles,note\nCCO,a;b;c\nCCN,d;e;f\n", {"smiles": ["CCO", "CCN"], "note": ["a;b;c", "d;e;f"]}),
        ("smiles\nCCO\nCCN\n", {"smiles": ["CCO", "CCN"]}),
        ("smiles,active\nCCO\nCCN\n", {"smiles": ["CCO", "CCN"], "active": ["", ""]}),
    ],
)
def test_the_separator_is_the_one_that_fits_the_rows(tmp_path: Path, text: str, columns: dict[str, list[str]]) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text, newline="")
    assert read_columns(path) == columns


def test_tables_of_molecules_and_of_bags_are_read_alike(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("sep=;\nbag;smiles;area, mm;label\nA;CCO;1.5;1\nB;CCN;2.5;0\n")
    assert read_table(path, target_columns=["label"]).smiles == ["CCO", "CCN"]
    bags = read_bags(path, bag_column="bag", target_columns=["label"], feature_columns=["area, mm"])
    assert bags[0].x.tolist() == [[1.5]]


@pytest.mark.parametrize("packed", [False, True])
def test_a_byte_order_mark_tells_the_encoding(tmp_path: Path, packed: bool) -> None:
    content = "smiles;Größe\nCCO;1\n".encode("utf-16")
    path = tmp_path / "table.csv"
    path.write_bytes(gzip.compress(content) if packed else content)
    assert read_columns(path) == {"smiles": ["CCO"], "Größe": ["1"]}


def test_other_encodings_are_refused_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes("smiles,Größe\nCCO,1\n".encode("cp1252"))
    with pytest.raises(ValueError, match="not UTF-8 text.*save as 'CSV UTF-8'"):
        read_columns(path)


@given(
    st.sampled_from(",;\t"),
    st.lists(st.tuples(*[st.text("ab,;\t ", min_size=1, max_size=4)] * 3), min_size=2, max_size=6),
)
@settings(max_examples=30)
def test_quoted_cells_never_decide(separator: str, rows: list[tuple[str, ...]]) -> None:
    lines = [separator.join(f'"{cell}"' for cell in row) for row in rows]
    dialect = recognise(lines)
    assert dialect is not None
    assert (dialect.header, dialect.separator) == (lines[0], separator)


@pytest.mark.parametrize("order", ["le", "be"])
def test_utf_16_without_a_mark_is_hinted_at(tmp_path: Path, order: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes("smiles,y\nCCO,1\n".encode(f"utf-16-{order}"))
    with pytest.raises(ValueError, match=r"or UTF-16 without a byte-order mark \(--encoding utf-16-le"):
        read_columns(path)
    assert read_columns(path, encoding=f"utf-16-{order}") == {"smiles": ["CCO"], "y": ["1"]}


def test_a_header_with_an_endless_cell_is_refused_by_name(tmp_path: Path) -> None:
    from xgraph.data.bags.columns import read_frame
    from xgraph.data.tables.dialect import header_cells

    assert header_cells('a,"b,c"\n', ",", "x.csv") == ["a", "b,c"]
    file = tmp_path / "bags.csv"
    file.write_text(f"bag,{'a' * 200_000},y\n1,2,0\n")
    with pytest.raises(ValueError, match=r"bags\.csv: its header cannot be read: field larger than field limit"):
        read_frame(file, None)
