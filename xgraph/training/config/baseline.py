"""Baselines: the model that is fitted beside a network, by kind of data set, and `--model auto`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from xgraph.options import OptionError
from xgraph.training.config.registry import registry
from xgraph.training.config.traits import NOUNS

if TYPE_CHECKING:
    from xgraph.training.config.settings import TrainConfig

AUTO = "auto"
"""The word for `model` that stands for the default model with the setting `choose`."""


class Baseline(NamedTuple):
    """What is fitted beside a network to compare it with.

    Args:
        model: Name of a model that is fitted in a single step.
        options: Its options.
        settings: Settings of the run that differ from those of the network's run, such as `features`.
        about: What it is, for people, with a place for its number of trees.
    """

    model: str
    options: Mapping[str, object]
    settings: Mapping[str, object]
    about: str


BASELINES: dict[str, Baseline] = {
    "graph": Baseline("forest", {"trees": 100}, {"features": ["morgan"]}, "a forest of {trees} trees on Morgan counts"),
    "bag": Baseline(
        "extra-trees",
        {"trees": 100},
        {},
        "{trees} extra-trees on the mean, maximum, minimum and deviation of each feature over a bag",
    ),
}
"""The baseline of each kind of data set that has one."""

OF_NUMBERS: dict[str, Baseline] = {
    "graph": Baseline(
        "forest", {"trees": 100}, {"features": ["rdkit"]}, "a forest of {trees} trees on RDKit descriptors"
    ),
}
"""The baseline of continuous targets, where it differs: descriptors say more about them than counts do."""


def baseline_of(kind: str, model: object, numbers: bool = False) -> Baseline | None:
    """Return the baseline of a network, given by name; None if there is none, or if the model is no network.

    Args:
        kind: Kind of the data set.
        model: Name of the network.
        numbers: Whether its targets are numbers.
    """
    known = registry("model")
    if model in known and known[str(model)].fitted:
        return None
    return OF_NUMBERS.get(kind, BASELINES.get(kind)) if numbers else BASELINES.get(kind)


def has_baseline(config: "TrainConfig") -> bool:
    """Whether there is a baseline for the network and the data of a run, which may be fitted or not."""
    return baseline_of(config.data.kind, config.model) is not None


def without_auto(table: Mapping[str, Any], default: str) -> dict[str, Any]:
    """Return settings in which the model "auto" is the default model with the setting `choose`."""
    model = table.get("model")
    if isinstance(model, Mapping):
        return (
            {**table, "model": {**model, "name": default}, "choose": True} if model.get("name") == AUTO else {**table}
        )
    return {**table, "model": default, "choose": True} if model == AUTO else {**table}


def settle(values: dict[str, Any], kind: str, given: Mapping[str, Any]) -> None:
    """Complete and check the settings `baseline` and `choose`.

    Args:
        values: All settings, which are changed. Those of a file are dropped where they do not apply.
        kind: Kind of the data set.
        given: The settings that were given explicitly.
    """
    if "model" in given and "choose" not in given:
        values.pop("choose", None)  # a model was named
    possible = baseline_of(kind, values["model"]) is not None
    for name in ("choose", "baseline"):
        if values.get(name) and not possible:
            if name in given:
                shown = "model = 'auto'" if name == "choose" else f"{name} = True"
                raise OptionError(f"{shown}: {_reason(kind, values['model'])}")
            values.pop(name)
    if values.get("choose"):
        if given.get("baseline") is False:
            raise OptionError("baseline = False: with the model auto, the baseline is one of the choices")
        values["baseline"] = True


def baseline_config(
    config: "TrainConfig", options: Mapping[str, object] | None = None, numbers: bool = False
) -> "TrainConfig":
    """Return the settings of the run that fits the baseline to the same parts of the same data.

    Args:
        config: The settings of the network's run.
        options: Options of the baseline that replace its usual ones.
        numbers: Whether the targets are numbers.
    """
    from xgraph.training.config.build import build_config

    own = baseline_of(config.data.kind, config.model, numbers)
    if own is None:
        raise ValueError(_reason(config.data.kind, config.model))
    settings = {"model": own.model, "baseline": None, "choose": False, **own.settings, **own.options, **(options or {})}
    return build_config(settings, config.to_dict(), saved=True)


def _reason(kind: str, model: object) -> str:
    if kind not in BASELINES:
        return f"there is no baseline for {NOUNS[kind]}"
    return f"model {model!r} is itself fitted in a single step; a baseline is fitted beside a network only"
