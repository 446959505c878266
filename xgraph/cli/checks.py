"""Checks of what was typed that need no torch: names, types, and whose option it is."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from xgraph.cli.catalogue import Catalogue, Part
from xgraph.options import Option, OptionError, nearest


def check_typed(
    typed: Mapping[str, Any], settings: Iterable[Option], parts: Mapping[str, Mapping[str, Part]], catalogue: Catalogue
) -> None:
    """Refuse values that no setting, loss or model can take. What the catalogue does not tell is checked later.

    Args:
        typed: Options by name.
        settings: Settings of the run.
        parts: The losses and models that the command is for, under "loss" and "model".
        catalogue: All that there are.

    Raises:
        OptionError: If a value cannot be taken.
    """
    known = {option.name: option for option in settings}
    for part, named in parts.items():
        name = typed.get(part)
        registered = catalogue.losses if part == "loss" else catalogue.models
        if name is not None and name not in (*registered, *known[part].choices):
            words = [*named, *(word for word in known[part].choices if word not in registered)]
            raise OptionError(f"{part}: unknown {part} {name!r}{nearest(name, words)}; choose from {', '.join(words)}")
    for name, value in typed.items():
        if name in known and name not in parts:
            known[name].parse(value)
        elif name not in parts:
            _check_of_part(name, value, typed, parts)


def _check_of_part(name: str, value: Any, typed: Mapping[str, Any], parts: Mapping[str, Mapping[str, Part]]) -> None:
    """Refuse a value that none of the losses and models that may be meant can take."""
    meant = [
        (owner.name, option)
        for part, named in parts.items()
        for owner in named.values()
        if typed.get(part, owner.name) == owner.name
        for option in owner.options
        if name in (option.name, f"{part}_{option.name}")
    ]
    refusal = None
    for owner, option in meant:
        try:
            option.parse(value)
        except OptionError as error:
            refusal = refusal or OptionError(f"{owner}: {error}" if len(meant) == 1 else str(error))
        else:
            return
    if refusal is not None:
        raise refusal


def check_dataset(name: str | None) -> None:
    """Refuse a word that is neither a data set nor a file.

    Raises:
        ValueError: If it is neither, with the names nearest to it.
    """
    from xgraph.data import load_card

    if name is not None and re.fullmatch(r"[\w-]+", name) and not Path(name).exists():
        load_card(name)
