"""Build the configuration of a run from defaults, a TOML file and explicit settings; later ones win."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from xgraph.options import Option, OptionError, nearest, options_of, parse_options
from xgraph.schema import read_toml
from xgraph.training.config.baseline import settle, without_auto
from xgraph.training.config.flat import PLACES, SINGLE_STEP, STEPWISE_SETTINGS, to_flat
from xgraph.training.config.owners import owner_of
from xgraph.training.config.registry import PARTS, registry
from xgraph.training.config.settings import TrainConfig
from xgraph.training.config.traits import RECOGNISED, DatasetTraits

__all__ = ["TrainConfig", "build_config", "differences", "read_config", "registry"]

_FIRST_HOPS = (15, 10)
_LATER_HOPS = 5
_FINETUNE_RATE = 0.3  # of the first stage
_FINETUNE_POSITIVES = 0.0625


def build_config(
    settings: Mapping[str, object], base: Mapping[str, object] | None = None, *, saved: bool = False
) -> TrainConfig:
    """Check settings, given by flat names, and complete them from a base configuration and the defaults.

    Args:
        settings: Explicit settings.
        base: The base configuration.
        saved: Whether the base is the complete configuration of a run, so that what it lacks came later.
    """
    return _Draft(to_flat(base or {}), settings, saved).complete()


def read_config(path: str | Path) -> dict[str, Any]:
    """Read a configuration file and return its settings by flat names, ready to be the base of `build_config`."""
    table = read_toml(Path(path), "config")
    try:
        return to_flat(table)
    except OptionError as error:
        raise OptionError(f"{error} (in {path})") from None


def differences(one: TrainConfig, other: TrainConfig) -> dict[str, tuple[object, object]]:
    """Return the settings in which two configurations differ, including the options of loss and model."""
    result = {}
    shared = {*one.loss_options, *other.loss_options} & {*one.model_options, *other.model_options}
    before, after = one.flat(), other.flat()
    for name, a in before.items():
        b = after[name]
        if isinstance(a, Mapping):
            prefix = name.removesuffix("options")
            for option in sorted({*a, *b}):
                if a.get(option) != b.get(option):
                    result[(prefix if option in shared else "") + option] = (a.get(option), b.get(option))
        elif a != b:
            result[name] = (a, b)
    return result


class _Draft:
    """A configuration under construction: explicit settings override those of a file, which override defaults."""

    def __init__(self, base: Mapping[str, Any], settings: Mapping[str, Any], saved: bool = False) -> None:
        self.base, self.settings, self.saved = base, settings, saved
        self.fields = {option.name: option for option in options_of(TrainConfig)}
        self.values: dict[str, Any] = {}
        self.options: dict[str, dict[str, Any]] = {part: {} for part in PARTS}
        if "dataset" in settings and settings["dataset"] != base.get("dataset"):  # recognised for the file's data set
            other = RECOGNISED if saved else (*RECOGNISED, "atom_order")
            self.base = base = {name: value for name, value in base.items() if name not in other}
        chosen = {"dataset": PLACES["dataset"].default, **base, **settings}
        self.traits = DatasetTraits.of(chosen, fresh=not saved)
        usual = self.traits.defaults()["model"]
        self.base, self.settings = (without_auto(table, usual) for table in (base, settings))

    def complete(self) -> TrainConfig:
        """Return the finished configuration."""
        defaults = self.traits.defaults()
        self._read_base(defaults)
        self._drop_derived()
        self._read_settings()
        fitted = _fitted(self.values.get("model"))
        if fitted or "loss" in self.values:
            defaults.pop("sampler", None)  # a loss that is named has its own batches
        elif self.values.get("schedule") == "compositional":
            raise OptionError("schedule = 'compositional': expected a loss for the outer step, such as loss = 'soap'")
        if fitted:
            self._drop_steps()
            defaults |= SINGLE_STEP | ({"loss": "mse"} if self.traits.numbers else {})
        values = self.values = {**defaults, **self.values, **self.traits.recognised()}
        if self.traits.holds_own_molecules(values) and not self.saved:
            values.setdefault("atom_order", "canonical")
        fold = values.get("fold")
        if isinstance(fold, list) and len(fold) == 1:
            values["fold"] = fold[0]
        elif fold is None and values.get("folds") is not None:
            values["fold"] = "all"
        classes: dict[str, type] = {part: _class_of(part, values[part]) for part in PARTS}
        settle(values, self.traits.kind, self.settings)
        self.traits.check({"groups": PLACES["groups"].default, **values}, registry("model"), registry("loss"))
        self._assign_options(classes)
        for part, cls in classes.items():
            usual = self._usual_options(part, cls)
            values[f"{part}_options"] = parse_options(cls, {**usual, **self.options[part]}, f"{part} {values[part]!r}")
        if not values.get("features") and self.traits.kind == "graph":
            values["features"] = _usual_features(values["model"], values["model_options"])
        if self.traits.kind == "node":
            layers = values["model_options"].get("num_layers", 1)
            values["num_neighbors"] = _neighbors(values.get("num_neighbors"), layers)
        for name, usual in usual_stages(values).items():
            values.setdefault(name, usual)
        return TrainConfig(**values)

    def _usual_options(self, part: str, cls: Any) -> Mapping[str, Any]:
        """Return the options of a model that its items have by default, or those of a loss for numbers."""
        if part == "model":
            return dict(cls.usual_options(self.traits.kind))
        return dict(cls.of_numbers) if self.traits.numbers else {}

    def _read_base(self, defaults: Mapping[str, Any]) -> None:
        for name, value in self.base.items():
            if name in PARTS and isinstance(value, Mapping):
                table = dict(value)
                self.values[name] = table.pop("name", defaults[name])
                self.options[name] = table
            elif name in self.fields:
                self.values[name] = _parse(self.fields[name], value)
            else:
                raise OptionError(f"unknown key {name!r}{nearest(name, self.fields)}")

    def _drop_derived(self) -> None:
        """Drop values that the file's run derived from its model, because another model needs other ones."""
        hops, model = self.values.get("num_neighbors") or [], self.options["model"]
        if hops == usual_neighbors(len(hops)) and model.get("num_layers") == len(hops):
            self.values.pop("num_neighbors", None)
        if self.values.get("features") == _usual_features(self.values.get("model"), model):
            self.values.pop("features", None)

        for name, usual in usual_stages(self.values).items():
            if self.values.get(name) == usual:
                del self.values[name]

    def _read_settings(self) -> None:
        for name, value in self.settings.items():
            if name in self.fields:
                if name in PARTS and value != self.values.get(name):
                    self.options[name] = {}  # the file's options belong to another loss or model
                self.values[name] = _parse(self.fields[name], value)

    def _drop_steps(self) -> None:
        """Drop the settings of stepwise training that a file has for another model; refuse them for this one."""
        model, of_file = self.values["model"], self.base.get("model")
        for_this = isinstance(of_file, Mapping) and of_file.get("name") == model
        for name in STEPWISE_SETTINGS:
            if name in self.settings or (for_this and name in self.base):
                raise OptionError(f"{name}: model {model!r} is fitted in a single step, so this setting does not apply")
            self.values.pop(name, None)
        self.options["loss"] = {}

    def _assign_options(self, classes: Mapping[str, type]) -> None:
        """Assign each option that is not a setting of the run to the loss or the model."""
        owners = {part: cls for part, cls in classes.items() if part == "model" or not _fitted(self.values["model"])}
        idle = self.traits.idle_options(self.values) if "loss" in owners else {}
        names: dict[tuple[str, str], str] = {}
        for name, value in self.settings.items():
            if name not in self.fields:
                part, option = owner_of(name, owners, self.values, self.fields, idle)
                if (part, option) in names:
                    got = names[part, option]
                    raise OptionError(
                        f"{name}: {part} {self.values[part]!r} already has this option from {got}; give only one"
                    )
                names[part, option] = name
                self.options[part][option] = value


