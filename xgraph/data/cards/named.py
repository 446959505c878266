"""Cards: one TOML file per data set, which describes its content, source and use."""

from __future__ import annotations

import difflib
from functools import lru_cache
from pathlib import Path

from xgraph.data.cards.schema import Card, parse_card

# In a wheel the cards are inside the package, in a checkout next to it.
ALIASES = {"esol": "delaney", "lipophilicity": "lipo"}
"""Further names by which a data set is known."""

_FOLDERS = (Path(__file__).parents[2] / "datasets", Path(__file__).parents[3] / "datasets")


@lru_cache(maxsize=1)
def _paths() -> dict[str, Path]:
    folder = next((f for f in _FOLDERS if f.is_dir()), None)
    if folder is None:
        raise FileNotFoundError(f"the installation lacks the data set cards: folder {_FOLDERS[0]} does not exist")
    paths = {path.stem: path for path in sorted(folder.glob("*.toml"), key=lambda path: path.stem)}
    return paths | {alias: paths[name] for alias, name in ALIASES.items() if name in paths}


def names() -> list[str]:
    """Return the names of all registered data sets, with those by which some are known beside their own."""
    return list(_paths())


def list_cards() -> list[Card]:
    """Return the cards of all registered data sets, sorted by name.

    Example:
        >>> [card.name for card in list_cards() if card.embedded]
        ['digits-bags', 'nci-pains']
    """
    return [load_card(name) for name, path in _paths().items() if path.stem == name]


@lru_cache(maxsize=256)
def load_card(name: str) -> Card:
    """Return the card of a registered data set.

    Args:
        name: Name of the data set; see `list_cards`.

    Raises:
        ValueError: If the data set is unknown; the message suggests similar names.

    Example:
        >>> load_card("aicures").folds
        10
    """
    path = _paths().get(name)
    if path is None:
        near = difflib.get_close_matches(name.lower(), names(), n=3, cutoff=0.5)
        near += [other for other in names() if name and name.lower() in other and other not in near][:3]
        hint = f"did you mean {' or '.join(near)}?" if near else f"the data sets are {', '.join(names())}"
        raise ValueError(f"unknown data set {name!r}: {hint}")
    card = parse_card(path.read_text(encoding="utf-8"), str(path))
    if card.name != path.stem:
        raise ValueError(f"{path}: key 'name' must match the file name, {path.stem!r}, got {card.name!r}")
    return card
