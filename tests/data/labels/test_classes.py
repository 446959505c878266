"""Which column holds the classes, and in which order they are."""

import math
from typing import Any

import numpy as np
import pytest

from xgraph.data.labels.choose import choose_labels
from xgraph.data.labels.labels import Labels
from xgraph.data.labels.rules import LabelRules

NAN = math.nan


def choose(columns: dict[str, str], requested: list[str] | None = None, **rules: Any) -> Labels:
    cells = {name: text.split() for name, text in columns.items()}
    return choose_labels(cells, LabelRules(task="multiclass", **rules), requested=requested, path="t.csv")


def test_words_are_ordered_by_the_alphabet_and_integers_by_value() -> None:
    found = choose({"name": "a b c d e f", "kind": "red blue NA red green blue", "x": "1.5 2.5 1 1 2 2"}, ["kind"])
    assert (found.names, found.column) == (["blue", "green", "red"], "kind")
    expected = [[0, 0, 1], [1, 0, 0], [NAN] * 3, [0, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert np.array_equal(found.y, np.array(expected), equal_nan=True)
    assert choose({"k": "10 9 2.0 9 2 10"}).names == ["2", "9", "10"]
    assert choose({"k": "10 9 -1 9 -1 10"}, missing=["-1"]).names == ["9", "10"]


def test_the_only_column_that_looks_like_classes_is_found() -> None:
    columns = {"id": "1 2 1 2 1 2", "kind": "a b c a b c", "odd": "0 1 0 1 0 1", "fold": "0 1 2 0 1 2"}
    found = choose(columns)
    assert (found.column, list(found.left_out)) == ("kind", ["odd"])
    assert choose({"odd": "0 1 0 1"}).names == ["0", "1"]


@pytest.mark.parametrize(
    ("columns", "requested", "rules", "message"),
    [
        ({"a": "x y z x y z", "b": "1 2 3 1 2 3"}, None, {}, r"several columns look like classes \('a', 'b'\)"),
        ({"a": "x y z"}, None, {}, "no column looks like classes in t.csv; name"),
        ({"a": "1.5 2 1.5 2"}, ["a"], {}, "column 'a' must hold classes, that is words or integers, but .* '1.5'"),
        ({"a": "x x NA"}, ["a"], {}, "at least two classes, got only 'x'"),
        ({"a": "x y"}, ["b"], {}, "target_columns must be one column of t.csv, got 'b'; its columns are 'a'"),
        ({"a": "x y"}, ["a"], {"positive": "x"}, "task multiclass: positive"),
    ],
)
def test_doubt_is_an_error(columns: dict[str, str], requested: Any, rules: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        choose(columns, requested, **rules)
