"""Roles of the columns of a table of bags: bag, labels and features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from xgraph.data.labels.names import is_split
from xgraph.messages import listed

BAG_NAMES = ("bag", "bag_id", "bagid", "bag_name")
TARGET_NAMES = ("label", "y", "target", "bag_label", "class")
UNNAMED = "Unnamed: "
"""Prefix that pandas gives columns without a name."""


class Roles(NamedTuple):
    """The columns by role."""

    bag: str
    targets: list[str]
    features: list[str]


def choose_roles(
    columns: Sequence[str],
    bag_column: str | None = None,
    target_columns: Sequence[str] | None = None,
    feature_columns: Sequence[str] | None = None,
    require_targets: bool = True,
) -> Roles:
    """Assign roles to the columns, by request or by name."""
    if len(set(columns)) < len(columns):
        raise ValueError(f"column names must be unique: {listing(columns)}")
    bag = bag_column or find_column(columns, BAG_NAMES)
    if bag is None:
        raise ValueError(f"no bag column found: {listing(columns)}; set bag_column (--bag-column)")
    demand(columns, [bag], "bag")
    if target_columns is None:
        target = find_column([column for column in columns if column != bag], TARGET_NAMES)
        targets = [] if target is None else [target]
    else:
        targets = demand(columns, target_columns, "label") if require_targets or target_columns else []
    if require_targets and not targets:
        raise ValueError(f"no label column found: {listing(columns)}; set target_columns (--target-columns)")
    if bag in targets:
        raise ValueError(f"column {bag!r} is the bag column and cannot be a label")
    if feature_columns is None:
        return Roles(bag, targets, [name for name in columns if name not in (bag, *targets) and not is_split(name)])
    features = demand(columns, feature_columns, "feature")
    for role, taken in (("names the bags", [bag]), ("holds labels", targets)):
        both = next((column for column in features if column in taken), None)
        if both is not None:
            raise ValueError(f"column {both!r} {role}, so it is no feature")
    return Roles(bag, targets, features)


def find_column(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """Return the column with one of the names, ignoring case; earlier names take precedence."""
    by_name = {column.lower().replace(" ", "_"): column for column in reversed(columns)}
    return next((by_name[name] for name in names if name in by_name), None)


def demand(columns: Sequence[str], requested: Sequence[str], what: str) -> list[str]:
    """Return the requested columns after checking that they exist and are different."""
    if isinstance(requested, str):
        raise TypeError(f"{what} columns must be a list of names, got the string {requested!r}")
    unknown = [column for column in requested if column not in columns]
    if not requested:
        raise ValueError(f"{what} columns must be at least one column: {listing(columns)}")
    if unknown:
        raise ValueError(f"{what} column {', '.join(map(repr, unknown))} does not exist: {listing(columns)}")
    if len(set(requested)) < len(requested):
        raise ValueError(f"{what} columns must be different, got {list(requested)}")
    return list(requested)


def listing(columns: Sequence[str]) -> str:
    """List the columns for a message."""
    return f"the columns are {listed(columns)}"
