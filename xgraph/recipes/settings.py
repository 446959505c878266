"""The settings of a member: those common to all, its own, and those of a cut-down run."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from xgraph.options import OptionError, nearest, options_of
from xgraph.recipes.table import Table
from xgraph.training.config.build import TrainConfig, build_config, registry
from xgraph.training.config.settings import OF_STEPS
from xgraph.training.config.suits import Suit

_ELSEWHERE = {
    "dataset": "expected it with the members or in [settings]; [quick] chooses some under `datasets`",
    "seed": "expected it under `seeds`, with the member or in [quick]",
    "inner": "it leaves the test part alone, which a recipe reports; it is for xgraph train and xgraph search",
    "threads": "expected it on the command line, as it may change when runs go on",
    "device": "expected it on the command line, as it may change when runs go on",
}
_PARTS: tuple[Literal["loss", "model"], ...] = ("loss", "model")
_NAMED = re.compile(r"(\w+)(?: = |: )|unknown option '(\w+)'")


class Layer(NamedTuple):
    """Settings, and the table of the file that they stand in.

    Args:
        table: The table, for messages.
        values: The settings.
    """

    table: Table
    values: Mapping[str, Any]


class Settings(NamedTuple):
    """The settings of a member.

    Args:
        given: As `xgraph.train` takes them, without data set and seed.
        config: The same, complete.
        shared: Which of the common ones, and of those of a cut-down run, it has.
    """

    given: dict[str, Any]
    config: TrainConfig
    shared: set[str]


def resolve(own: Layer, common: Layer, quick: Layer, dataset: str, share_of_epochs: float = 1.0) -> Settings:
    """Put the settings of a member together and check them."""
    for layer in (own, common, quick):
        for name in layer.values.keys() & _ELSEWHERE.keys():
            raise layer.table.error(f"{name} = {layer.values[name]!r}: {_ELSEWHERE[name]}")
    told = {**common.values, **own.values, **quick.values}
    try:
        chosen = {**Suit.of(dataset, told.get("bag_column")).defaults(), **told}
        classes = {part: registry(part).get(str(chosen[part])) for part in _PARTS}
        fitted = bool(getattr(classes["model"], "fitted", False))
        shared = {name for name in (*common.values, *quick.values) if _has(name, classes, fitted)}
        given = {n: v for n, v in common.values.items() if n in shared}
        given |= own.values
        given |= {n: v for n, v in quick.values.items() if n in shared}
        config = build_config({**given, "dataset": dataset})
        if share_of_epochs < 1 and not fitted:
            for name in ("epochs", "pretrain_epochs"):
                full = getattr(config, name)
                given[name] = max(1, round(full * share_of_epochs)) if full else 0
            config = build_config({**given, "dataset": dataset})
    except OptionError as error:
        raise _placed(error, (quick, own, common)) from None
    return Settings(given, config, shared)


def check_settings(layer: Layer, used: Iterable[str] | None = None) -> None:
    """Refuse settings that nothing has, or no member: one that is misspelt must not go unnoticed."""
    classes = [TrainConfig, *(cls for part in _PARTS for cls in registry(part).values())]
    known = {option.name for cls in classes for option in options_of(cls)}
    known |= {f"{part}_{name}" for part in _PARTS for name in known}
    for name, value in layer.values.items():
        if name not in known and name not in _ELSEWHERE:
            raise layer.table.error(f"{name} = {value!r}: there is no such setting{nearest(name, known)}")
        if used is not None and name not in used:
            raise layer.table.error(f"{name} = {value!r}: no member has such a setting")


def _has(name: str, classes: Mapping[Literal["loss", "model"], type | None], fitted: bool) -> bool:
    """Whether a setting says something to a model and a loss."""
    if name in {option.name for option in options_of(TrainConfig)}:
        return not (fitted and name in OF_STEPS)
    for part, cls in classes.items():
        names = {option.name for option in options_of(cls)} if cls is not None else set()
        if {name, name.removeprefix(f"{part}_")} & names and not (fitted and part == "loss"):
            return True
    return False


def _placed(error: OptionError, layers: Sequence[Layer]) -> OptionError:
    """The error with the place of the setting that it names; without one, the member's."""
    for found in _NAMED.finditer(str(error)):
        for layer in layers:
            if (found[1] or found[2]) in layer.values:
                return layer.table.error(str(error))
    return layers[1].table.error(str(error))