def usual_neighbors(num_layers: int) -> list[int]:
    """Return the default number of neighbours to sample at each hop."""
    return [*_FIRST_HOPS, *[_LATER_HOPS] * num_layers][:num_layers]


def usual_stages(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the default epochs of both stages, and rate and batches of the second one, for some settings."""
    loss = registry("loss").get(values.get("loss", PLACES["loss"].default))
    if loss is None:  # reported later
        return {}
    schedule = values.get("schedule", PLACES["schedule"].default)
    compositional = schedule == "compositional"
    epochs = 20 if compositional or loss.link == "softmax" else PLACES["epochs"].default
    total = values.get("epochs", epochs)
    finetune = schedule == "finetune"
    one_stage = compositional or (loss.one_stage and not finetune)
    stages = {"epochs": epochs, "pretrain_epochs": 0 if one_stage else total // 2}
    if finetune:
        rate = values.get("lr", PLACES["lr"].default)
        stages |= {"main_lr": _FINETUNE_RATE * rate, "sampling_rate": _FINETUNE_POSITIVES}
    return stages


def _neighbors(hops: list[int] | None, num_layers: int) -> list[int]:
    """Return the number of neighbours to sample at each hop; a single number applies to all hops."""
    if hops is None:
        return usual_neighbors(num_layers)
    if len(hops) not in (1, num_layers):
        expected = f"one number, or one per layer (num_layers = {num_layers})"
        raise OptionError(f"num_neighbors = {','.join(map(str, hops))}: expected {expected}")
    return hops * num_layers if len(hops) == 1 else hops


def _fitted(model: object) -> bool:
    """Whether a model, given by name, is fitted in a single step instead of being trained step by step."""
    known = registry("model")
    return model in known and known[str(model)].fitted


def _usual_features(model: object, options: Mapping[str, object]) -> list[str] | None:
    """Return the extra molecular features that a model, given by name, uses by default."""
    known = registry("model")
    return known[str(model)].usual_features(options) if model in known else None


def _parse(option: Option, value: object) -> Any:
    """Parse a setting; a single number is accepted where a list is expected."""
    alone = option.many and isinstance(value, int) and not isinstance(value, bool)
    return option.parse([value] if alone else value)


def _class_of(part: Literal["loss", "model"], name: object) -> type:
    known: dict[str, type] = registry(part)
    if not isinstance(name, str) or name not in known:
        raise OptionError(f"{part}: unknown {part} {name!r}{nearest(str(name), known)}; choose from {', '.join(known)}")
    return known[name]
