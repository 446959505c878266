"""Decide whether an option given by its flat name belongs to the chosen loss or to the chosen model."""

from collections.abc import Iterable, Mapping

from xgraph.options import OptionError, nearest, options_of
from xgraph.training.config.registry import PARTS, registry


def owner_of(
    name: str,
    classes: Mapping[str, type],
    chosen: Mapping[str, str],
    fields: Iterable[str],
    idle: Mapping[str, str],
) -> tuple[str, str]:
    """Return the part ("loss" or "model") that an option belongs to, and the option's name there.

    Args:
        name: Name of the option, with or without the part as a prefix (`loss_gamma`).
        classes: Loss and model classes by part; only the model if it is fitted in a single step.
        chosen: Names of the chosen loss and model by part.
        fields: Names of the settings of the run.
        idle: Options that have no effect on the model here, with the reason.
    """
    owners = [part for part, cls in classes.items() if name in _names(cls)]
    if owners[-1:] == ["model"] and name in idle:
        owners.pop()
        if not owners:
            raise OptionError(f"{name}: {idle[name]}")
    if owners:
        return owners[-1], name  # if both have it, the model takes it
    part, _, option = name.partition("_")
    if part == "loss" and part not in classes:
        raise OptionError(f"{name}: {_without_loss(chosen)}")
    if part == "model" and option in idle:
        raise OptionError(f"{name}: {idle[option]}")
    if part in classes and option:
        return part, option
    raise _refusal(name, classes, chosen, fields)


def _refusal(name: str, classes: Mapping[str, type], chosen: Mapping[str, str], fields: Iterable[str]) -> OptionError:
    others = [f"{part} {key!r}" for part in PARTS for key, cls in registry(part).items() if name in _names(cls)]
    if not others:
        known = [*fields, *(option for cls in classes.values() for option in _names(cls))]
        return OptionError(f"unknown option {name!r}{nearest(name, known)}")
    alone = len(classes) == 1
    have = " and ".join(f"{part} {chosen[part]!r}" for part in classes) + (" has" if alone else " have")
    text = f"{name}: {have} no such option; it is an option of {', '.join(others)}"
    return OptionError(f"{text}; {_without_loss(chosen)}" if alone else text)


def _without_loss(chosen: Mapping[str, str]) -> str:
    return f"model {chosen['model']!r} is fitted in a single step, without a loss"


def _names(cls: type) -> list[str]:
    return [option.name for option in options_of(cls)]
