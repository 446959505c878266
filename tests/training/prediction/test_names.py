"""Names of the columns of predictions."""

import numpy as np
import pytest

from xgraph.training.prediction.output.names import long_names, short_names


def test_short_names_avoid_those_of_the_other_columns() -> None:
    assert short_names(["a", "error", "error_score"], "smiles")[:4] == (
        None,
        ["a", "error_score", "error_score_"],
        [],
        "error",
    )
    names = short_names(["a", "a_std", "smiles"], "smiles", spread=True, predicted=True)
    assert names.scores == ["a", "a_std", "smiles_score"]
    assert names.spread == ["a_std_", "a_std_std", "smiles_score_std"]
    assert short_names(["error"], "node", error=False).scores == ["error"]


def test_long_names_say_what_they_are() -> None:
    names = long_names(["a", "b"], ["id", "a", "b"], spread=True, predicted=True)
    assert names[:4] == ("predicted", ["a_score", "b_score"], ["a_std", "b_std"], "error")


def test_long_names_that_a_table_has_are_numbered_and_said() -> None:
    table = ["smiles", "a_score", "error", "error_2", "b_std"]
    with pytest.warns(UserWarning, match=r"'a_score' \('a_score_2'\), 'b_std' \('b_std_2'\), 'error' \('error_3'\)$"):
        names = long_names(["a", "b"], table, spread=True)
    assert names[:4] == (None, ["a_score_2", "b_score_2"], ["a_std_2", "b_std_2"], "error_3")


def test_columns_with_these_names() -> None:
    score = np.array([[0.2, 0.8], [np.nan, np.nan], [0.6, 0.4]])
    columns = long_names(["no", "yes"], [], predicted=True).columns(["no", "yes"], score, None, ["", "bad", ""])
    assert list(columns) == ["predicted", "no_score", "yes_score", "error"]
    assert columns["predicted"] == ["yes", None, "no"]
    assert columns["yes_score"][0] == 0.8
