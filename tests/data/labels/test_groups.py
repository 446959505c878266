import numpy as np
import pytest

from xgraph.data.labels.choose import choose_labels
from xgraph.data.labels.groups import Groups, check_groups, read_groups
from xgraph.data.labels.rules import LabelRules


def test_cells_are_groups_in_the_order_of_their_names() -> None:
    groups = read_groups({"lab": ["B", " A", "", "nan", "-1", "A"]}, "lab", "t.csv")
    assert (groups.names, groups.codes.tolist()) == (["A", "B"], [1, 0, -1, -1, -1, 0])
    assert groups.take([0, 1]).codes.tolist() == [1, 0]
    assert read_groups({"sex": ["1.0", "0", "1"]}, "sex", "t.csv").names == ["0", "1"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"lab": ["A", "A"]}, r"2 to 50 different groups, but column 'lab' of t.csv has 1, such as 'A'"),
        ({"lab": [str(i) for i in range(60)]}, "has 60"),
        ({"lab": ["", ""]}, "has 0"),
        ({"other": ["A"]}, "fair_column 'lab' does not exist"),
    ],
)
def test_columns_that_hold_no_groups_are_refused(columns: dict[str, list[str]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_groups(columns, "lab", "t.csv")


def test_a_column_of_groups_is_no_label() -> None:
    columns = {"active": ["1", "0", "1"], "sex": ["0", "1", "1"]}
    labels = choose_labels(columns, LabelRules(fair_column="sex"))
    assert labels.names == ["active"]
    assert labels.groups is not None
    assert labels.groups.codes.tolist() == [0, 1, 1]
    assert choose_labels(columns, LabelRules()).names == ["active", "sex"]
    with pytest.raises(ValueError, match="'sex' has another role in the table already"):
        choose_labels(columns, LabelRules(fair_column="sex"), requested=["active", "sex"])


def test_groups_of_a_data_set_are_checked() -> None:
    with pytest.raises(ValueError, match="groups must hold 3 numbers from -1 to 1, one per item"):
        check_groups(Groups("sex", np.array([0, 2, 1]), ["0", "1"]), 3)
