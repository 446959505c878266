"""Selection of label columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xgraph.data.cards.schema import Card


def listed_targets(columns: Sequence[str] | None) -> list[str] | None:
    """Return the columns as a list; None stays None."""
    if isinstance(columns, str):
        raise TypeError(f"target_columns must be a list of column names, got the string {columns!r}")
    if columns is None:
        return None
    listed = list(columns)
    twice = [column for column in dict.fromkeys(listed) if listed.count(column) > 1]
    if twice or not listed:
        got = f"{', '.join(map(repr, twice))} twice" if twice else "none"
        raise ValueError(f"target_columns must be at least one column, without duplicates, got {got}")
    return listed


def card_targets(card: Card, columns: Sequence[str] | None, known: Sequence[str] = ()) -> list[str]:
    """Return the selected tasks of a registered data set; by default all.

    Args:
        card: The card.
        columns: The selection.
        known: The tasks that its files have, for a card that does not name them.
    """
    names = card.target_columns or list(known)
    requested = listed_targets(columns) or names
    unknown = [column for column in requested if column not in names] if names else []
    if unknown:
        few = names if len(names) <= 200 else names[:20]
        raise ValueError(f"target_columns of {card.name!r} must be any of {', '.join(few)}, got {', '.join(unknown)}")
    return requested
