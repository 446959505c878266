"""Which columns of a table are tasks, what their cells mean, and what is said of the columns that are left out."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.data.labels.choose import Labels, choose_labels
from xgraph.data.labels.names import is_flag, is_identifier, is_split
from xgraph.data.labels.rules import LabelRules

NAN = math.nan


def choose(columns: dict[str, str], requested: list[str] | None = None, **rules: Any) -> Labels:
    cells = {name: text.split() for name, text in columns.items()}
    return choose_labels(cells, LabelRules(**rules), requested=requested, path="t.csv")


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        ("1 0 1.0 0.0", [1, 0, 1, 0]),
        ("1 -1 1 -1.0", [1, 0, 1, 0]),
        ("Active inactive ACTIVE na", [1, 0, 1, NAN]),
        ("Yes No yes NULL", [1, 0, 1, NAN]),
        ("positive Negative pos neg", [1, 0, 1, 0]),
        ("TRUE false t F", [1, 0, 1, 0]),
    ],
)
def test_words_and_numbers_are_labels(cells: str, labels: list[float]) -> None:
    assert np.array_equal(choose({"y": cells}).y[:, 0], np.array(labels, np.float32), equal_nan=True)


@pytest.mark.parametrize(
    ("rules", "cells", "labels"),
    [
        ({"positive": "ca"}, "CA CI CM CA", [1, 0, 0, 1]),
        ({"positive": "CA", "missing": ["CM"]}, "CA CI CM nan", [1, 0, NAN, NAN]),
        ({"positive": "2"}, "1 2 2.0 NA", [0, 1, 1, NAN]),
        ({"active_above": 6.5}, "6.5 6.51 -1 nan", [0, 1, 0, NAN]),
        ({"active_below": 100}, "100 99 1e4 na", [0, 1, 0, NAN]),
        ({"active_above": 2, "active_below": 4}, "2 3 4 5", [0, 1, 0, 0]),
        ({"active_below": 100}, ">1000 >100 <100 >50", [0, 0, 1, NAN]),
        ({"active_above": 100}, "<=100 >=100 >100 <500", [0, NAN, 1, NAN]),
        ({"active_above": 6, "missing": ["n.d."]}, "n.d. 7 5 N.D.", [NAN, 1, 0, NAN]),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_rules_of_the_user(rules: dict[str, Any], cells: str, labels: list[float], named: bool) -> None:
    found = choose({"y": cells, "name": "a b c d"}, ["y"] if named else None, **rules)
    assert found.names == ["y"]
    assert np.array_equal(found.y[:, 0], np.array(labels, np.float32), equal_nan=True)


def test_a_label_in_words_is_not_passed_over_for_a_property() -> None:
    found = choose({"active(Yes/No)": "Yes No No", "is_salt(0/1)": "1 0 1", "is salt": "1 0 1"})
    assert found.names == ["active(Yes/No)"]
    assert found.y[:, 0].tolist() == [1, 0, 0]
    assert set(found.left_out) == {"is_salt(0/1)", "is salt"}
    assert choose({"is_salt": "1 0 1"}).names == ["is_salt"]
    with pytest.raises(
        ValueError, match=r"'Active', 'Inactive', 'Open': say .*; column 'is_salt' is called like a prop"
    ):
        choose({"activity": "Active Inactive Open Active Open Open", "is_salt": "1 0 1 0 1 0"})
    assert choose({"is_active": "1 0 1", "is_toxic": "0 0 1"}).names == ["is_active", "is_toxic"]
    assert choose({"y": "1 0 1", "is_salt": "0 0 1"}, ["is_salt"]).names == ["is_salt"]


@pytest.mark.parametrize("flag", ["train", "Split", "fold", "set", "valid", "test", "is_train", "cv fold"])
def test_a_flag_of_a_split_is_never_a_task_unless_it_is_named(flag: str) -> None:
    columns = {"pIC50": "6.1 7.2 5.5", flag: "1 0 1"}
    found = choose(columns)
    assert (found.names, found.task) == (["pIC50"], "regression")
    assert "--split-column" in found.left_out[flag]
    with pytest.raises(ValueError, match=r"column 'pIC50' contains the number 6.1.*--active-above"):
        choose(columns, task="binary")
    found = choose(columns, active_above=6)
    assert (found.names, found.y[:, 0].tolist()) == (["pIC50"], [1, 1, 0])
    assert "--split-column" in found.left_out[flag]
    assert choose(columns, [flag]).y[:, 0].tolist() == [1, 0, 1]


def test_columns_that_look_like_labels_are_listed_with_the_reason() -> None:
    found = choose(
        {
            "id": "7 8 9 10",
            "name": "a b c d",
            "y": "1 0 0 1",
            "pIC50": "5.0 6.5 7.1 8",
            "outcome": "CA CI CI CA",
            "ic50": "10 >50 n.d. 7",
        }
    )
    assert found.names == ["y"]
    assert found.left_out.keys() == {"pIC50", "outcome", "ic50"}
    assert (
        found.left_out["pIC50"]
        == "numbers other than 0 and 1; give --task regression, --active-above or --active-below"
    )
    assert "'CA', 'CI'" in found.left_out["outcome"]
    assert "--positive" in found.left_out["outcome"]
    assert "'n.d.'" in found.left_out["ic50"]


TERNARY = {"A": "0 1 -1 1", "B": "1 -1 1 -1"}


@pytest.mark.parametrize("requested", [None, ["A", "B"], ["A"], ["B"]])
def test_minus_one_beside_zero_is_asked_about(requested: list[str] | None) -> None:
    with pytest.raises(ValueError, match=r"-1 in columns? .*--missing -1 .*--missing none .*--missing 0"):
        choose(TERNARY, requested)


def test_the_answers_to_minus_one() -> None:
    as_missing = choose(TERNARY, missing=["-1"]).y
    assert np.array_equal(as_missing, np.array([[0, 1], [1, NAN], [NAN, 1], [1, NAN]]), equal_nan=True)
    assert choose(TERNARY, missing=["none"]).y.tolist() == [[0, 1], [1, 0], [0, 1], [1, 0]]
    zero_missing = choose(TERNARY, missing=["0"]).y
    assert np.array_equal(zero_missing, np.array([[NAN, 1], [1, 0], [0, 1], [1, 0]]), equal_nan=True)


def test_minus_one_is_inactive_where_no_label_is_zero() -> None:
    found = choose({"B": "1 -1 1", "id": "0 1 2", "is_salt": "0 1 0", "fold": "0 1 2"})
    assert (found.names, found.y[:, 0].tolist(), found.notes) == (["B"], [1, 0, 1], {"B": "-1 is inactive"})
    assert choose({"y": "0 1 1", "charge": "-1 0 1"}, ["y"]).y[:, 0].tolist() == [0, 1, 1]
    without = choose_labels({k: v.split() for k, v in TERNARY.items()}, LabelRules(), required=False)
    assert without.names == []


@pytest.mark.parametrize(
    ("columns", "requested", "rules", "message"),
    [
        ({"a": "1.5 2 3", "b": "5 6 7"}, None, {"active_above": 2}, r"2 columns of t.csv hold numbers .*'a', 'b'"),
        ({"a": "1 0 1"}, None, {"active_above": 2}, "no column of t.csv holds numbers other than 0 and 1"),
        ({"a": "1 0 1"}, ["a"], {"active_above": 2}, "the threshold has nothing to do"),
        ({"a": "CA CI CI", "b": "CI CA CA"}, None, {"positive": "CA"}, "2 columns of t.csv hold this cell"),
        ({"a": "1 0 1"}, ["a"], {"positive": "CA"}, "no cell of column 'a' in t.csv is that"),
        ({"a": "x1 x2 x3"}, ["a"], {}, r"column 'a' contains the text 'x1' \(data row 0\)$"),
        ({"a": "CA CI CI CA"}, ["a"], {}, r"its cells are 'CA', 'CI': say .*--positive WORD.*--task multiclass"),
        ({"a": "6 7 n.d. 7.5"}, ["a"], {"active_above": 6}, "--missing 'n.d.'"),
        ({"a": "1 0 1"}, ["b"], {}, "target_columns 'b' not found in t.csv; its columns are 'a'"),
    ],
)
def test_doubt_is_an_error(columns: dict[str, str], requested: Any, rules: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        choose(columns, requested, **rules)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"active_above": NAN}, "active_above must be a finite number"),
        ({"active_above": 5, "active_below": 5}, "active_above must be less than active_below"),
        ({"positive": " "}, "positive must be the cell"),
        ({"positive": "x", "active_above": 1}, "give a word or a threshold"),
        ({"task": "regression", "active_above": 1}, "task regression: positive, active_above and active_below are for"),
    ],
)
def test_rules_that_cannot_be(rules: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LabelRules(**rules)
    with pytest.raises(TypeError, match="missing must be a list"):
        LabelRules(missing="-1")


def test_names() -> None:
    assert is_identifier("ID")
    assert is_identifier("Unnamed: 0")
    assert is_identifier("__index_level_0__")
    assert not is_identifier("active")
    assert is_split("Validation")
    assert not is_split("trained")
    assert is_flag("has ring")
    assert not is_flag("is_toxic")


CELL = st.sampled_from(["0", "1", "-1", "", "NA", "Active", "no", "x", "7", ">3", "1e999", "nan", "é", "-"])


@given(
    st.dictionaries(
        st.sampled_from(["y", "train", "id", "is_x", "b"]), st.lists(CELL, min_size=4, max_size=4), min_size=1
    ),
    st.sampled_from(
        [
            LabelRules(),
            LabelRules(missing=("-1",)),
            LabelRules(positive="x"),
            LabelRules(active_above=2),
            LabelRules(task="regression"),
        ]
    ),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_any_table_gives_labels_or_a_clear_error(columns: dict[str, list[str]], rules: LabelRules, named: bool) -> None:
    try:
        found = choose_labels(columns, rules, requested=list(columns) if named else None, path="t.csv")
    except ValueError:
        return
    assert found.y.shape == (4, len(found.names))
    assert found.numbers or set(np.unique(found.y[~np.isnan(found.y)]).tolist()) <= {0.0, 1.0}
    assert not np.isinf(found.y).any()
    assert not found.left_out.keys() & set(found.names)
