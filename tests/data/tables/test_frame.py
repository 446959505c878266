import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.data import load
from xgraph.data.tables.frame import FrameTable
from xgraph.data.tables.read import read_batches, read_columns

MOLECULES = pd.DataFrame(
    {
        "name": [f"m{i}" for i in range(40)],
        "smiles": ["C" * n + "CO"[n % 2] for n in range(1, 41)],
        "active": [float(n % 3 == 0) if n % 7 else np.nan for n in range(40)],
        "mass": np.linspace(10, 500, 40),
    },
    index=range(100, 140),
)
BAGS = pd.DataFrame(
    {"slide": np.repeat(["a", "b", "c", "d", "e", "f"], 3), "label": np.repeat([0, 1], 9), "x": np.arange(18) / 4}
).sample(frac=1, random_state=0)


def test_a_frame_of_molecules_is_read_like_a_file_with_the_same_columns(tmp_path: Path) -> None:
    MOLECULES.to_csv(tmp_path / "frame.csv", index=False)
    for options in ({}, {"smiles_column": "smiles", "target_columns": ["active"], "split": "random", "seed": 3}):
        one, other = load(MOLECULES, **options), load(tmp_path / "frame.csv", **options)
        assert one.smiles == other.smiles
        assert torch.equal(one.y.nan_to_num(-1), other.y.nan_to_num(-1))
        assert one.row.tolist() == other.row.tolist()
        assert {part: rows.tolist() for part, rows in one.splits.items()} == {
            part: rows.tolist() for part, rows in other.splits.items()
        }
        assert (one.name, one.task_names) == ("frame", ["active"])


def test_a_frame_of_bags_is_read_like_a_file_with_the_same_columns(tmp_path: Path) -> None:
    BAGS.to_csv(tmp_path / "frame.csv", index=False)
    one, other = load(BAGS, bag_column="slide"), load(tmp_path / "frame.csv", bag_column="slide")
    assert one.bag_names == other.bag_names
    assert torch.equal(one.y, other.y)
    assert torch.equal(one.batch(range(6)).x, other.batch(range(6)).x)
    assert {k: v.tolist() for k, v in one.splits.items()} == {k: v.tolist() for k, v in other.splits.items()}


CELLS = st.one_of(st.none(), st.integers(-(10**6), 10**6), st.booleans(), st.sampled_from(["", "CCO", " x ", "Na\nN"]))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=7), st.integers(1, 8))
def test_pieces_of_any_size_are_the_whole(rows: list[tuple[object, object]], size: int) -> None:
    frame = pd.DataFrame(rows, columns=["a", 7], dtype=object)
    whole = read_columns(FrameTable(frame))
    assert list(whole) == ["a", "7"]
    for name, column in (("a", 0), ("7", 1)):
        expected = ["" if row[column] is None else str(row[column]) for row in rows]
        assert whole[name] == expected
        assert [cell for piece in read_batches(FrameTable(frame), size) for cell in piece[name]] == expected


def test_numbers_are_written_as_in_a_file() -> None:
    frame = pd.DataFrame({"a": [1.0, 0.5, np.nan, 1e300, math.inf], "b": pd.array([1, None, 3, 4, 5], dtype="Int64")})
    table = read_columns(FrameTable(frame))
    assert table == {"a": ["1", "0.5", "", "1e+300", "inf"], "b": ["1", "", "3", "4", "5"]}


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(ValueError, match="the data frame has no columns"):
        load(pd.DataFrame())
    with pytest.raises(ValueError, match=r"the data frame: column names must be unique.*'1'"):
        load(pd.DataFrame([[1, 2]], columns=[1, "1"]))
    with pytest.raises(ValueError, match="no SMILES column found: the columns of the data frame are 'a'"):
        load(pd.DataFrame({"a": [1]}))
    with pytest.raises(ValueError, match="the data frame has a header"):
        load(MOLECULES[:0])
    with pytest.raises(TypeError, match=r"DataFrame, got \{'smiles': \['C'\]\} \(dict\)"):
        load({"smiles": ["C"]})
