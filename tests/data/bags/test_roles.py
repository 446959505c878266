from typing import Any

import pytest

from xgraph.data.bags.roles import choose_roles, find_column, listing

COLUMNS = ["Bag ID", "label", "size", "mass", "ill"]


@pytest.mark.parametrize(
    ("options", "roles"),
    [
        ({}, ("Bag ID", ["label"], ["size", "mass", "ill"])),
        ({"target_columns": ["ill", "label"]}, ("Bag ID", ["ill", "label"], ["size", "mass"])),
        ({"bag_column": "ill", "feature_columns": ["mass"]}, ("ill", ["label"], ["mass"])),
        ({"target_columns": [], "require_targets": False}, ("Bag ID", [], ["label", "size", "mass", "ill"])),
        ({"bag_column": "label", "target_columns": ["ill"]}, ("label", ["ill"], ["Bag ID", "size", "mass"])),
        ({"bag_column": "label", "require_targets": False}, ("label", [], ["Bag ID", "size", "mass", "ill"])),
    ],
)
def test_each_column_has_one_role(options: dict[str, Any], roles: Any) -> None:
    assert choose_roles(COLUMNS, **options) == roles


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"target_columns": ["Bag ID"]}, "column 'Bag ID' is the bag column and cannot be a label"),
        ({"feature_columns": ["size", "label"]}, "column 'label' holds labels, so it is no feature"),
        ({"feature_columns": ["Bag ID", "size"]}, "column 'Bag ID' names the bags, so it is no feature"),
        ({"feature_columns": []}, "feature column"),
        ({"feature_columns": ["size", "size"]}, "feature columns must be different"),
        ({"target_columns": ["b"]}, "label column 'b' does not exist: the columns are 'Bag ID'"),
        ({"bag_column": "sack"}, "bag column 'sack' does not exist: the columns are 'Bag ID', 'label'"),
        ({"bag_column": "label"}, "no label column found: .*--target-columns"),
        ({"columns": ["a", "b", "a"]}, "column names must be unique: the columns are 'a', 'b', 'a'"),
        ({"columns": ["a", "label"]}, "no bag column found: .*--bag-column"),
    ],
)
def test_invalid_columns_are_rejected(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        choose_roles(**{"columns": COLUMNS, **options})


def test_a_flag_of_a_split_is_no_feature_unless_it_is_named() -> None:
    columns = ["bag", "label", "size", "fold", "train"]
    assert choose_roles(columns).features == ["size"]
    assert choose_roles(columns, feature_columns=["size", "fold"]).features == ["size", "fold"]


def test_columns_are_found_by_their_names() -> None:
    assert find_column(["y", "LABEL", "label"], ("label", "y")) == "LABEL"
    assert find_column(["x"], ("label",)) is None
    assert listing([f"c{i}" for i in range(23)]).endswith("'c19' and 3 more")
