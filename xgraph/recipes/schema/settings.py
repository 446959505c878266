"""Resolve the settings of a member from the common ones, its own, and those of a reduced run."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from xgraph.options import OptionError, nearest, options_of
from xgraph.training.config.build import TrainConfig, build_config, registry
from xgraph.training.config.flat import STEPWISE_SETTINGS
from xgraph.training.config.traits import DatasetTraits

_ELSEWHERE = {
    "dataset": "give it to the members or in [settings]; in [quick], choose among them with `datasets`",
    "seed": "give `seeds` to the member or in [quick] instead",
    "seeds": "give `seeds` to the member or in [quick] instead",
    "inner": "not available in recipes, which report the test set; use it with xgraph train or xgraph search",
    "inner_groups": "give it to a [[choice]] instead",
    "threads": "give it on the command line instead",
    "device": "give it on the command line instead",
}
_PARTS: tuple[Literal["loss", "model"], ...] = ("loss", "model")
_NAMED = re.compile(r"(\w+)(?: = |: )|unknown option '(\w+)'")


class Layer(NamedTuple):
    """Settings and the place in the file that they come from."""

    place: str
    values: Mapping[str, Any]

    def error(self, text: object) -> OptionError:
        """Return an error that names this place."""
        return OptionError(f"{self.place}: {text}")


class Resolved(NamedTuple):
    """The settings of a member."""

    settings: dict[str, Any]  # for `xgraph.train`, without data set and seed
    config: TrainConfig  # the same settings, completed
    shared: set[str]  # the settings of [settings] and [quick.settings] that apply to the member


def resolve(own: Layer, common: Layer, quick: Layer, dataset: str, share_of_epochs: float = 1.0) -> Resolved:
    """Merge the settings of a member and check them."""
    for layer in (own, common, quick):
        for name in layer.values.keys() & _ELSEWHERE.keys():
            raise layer.error(f"{name} = {layer.values[name]!r}: {_ELSEWHERE[name]}")
    merged = {**common.values, **own.values, **quick.values}
    try:
        chosen = {**DatasetTraits.of({**merged, "dataset": dataset}).defaults(), **merged}
        classes = {part: registry(part).get(str(chosen[part])) for part in _PARTS}
        fitted = classes["model"] is not None and classes["model"].fitted
        shared = {name for name in (*common.values, *quick.values) if _has(name, classes, fitted)}
        settings = {n: v for n, v in common.values.items() if n in shared} | dict(own.values)
        settings |= {n: v for n, v in quick.values.items() if n in shared}
        config = build_config({**settings, "dataset": dataset})
        if share_of_epochs < 1 and not fitted:
            few = [max(1, round(n * share_of_epochs)) if n else 0 for n in (config.pretrain_epochs, config.main_epochs)]
            settings |= {"pretrain_epochs": few[0], "epochs": sum(few)}
            config = build_config({**settings, "dataset": dataset})
    except OptionError as error:
        raise _layer_of(error, (quick, own, common)).error(error) from None
    return Resolved(settings, config, shared)


def check_settings(layer: Layer, used: Collection[str] | None = None) -> None:
    """Raise `OptionError` for settings that do not exist or that no member uses, so that typos are noticed."""
    classes = [TrainConfig, *(cls for part in _PARTS for cls in registry(part).values())]
    known = {option.name for cls in classes for option in options_of(cls)}
    known |= {f"{part}_{name}" for part in _PARTS for name in known}
    for name, value in layer.values.items():
        if name not in known and name not in _ELSEWHERE:
            raise layer.error(f"{name} = {value!r}: unknown setting{nearest(name, known)}")
        if used is not None and name not in used:
            raise layer.error(f"{name} = {value!r}: this setting applies to no member")


def _has(name: str, classes: Mapping[Literal["loss", "model"], type | None], fitted: bool) -> bool:
    """Whether a setting applies to a run with this model and loss."""
    if name in {option.name for option in options_of(TrainConfig)}:
        return not (fitted and name in STEPWISE_SETTINGS)
    for part, cls in classes.items():
        names = {option.name for option in options_of(cls)} if cls is not None else set()
        if {name, name.removeprefix(f"{part}_")} & names and not (fitted and part == "loss"):
            return True
    return False


def _layer_of(error: OptionError, layers: Sequence[Layer]) -> Layer:
    """Return the layer that holds the setting named in an error; by default, the member's own."""
    names = [match[1] or match[2] for match in _NAMED.finditer(str(error))]
    return next((layer for name in names for layer in layers if name in layer.values), layers[1])
