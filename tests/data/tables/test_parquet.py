from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.data import read_bags, read_table
from xgraph.data.tables.read import read_batches, read_columns


def test_values_become_text(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = {
        "smiles": ["CCO", None],
        "whole": pa.array([1, None]),
        "real": [0.1, float("nan")],
        "single": pa.array([0.1, None], pa.float32()),
        "true": [True, None],
        "day": [date(2026, 1, 2), None],
        "word": pa.array(["a", None]).dictionary_encode(),
        "bytes": [b"C", b"\xff"],
        "list": [[1, 2], None],
        "nothing": pa.nulls(2),
    }
    pq.write_table(pa.table(table), path)
    assert read_columns(path) == {
        "smiles": ["CCO", ""],
        "whole": ["1", ""],
        "real": ["0.1", ""],
        "single": ["0.1", ""],
        "true": ["true", ""],
        "day": ["2026-01-02", ""],
        "word": ["a", ""],
        "bytes": ["b'C'", r"b'\xff'"],
        "list": ["[1, 2]", ""],
        "nothing": ["", ""],
    }


@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8"), max_size=5), st.floats(width=64)), max_size=9))
@settings(max_examples=30, deadline=None)
def test_any_values_are_read_back(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, float]]) -> None:
    path = tmp_path_factory.mktemp("any") / "x.parquet"
    texts, numbers = [text for text, _ in rows], [number for _, number in rows]
    pq.write_table(pa.table({"text": pa.array(texts, pa.string()), "number": pa.array(numbers, pa.float64())}), path)
    pieces = list(read_batches(path, 4))
    assert [cell for piece in pieces for cell in piece["text"]] == texts
    read = [cell for piece in pieces for cell in piece["number"]]
    assert [float(cell) if cell else None for cell in read] == [n if n == n else None for n in numbers]


def test_tables_of_molecules_and_bags(tmp_path: Path) -> None:
    frame = pd.DataFrame({"smiles": ["C", "CC"], "a": [1.0, 0.0], "b": [True, None]})
    frame.to_parquet(tmp_path / "a.parquet", index=False)
    table = read_table(tmp_path / "a.parquet")
    assert (table.task_names, table.y[:, 0].tolist()) == (["a", "b"], [1, 0])
    frame[1:].assign(b=None).to_parquet(tmp_path / "a.parquet")
    assert read_table(tmp_path / "a.parquet").left_out == {}
    bags = pd.DataFrame({"bag": ["x", "y", "x"], "label": [1, 0, 1], "f": [0.1, 0.25, 3]})
    bags.to_parquet(tmp_path / "bags.parquet", index=False)
    data = read_bags(tmp_path / "bags.parquet")
    assert (data.name, data.bag_names, data[0].x.squeeze(1).tolist()) == ("bags", ["x", "y"], pytest.approx([0.1, 3]))


@pytest.mark.parametrize("compression", ["snappy", "zstd"])
def test_damaged_files_are_errors(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"smiles": ["C" * i for i in range(99)]}), path, compression=compression)
    content = path.read_bytes()
    for end in range(4, len(content), 61):
        path.write_bytes(content[:end])
        with pytest.raises(ValueError, match="is a damaged or truncated Parquet file"):
            read_columns(path)


def test_repeated_names(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), path)
    with pytest.raises(ValueError, match="the header repeats 'a'"):
        read_columns(path)
    pq.write_table(pa.table({"a": pa.array([], pa.string())}), path)
    assert list(read_batches(path)) == [{"a": []}]
