from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xgraph.data.bags.columns import as_text, bags_of, features, of_bags, read_frame

ROWS = np.array([0, 1, 3, 4])
BAG, NAMES = np.array([0, 1, 0, 1]), ["a", "b"]


def frame_of(path: Path, text: str, bag_column: str | None = None) -> pd.DataFrame:
    path.write_text(text)
    return read_frame(path, bag_column)


def test_columns_without_a_name(tmp_path: Path) -> None:
    """As spreadsheets leave them, empty, and as pandas writes row numbers."""
    path = tmp_path / "x.csv"
    assert list(frame_of(path, "bag,a,,\n1,2,,\n2,3,,\n")) == ["bag", "a"]
    assert list(frame_of(path, ",bag,a\n0,1,2\n1,2,3\n")) == ["Unnamed: 0", "bag", "a"]
    assert list(frame_of(path, "bag, ,a,\n1,,2,7\n2,,3,\n")) == ["bag", "a", "Unnamed: 3"]


def test_numeric_columns_are_converted_and_names_stay_text(tmp_path: Path) -> None:
    frame = frame_of(tmp_path / "x.csv", "slide,a,b\n007,1e3,true\nNA, 2,false\n,NaN,\n", "slide")
    assert frame["slide"].tolist()[:2] == ["007", "NA"]
    assert frame["slide"].isna().tolist() == [False, False, True]
    assert frame["a"].tolist()[:2] == [1000, 2]
    assert frame["a"].isna()[2]


def test_bags_are_numbered_in_order_of_appearance() -> None:
    codes, names = bags_of(pd.Series([" b", "a", "b ", 7], name="bag"), ROWS)
    assert (codes.tolist(), names) == ([0, 1, 0, 2], ["b", "a", "7"])
    with pytest.raises(ValueError, match="column 'bag' has no bag in 2 rows; the first is data row 3"):
        bags_of(pd.Series(["a", "a", " ", None], name="bag"), ROWS)


def test_one_labelled_row_labels_its_bag() -> None:
    assert of_bags(np.float32([np.nan, 0, 1, 0]), "y", BAG, NAMES, ROWS).tolist() == [1, 0]
    some = of_bags(np.float32([np.nan, 0, np.nan, np.nan]), "y", BAG, NAMES, ROWS)
    assert np.isnan(some).tolist() == [True, False]
    with pytest.raises(ValueError, match="differ within bag 'a': column 'y' is 1 in data row 0 and 0 in data row 3"):
        of_bags(np.float32([1, 0, 0, 0]), "y", BAG, NAMES, ROWS)
    assert as_text(pd.Series([1.0, None, "yes"], dtype=object)) == ["1.0", "", "yes"]


def test_errors_name_row_bag_and_column() -> None:
    frame = pd.DataFrame({"p": [1, 2, 3, 4], "q": [True, False, True, True]})
    x = features(frame, ["q", "p"], BAG, NAMES, ROWS)
    assert (x.dtype, x.tolist()) == (np.float32, [[1, 1], [0, 2], [1, 3], [1, 4]])
    for cells, text in (
        ([1, 2, np.nan, 4], "features must be finite, but column 'r' is not in data row 3 .bag 'a'"),
        ([1, 2, 3, 1e39], "column 'r' is not in data row 4 .bag 'b'"),
        (pd.to_datetime(["2020-01-01"] * 4), "features must be real numbers, but column 'r' contains datetime64"),
        ([1j, 2, 3, 4], "features must be real numbers, but column 'r' contains complex128"),
        (["1", "2", "x", "4"], "features must be numbers, but column 'r' contains 'x' in data row 3 .bag 'a'.*"),
    ):
        with pytest.raises(ValueError, match=text):
            features(frame.assign(r=cells), ["p", "r"], BAG, NAMES, ROWS)
