"""How an option reads in help: its name with the values that it takes, and what it means."""

import inspect
from collections.abc import Iterable, Mapping

from xgraph.cli.catalogue import Part
from xgraph.cli.help.text import first_sentence
from xgraph.options import Option

_LONG = 50
"""Choices that take more characters are not listed beside a name."""
_METAVARS = {
    "init": "RUN",
    "reference": "RUN",
    "retain": "RUN,...",
    "fold": "K|all",
    "inner": "K/N|valid",
    "smiles_column": "COLUMN",
    "bag_column": "COLUMN",
    "case_column": "COLUMN",
    "split_column": "COLUMN",
    "weight_column": "COLUMN",
    "fair_column": "COLUMN",
    **dict.fromkeys(("labels", "split_file", "valid", "test", "edges"), "FILE"),
    "missing": "CELL,...",
    "positive": "CELL",
    "separator": "CHARACTER",
    "encoding": "NAME",
    "target_columns": "COLUMN,...",
    "feature_columns": "COLUMN,...",
    "num_neighbors": "N,...",
}
_KINDS = {"graph": "molecules", "node": "nodes", "bag": "bags"}


def term(option: Option, of_part: bool = False) -> str:
    """The option with its values, such as ``--pool mean|sum|max``.

    Args:
        option: The option.
        of_part: Whether it is one of a loss or model, where none is a value; settings of a run are just not given.
    """
    if option.type is bool:
        return f"{option.flag}/--no-{option.flag.removeprefix('--')}"
    return f"{option.flag} {values(option, of_part)}"


def values(option: Option, of_part: bool = False) -> str:
    """What the option takes."""
    metavar = "NAME" if _hides_choices(option) else _METAVARS.get(option.name, option.metavar)
    return f"{metavar}|none" if option.nullable and of_part else metavar


def meaning(option: Option, of_part: bool = False) -> str:
    """What the option means, its choices unless they stand beside its name, and its default."""
    listed = option.name in ("loss", "model") or not _hides_choices(option)
    choices = "" if listed else f" One of {', '.join(option.choices)}."
    return f"{option.help}{choices}{default(option, of_part)}"


def brief(option: Option) -> str:
    """The first sentence of the meaning, and the default."""
    return f"{first_sentence(option.help)}{default(option)}"


def default(option: Option, of_part: bool = False) -> str:
    """The default in brackets, if there is one."""
    if option.default is inspect.Parameter.empty or (option.default is None and not of_part):
        return ""
    value = str(option.default)
    return f" [default: {value.lower() if option.type is bool or option.default is None else value}]"


def shared(losses: Mapping[str, Part], models: Mapping[str, Part]) -> dict[str, list[str]]:
    """All options of losses and models, each once, with its meanings: those who have it, what it means to them.

    Args:
        losses: Losses by name.
        models: Models by name.

    Returns:
        Meanings by the option's term, in alphabetical order.
    """
    owners: dict[str, dict[tuple[str, str], list[Part]]] = {}
    for part in (*losses.values(), *models.values()):
        for option in part.options:
            owners.setdefault(option.name, {}).setdefault((values(option, True), meaning(option, True)), []).append(
                part
            )
    known = {option.name: option for part in (*losses.values(), *models.values()) for option in part.options}
    result: dict[str, list[str]] = {}
    for name in sorted(known, key=str.lower):
        option, meanings = known[name], owners[name]
        alike = len({metavar for metavar, _ in meanings}) == 1
        result[term(option, True) if alike or option.type is bool else option.flag] = [
            f"{who(parts, models)}{'' if alike else f' ({metavar})'}: {text}"
            for (metavar, text), parts in meanings.items()
        ]
    return result


def who(parts: Iterable[Part], models: Mapping[str, Part]) -> str:
    """Names of losses or models; all encoders of one kind are named together."""
    left = {part.name: part for part in parts}
    words = []
    for kind, noun in _KINDS.items():
        family = [name for name, part in models.items() if part.kind == kind and part.graphs]
        if len(family) > 1 and set(family) <= left.keys():
            words.append(f"models of {noun}")
            left = {name: part for name, part in left.items() if name not in family}
    return ", ".join([*words, *left])


def _hides_choices(option: Option) -> bool:
    return len("|".join(option.choices)) > _LONG
