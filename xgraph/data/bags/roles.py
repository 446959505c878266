"""Roles of the columns of a table of bags: which one names the bags, which are labels, and which are features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

BAG_NAMES = ("bag", "bag_id", "bagid", "bag_name")
TARGET_NAMES = ("label", "y", "target", "bag_label", "class")
UNNAMED = "Unnamed: "
"""What pandas calls a column without a name, before its number."""


class Roles(NamedTuple):
    """What the columns are for."""

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
    """Give each column its role, by what is requested or by its name."""
    if len(set(columns)) < len(columns):
        raise ValueError(f"columns must have different names: {listing(columns)}")
    bag = bag_column or find_column(columns, BAG_NAMES)
    if bag is None:
        raise ValueError(f"no column names the bags: {listing(columns)}; say which with bag_column (--bag-column)")
    demand(columns, [bag], "bag")
    if target_columns is None:
        target = find_column([column for column in columns if column != bag], TARGET_NAMES)
        targets = [] if target is None else [target]
    else:
        targets = demand(columns, target_columns, "label") if require_targets or target_columns else []
    if require_targets and not targets:
        raise ValueError(f"no column of labels: {listing(columns)}; say which with target_columns (--target-columns)")
    if bag in targets:
        raise ValueError(f"column {bag!r} names the bags, so it is no label")
    if feature_columns is None:
        return Roles(bag, targets, [column for column in columns if column not in (bag, *targets)])
    features = demand(columns, feature_columns, "feature")
    for role, taken in (("names the bags", [bag]), ("holds labels", targets)):
        both = next((column for column in features if column in taken), None)
        if both is not None:
            raise ValueError(f"column {both!r} {role}, so it is no feature")
    return Roles(bag, targets, features)


def find_column(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """The column that is called by one of the names, in any case; the first name goes first."""
    by_name = {column.lower().replace(" ", "_"): column for column in reversed(columns)}
    return next((by_name[name] for name in names if name in by_name), None)


def demand(columns: Sequence[str], requested: Sequence[str], what: str) -> list[str]:
    """The requested columns, if they exist and differ."""
    if isinstance(requested, str):
        raise TypeError(f"{what} columns must be a list of names, got the string {requested!r}")
    unknown = [column for column in requested if column not in columns]
    if unknown or not requested:
        raise ValueError(f"there is no {what} column {', '.join(map(repr, unknown))}: {listing(columns)}")
    if len(set(requested)) < len(requested):
        raise ValueError(f"{what} columns must be different, got {list(requested)}")
    return list(requested)


def listing(columns: Sequence[str]) -> str:
    """The columns, in words."""
    some = ", ".join(map(repr, columns[:20]))
    return f"the table has {some}" + (f" and {len(columns) - 20} more" if len(columns) > 20 else "")
