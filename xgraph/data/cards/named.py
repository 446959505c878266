"""Cards: one TOML file a data set, saying what it is, where it comes from and how it is used."""

from __future__ import annotations

import difflib
from functools import lru_cache
from pathlib import Path

from xgraph.data.cards.schema import Card, parse_card

# In a wheel the cards lie inside the package, in a checkout beside it.
_FOLDERS = (Path(__file__).parents[2] / "datasets", Path(__file__).parents[3] / "datasets")


@lru_cache(maxsize=1)
def _paths() -> dict[str, Path]:
    folder = next((f for f in _FOLDERS if f.is_dir()), None)
    if folder is None:
        raise FileNotFoundError(f"the data set cards are missing from the installation: no folder {_FOLDERS[0]}")
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def names() -> list[str]:
    """Names of the data sets there is a card for."""
    return list(_paths())


def list_cards() -> list[Card]:
    """All cards, by name.

    Example:
        >>> [card.name for card in list_cards() if card.embedded]
        ['digits-bags', 'nci-pains']
    """
    return [load_card(name) for name in names()]


@lru_cache(maxsize=256)
def load_card(name: str) -> Card:
    """The card of a data set.

    Args:
        name: Its name, as `list_cards` has it.

    Raises:
        ValueError: If there is no such data set, with the names nearest to it.

    Example:
        >>> load_card("aicures").folds
        10
    """
    path = _paths().get(name)
    if path is None:
        near = difflib.get_close_matches(name.lower(), names(), n=3, cutoff=0.5)
        near += [other for other in names() if name and name.lower() in other and other not in near][:3]
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names())}"
        raise ValueError(f"unknown data set {name!r}: {hint}")
    card = parse_card(path.read_text(encoding="utf-8"), str(path))
    if card.name != name:
        raise ValueError(f"{path}: key 'name' must be {name!r}, as the file is called, got {card.name!r}")
    return card
