"""What a run is: all settings in one place, from defaults, a TOML file and explicit options, in this order."""

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from xgraph.options import Option, OptionError, nearest, options_of, parse_options
from xgraph.training.config.settings import AT_ONCE, OF_STEPS, TrainConfig
from xgraph.training.config.suits import Suit, usual_neighbors

__all__ = ["TrainConfig", "build_config", "differences", "read_config", "registry"]


def registry(part: Literal["loss", "model"]) -> dict[str, type]:
    """The losses or models by name. Imports torch."""
    if part == "loss":
        from xgraph.losses import LOSSES

        return dict(LOSSES)
    from xgraph.nn import MODELS

    return dict(MODELS)


def build_config(settings: Mapping[str, object], base: Mapping[str, object] | None = None) -> TrainConfig:
    """Check and complete settings."""
    fields = {option.name: option for option in options_of(TrainConfig)}
    values: dict[str, Any] = {}
    options: dict[str, dict[str, object]] = {"loss": {}, "model": {}}
    told = {"dataset": TrainConfig.dataset, **(base or {}), **settings}
    suit = Suit.of(told["dataset"], told.get("bag_column"))
    suited = suit.defaults()
    for name, value in (base or {}).items():
        if name in options and isinstance(value, Mapping):
            table = dict(value)
            values[name] = table.pop("name", suited[name])
            options[name] = table
        elif name in fields:
            values[name] = _parse(fields[name], value)
        else:
            raise OptionError(f"unknown key {name!r}{nearest(name, fields)}")
    hops = values.get("num_neighbors") or []
    if hops == usual_neighbors(len(hops)) and options["model"].get("num_layers") == len(hops):
        values.pop("num_neighbors", None)  # a run wrote what nobody gave: with other layers it is not the same
    if values.get("features") == _usual_features(values.get("model"), options["model"]):
        values.pop("features", None)  # likewise, with another model
    for name, value in settings.items():
        if name in fields:
            if name in options and value != values.get(name):
                options[name] = {}  # another loss or model: the file's options are not its own
            values[name] = _parse(fields[name], value)
    if _fitted(values.get("model")):
        _leave_steps(values, options, settings, base or {})
        suited |= AT_ONCE
    values = {**suited, **values}
    fold = values.get("fold")
    if isinstance(fold, list) and len(fold) == 1:
        values["fold"] = fold[0]
    classes = {part: _class_of(part, values[part]) for part in ("loss", "model")}
    suit.check({"groups": TrainConfig.groups, **values}, registry("model"), registry("loss"))
    owners = {part: cls for part, cls in classes.items() if part == "model" or not _fitted(values["model"])}
    given: dict[tuple[str, str], str] = {}
    for name, value in settings.items():
        if name not in fields:
            part, option = _owner(name, owners, values, fields, suit.idle(values))
            if (part, option) in given:
                raise OptionError(f"{name}: {part} {values[part]!r} got it already, as {given[part, option]}")
            given[part, option] = name
            options[part][option] = value
    for part, cls in classes.items():
        values[f"{part}_options"] = parse_options(cls, options[part], f"{part} {values[part]!r}")
    if not values.get("features"):
        values["features"] = _usual_features(values["model"], values["model_options"])
    values["num_neighbors"] = suit.neighbors(values.get("num_neighbors"), values["model_options"].get("num_layers", 1))
    if values.get("training") == "compositional" or getattr(classes["loss"], "link", "") == "softmax":
        values.setdefault("pretrain_epochs", 0)
    return TrainConfig(**values)


def read_config(path: str | Path) -> dict[str, Any]:
    """Read a configuration file, as `build_config` takes it for its base."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"config: no file {path}")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError(f"config: {path} is not TOML: {error}") from None


def differences(one: TrainConfig, other: TrainConfig) -> dict[str, tuple[object, object]]:
    """The settings in which two configurations differ, options of loss and model among them."""
    found = {}
    shared = {*one.loss_options, *other.loss_options} & {*one.model_options, *other.model_options}
    for item in dataclasses.fields(TrainConfig):
        a, b = getattr(one, item.name), getattr(other, item.name)
        if isinstance(a, Mapping):
            for name in sorted({*a, *b}):
                if a.get(name) != b.get(name):
                    prefix = item.name.removesuffix("options") if name in shared else ""
                    found[prefix + name] = (a.get(name), b.get(name))
        elif a != b:
            found[item.name] = (a, b)
    return found


def _fitted(model: object) -> bool:
    """Whether a model by name is fitted at once, not trained step by step."""
    return bool(getattr(registry("model").get(str(model)), "fitted", False))


def _usual_features(model: object, options: Mapping[str, object]) -> list[str] | None:
    """What a model by name gets beside the graph if nobody says what; None unless it is one that is fitted at once."""
    known: Any = registry("model").get(str(model))
    return known.usual_features(options) if _fitted(model) else None


def _leave_steps(
    values: dict[str, Any],
    options: dict[str, dict[str, object]],
    settings: Mapping[str, object],
    base: Mapping[str, Any],
) -> None:
    """Take away how to take steps, which a file says for another model; refuse it if it is said for this one."""
    model = values["model"]
    of_file = base.get("model")
    for_this = isinstance(of_file, Mapping) and of_file.get("name") == model
    for name in OF_STEPS:
        if name in settings or (for_this and name in base):
            raise OptionError(f"{name}: model {model!r} is fitted at once, without a loss and epochs")
        values.pop(name, None)
    options["loss"] = {}


def _parse(option: Option, value: object) -> Any:
    """Read a setting; of a list of numbers, one alone will do."""
    alone = option.many and isinstance(value, int) and not isinstance(value, bool)
    return option.parse([value] if alone else value)


def _class_of(part: Literal["loss", "model"] | str, name: object) -> type:
    known = registry("loss" if part == "loss" else "model")
    if not isinstance(name, str) or name not in known:
        raise OptionError(f"{part}: no {part} {name!r}{nearest(str(name), known)}; there are {', '.join(known)}")
    return known[name]


def _owner(
    name: str,
    classes: Mapping[str, type],
    chosen: Mapping[str, str],
    fields: Mapping[str, Option],
    idle: Mapping[str, str],
) -> tuple[str, str]:
    """Whether an option belongs to the chosen loss or to the chosen model, and its name there."""
    having = [part for part, cls in classes.items() if name in {o.name for o in options_of(cls)}]
    if having[-1:] == ["model"] and name in idle:
        having.pop()
        if not having:
            raise OptionError(f"{name}: {idle[name]}")
    if having:
        return having[-1], name  # the model's if both have it
    alone = list(classes) == ["model"]
    why = f"; model {chosen['model']!r} is fitted at once, without a loss" if alone else ""
    part, _, option = name.partition("_")
    if part == "loss" and alone:
        raise OptionError(f"{name}{why.replace(';', ':', 1)}")
    if part == "model" and option in idle:
        raise OptionError(f"{name}: {idle[option]}")
    if part in classes and option:
        return part, option
    others = [
        f"{part} {other!r}"
        for part in ("loss", "model")
        for other, cls in registry("loss" if part == "loss" else "model").items()
        if name in {o.name for o in options_of(cls)}
    ]
    if others:
        have = " and ".join(f"{part} {chosen[part]!r}" for part in classes) + (" has" if alone else " have")
        raise OptionError(
            f"{name}: {have} no such option; {', '.join(others)} ha{'s' if len(others) == 1 else 've'} it{why}"
        )
    known = [*fields, *(o.name for cls in classes.values() for o in options_of(cls))]
    raise OptionError(f"unknown option {name!r}{nearest(name, known)}")
