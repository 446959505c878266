"""Columns of numbers to predict: how cells are read, and which columns are chosen."""

import math
from typing import Any

import numpy as np
import pytest

from xgraph.data.labels.choose import choose_labels
from xgraph.data.labels.labels import Labels, usual_metric
from xgraph.data.labels.names import is_bookkeeping
from xgraph.data.labels.numbers import read_numbers
from xgraph.data.labels.rules import LabelRules

NAN = math.nan


def choose(columns: dict[str, str], requested: list[str] | None = None, **rules: Any) -> Labels:
    cells = {name: text.split() for name, text in columns.items()}
    return choose_labels(cells, LabelRules(**rules), requested=requested, path="t.csv")


@pytest.mark.parametrize(
    ("cells", "rules", "values", "note"),
    [
        ("-11.6 1.58 nan 0", {}, [-11.6, 1.58, NAN, 0], "numbers from -11.6 to 1.58: regression"),
        ("5.0 -999 6e0 7", {"missing": ["-999"]}, [5, NAN, 6, 7], "numbers from 5 to 7: regression"),
        ("5.5 n.d. >10 7", {"missing": ["n.d.", ">10"]}, [5.5, NAN, NAN, 7], "numbers from 5.5 to 7: regression"),
        (
            "1 3 1 2 3 2",
            {},
            [1, 3, 1, 2, 3, 2],
            "from 1 to 3: regression; if its 3 different whole numbers are classes",
        ),
        ("+1 2 .5 1e3", {}, [1, 2, 0.5, 1000], "numbers from 0.5 to 1000: regression"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_a_column_of_numbers_is_predicted_without_an_option(
    cells: str, rules: dict[str, Any], values: list[float], note: str, named: bool
) -> None:
    names = " ".join("abcdef"[: len(cells.split())])
    found = choose({"y": cells, "name": names}, ["y"] if named else None, **rules)
    assert (found.names, found.task, found.y.dtype) == (["y"], "regression", np.float32)
    np.testing.assert_array_equal(found.y[:, 0], np.array(values, np.float32))
    assert found.notes["y"].endswith(note) or note in found.notes["y"]
    assert usual_metric(found.task) == "rmse"


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("1.5 2 high", r"column 'y' contains the text 'high' \(data row 2\); give missing \(--missing 'high'\)"),
        ("1.5 >10 >10", r"contains the bound '>10' \(data row 1\), one of 2, .*--missing '>10'.*--active-above"),
        ("1.5 -inf 2", r"contains the infinite number '-inf' \(data row 1\)"),
        ("1.5 4e38 2", r"contains '4e38' \(data row 1\), more than a number of 32 bits can be \(3.403e\+38\)"),
        ("1.5 1e999 2", r"contains '1e999' \(data row 1\), more than a number of 32 bits"),
        ("1.5 2,5 2", r"contains '2,5' \(data row 1\): write decimals with a point"),
        ("2.5 2.5 2.50", "holds 2.5 in each of its 3 cells, so that there is nothing to learn"),
        ("2.5 nan nan", "holds a single number, 2.5, so that there is nothing to learn"),
        ("16777216 16777217 nan", "numbers that are the same in 32 bits, 16777216 to 16777217"),
        ("nan nan nan", "holds no number"),
        ("1_000 2 3", "contains the text '1_000'"),
    ],
)
def test_cells_that_are_no_numbers_to_predict(cells: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"t.csv: regression needs numbers or empty .missing. cells, but .*{message}"):
        choose({"y": cells}, ["y"], task="regression")
    with pytest.raises(ValueError, match=r"column 'y' |, but contains the|"):
        choose({"y": cells, "s": "a b c"})


def test_labels_come_first_and_columns_of_numbers_are_named() -> None:
    columns = {"CID": "7 9 4", "pIC50": "5.5 6.5 7.5", "active": "0 1 1", "fold": "0 1 2"}
    found = choose(columns)
    assert (found.names, found.task) == (["active"], "binary")
    assert "--task regression" in found.left_out["pIC50"]
    found = choose(columns, task="regression")
    assert (found.names, found.y[:, 0].tolist()) == (["pIC50"], [5.5, 6.5, 7.5])
    assert found.left_out["active"] == "labels 0 and 1; to train on them as well, name it in --target-columns"
    assert "like an identifier" in found.left_out["CID"]
    assert "--split-column" in found.left_out["fold"]
    found = choose(columns, ["active", "pIC50"], task="regression")
    assert found.y.tolist() == [[0, 5.5], [1, 6.5], [1, 7.5]]
    del columns["pIC50"]
    assert choose(columns, task="regression").names == ["active"]


@pytest.mark.parametrize(
    ("columns", "requested", "rules", "message"),
    [
        (
            {"a": "1.5 2", "b": "3 4.5"},
            None,
            {},
            r"2 columns hold numbers \('a', 'b'\); name those to predict, one or s",
        ),
        ({"a": "1.5 2 3 4", "b": "3 4.5 5 7", "c": "u v u v"}, None, {}, "; column 'c' holds the words 'u', 'v'; give"),
        ({"a": "1.5 2", "b": "0 1"}, ["a", "b"], {}, "column 'a' holds numbers, but column 'b' labels 0 and 1: train"),
        ({"a": "1.5 2"}, ["a"], {"task": "binary"}, r"contains the number 1.5: .*--task regression.*--active-above"),
        ({"a": "1.5 2"}, None, {"task": "binary"}, r"contains the number 1.5: .*--task regression.*--active-above"),
        ({"a": "x y"}, None, {"task": "regression"}, "has no column with numbers to predict; its columns are 'a'"),
        ({"CID": "7 9"}, None, {}, "column 'CID' contains the number 7"),
        ({"a": "1 2 3 4 5"}, None, {"task": "regression"}, "no column with numbers to predict"),
        ({"a": "1.5 2"}, ["b"], {"task": "regression"}, "target_columns 'b' not found"),
    ],
)
def test_doubt_is_an_error(columns: dict[str, str], requested: Any, rules: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        choose(columns, requested, **rules)


def test_zeros_and_ones_with_a_strange_number_are_asked_about() -> None:
    cells = "0 1 " * 20 + "2"
    for requested in (None, ["y"]):
        with pytest.raises(ValueError, match=r"holds 0 and 1, but also 2 .data row 40.: .*--missing 2.*--task regress"):
            choose({"y": cells}, requested)
    assert choose({"y": cells}, task="regression").y.max() == 2
    assert choose({"y": cells}, missing=["2"]).task == "binary"


def test_labels_0_and_1_are_numbers_on_request() -> None:
    found = choose({"a": "0 1 nan", "b": "1 -1 0"}, task="regression")
    np.testing.assert_array_equal(found.y, np.array([[0, 1], [1, -1], [NAN, 0]], np.float32))
    with pytest.raises(ValueError, match=r"column 'a' contains the text 'yes'"):
        choose({"a": "yes no no"}, task="regression")


def test_numbers_are_not_chosen_where_labels_are_not_required() -> None:
    cells = {"y": ["1.5", "2.5"]}
    assert choose_labels(cells, LabelRules(), required=False).names == []
    assert choose_labels(cells, LabelRules(task="regression"), required=False).names == ["y"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, True) for name in ("CID", "id", "Compound No", "mol_id", "weight", "Sample weight", "MolID", "cas")),
        *((name, False) for name in ("pKi", "acid", "lipid", "logS", "y", "mol weight", "measured", "void")),
    ],
)
def test_names_of_bookkeeping(name: str, expected: bool) -> None:
    assert is_bookkeeping(name) == expected


def test_a_column_that_cannot_be_read_says_why() -> None:
    assert read_numbers(["1", "2"], LabelRules()).numbers.tolist() == [1, 2]
    with pytest.raises(ValueError, match="contains the text 'x'"):
        _ = read_numbers(["1", "x"], LabelRules()).numbers
