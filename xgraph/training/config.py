"""What a run is: all settings in one place, from defaults, a TOML file and explicit options, in this order."""

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from xgraph.options import Option, OptionError, nearest, options_of, parse_options

# What torch can still take: it crashes with too many threads, and its floats overflow in 32 bits.
_HIGHEST = {"epochs": 10**9, "pretrain_epochs": 10**9, "batch_size": 10**9, "threads": 1024, "seed": 2**63 - 1}
_LARGEST = 1e30


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """The settings of a run. Build one with `build_config`, which checks them.

    Args:
        dataset: Name of a data set (`xgraph data list`), or a CSV file with SMILES and 0/1 labels.
        model: Model by name.
        loss: Objective by name.
        epochs: Epochs of the main stage, in which the loss is minimised.
        pretrain_epochs: Epochs of cross-entropy before that; the head is then initialised again.
        batch_size: Molecules in a batch.
        sampling_rate: Share of positives in a batch, for losses that want both classes in each.
        lr: Learning rate.
        weight_decay: Weight decay.
        optimizer: Optimiser.
        lr_schedule: Learning rate over the epochs of a stage: as it is, or falling to zero along a cosine.
        gamma_schedule: The loss's gamma over the epochs: as it is, or falling from 1 to it along a cosine.
        seed: Seed of initialisation, batches and dropout.
        split: How a data set is divided, where it offers more than one way.
        fold: Fold of a data set that has several, counted from 0; `all` trains one run for each.
        init: Run whose encoder weights to start from; its head too, if the tasks are the same.
        smiles_column: Column of a CSV file that holds SMILES; found by itself if not given.
        target_columns: Columns of a CSV file that hold labels; found by themselves if not given.
        standardize: Keep the largest fragment of each molecule and neutralise its charges.
        device: Where to train; `auto` takes a GPU if there is one.
        threads: CPU threads of torch; its own default if not given.
    """

    dataset: str = "nci-pains"
    model: str = "gine"
    loss: str = "soap"
    epochs: int = 20
    pretrain_epochs: int = 20
    batch_size: int = 64
    sampling_rate: float = 0.5
    lr: float = 1e-3
    weight_decay: float = 0.0
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    lr_schedule: Literal["constant", "cosine"] = "cosine"
    gamma_schedule: Literal["constant", "cosine"] = "constant"
    seed: int = 0
    split: Literal["scaffold", "random", "given"] | None = None
    fold: int | Literal["all"] | None = None
    init: str | None = None
    smiles_column: str | None = None
    target_columns: list[str] | None = None
    standardize: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int | None = None
    loss_options: Mapping[str, Any] = field(default_factory=dict)
    model_options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, low in (("epochs", 1), ("pretrain_epochs", 0), ("batch_size", 1), ("threads", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < low:
                raise OptionError(f"{name} = {value}: expected {low} or more")
            if value is not None and value > _HIGHEST[name]:
                raise OptionError(f"{name} = {value}: expected {_HIGHEST[name]} or less")
        if not (0 < self.lr <= _LARGEST):
            raise OptionError(f"lr = {self.lr}: expected a positive number, at most {_LARGEST:g}")
        if not (0 <= self.weight_decay <= _LARGEST):
            raise OptionError(f"weight_decay = {self.weight_decay}: expected 0 or more, at most {_LARGEST:g}")
        if not (0 < self.sampling_rate < 1):
            raise OptionError(f"sampling_rate = {self.sampling_rate}: expected a number between 0 and 1")
        if self.gamma_schedule != "constant" and "gamma" not in self.loss_options:
            raise OptionError(f"gamma_schedule: loss {self.loss!r} has no gamma")

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain values: `[loss]` and `[model]` hold a name and options; unset values left out."""
        values: dict[str, Any] = {}
        for option in options_of(TrainConfig):
            value = getattr(self, option.name)
            if option.name not in ("loss", "model") and value is not None:
                values[option.name] = value
        for part, options in (("loss", self.loss_options), ("model", self.model_options)):
            plain = {name: "none" if value is None else value for name, value in options.items()}
            values[part] = {"name": getattr(self, part), **plain}
        return values


def registry(part: Literal["loss", "model"]) -> dict[str, type]:
    """The losses or models by name. Imports torch.

    Args:
        part: Which.
    """
    if part == "loss":
        from xgraph.losses import LOSSES

        return dict(LOSSES)
    from xgraph.nn import MODELS

    return dict(MODELS)


def build_config(settings: Mapping[str, object], base: Mapping[str, object] | None = None) -> TrainConfig:
    """Check and complete settings.

    Args:
        settings: Explicit settings by name: fields of `TrainConfig`, and options of the loss and the model,
            which need no prefix.
        base: What they override, as `read_config` gives it.

    Raises:
        OptionError: If a name is unknown (with the nearest, or with the losses that have it) or a value is
            not one that it can have.

    Example:
        >>> build_config({"loss": "soap", "gamma": 0.5}).loss_options["gamma"]
        0.5
    """
    fields = {option.name: option for option in options_of(TrainConfig)}
    values: dict[str, Any] = {}
    options: dict[str, dict[str, object]] = {"loss": {}, "model": {}}
    for name, value in (base or {}).items():
        if name in options and isinstance(value, Mapping):
            table = dict(value)
            values[name] = table.pop("name", fields[name].default)
            options[name] = table
        elif name in fields:
            values[name] = fields[name].parse(value)
        else:
            raise OptionError(f"unknown key {name!r}{nearest(name, fields)}")
    for name, value in settings.items():
        if name in fields:
            if name in options and value != values.get(name):
                options[name] = {}  # another loss or model: the file's options are not its own
            values[name] = fields[name].parse(value)
    classes = {part: _class_of(part, values.get(part, fields[part].default)) for part in ("loss", "model")}
    for name, value in settings.items():
        if name not in fields:
            part = _owner(name, classes, {p: str(values.get(p, fields[p].default)) for p in classes}, fields)
            options[part][name] = value
    for part, cls in classes.items():
        name = values.get(part, fields[part].default)
        values[f"{part}_options"] = parse_options(cls, options[part], f"{part} {name!r}")
    return TrainConfig(**values)


def read_config(path: str | Path) -> dict[str, Any]:
    """Read a configuration file, as `build_config` takes it for its base.

    Args:
        path: A TOML file, for example the `config.toml` of a run.

    Raises:
        FileNotFoundError: If there is none.
        OptionError: If it is not TOML.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"config: no file {path}")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError(f"config: {path} is not TOML: {error}") from None


def differences(one: TrainConfig, other: TrainConfig) -> dict[str, tuple[object, object]]:
    """The settings in which two configurations differ, options of loss and model among them.

    Args:
        one: A configuration.
        other: Another.
    """
    found = {}
    for item in dataclasses.fields(TrainConfig):
        a, b = getattr(one, item.name), getattr(other, item.name)
        if isinstance(a, Mapping):
            for name in sorted({*a, *b}):
                if a.get(name) != b.get(name):
                    found[name] = (a.get(name), b.get(name))
        elif a != b:
            found[item.name] = (a, b)
    return found


def _class_of(part: Literal["loss", "model"] | str, name: object) -> type:
    known = registry("loss" if part == "loss" else "model")
    if not isinstance(name, str) or name not in known:
        raise OptionError(f"{part}: no {part} {name!r}{nearest(str(name), known)}; there are {', '.join(known)}")
    return known[name]


def _owner(name: str, classes: Mapping[str, type], chosen: Mapping[str, str], fields: Mapping[str, Option]) -> str:
    """Whether an option without prefix belongs to the chosen loss or to the chosen model."""
    having = [part for part, cls in classes.items() if name in {o.name for o in options_of(cls)}]
    if len(having) == 1:
        return having[0]
    if having:
        raise OptionError(
            f"{name}: loss {chosen['loss']!r} and model {chosen['model']!r} both have it; "
            "set it under [loss] or [model] in a --config file"
        )
    others = [
        f"{part} {other!r}"
        for part in ("loss", "model")
        for other, cls in registry("loss" if part == "loss" else "model").items()
        if name in {o.name for o in options_of(cls)}
    ]
    if others:
        raise OptionError(
            f"{name}: loss {chosen['loss']!r} and model {chosen['model']!r} have no such option; "
            f"{', '.join(others)} ha{'s' if len(others) == 1 else 've'} it"
        )
    known = [*fields, *(o.name for cls in classes.values() for o in options_of(cls))]
    raise OptionError(f"unknown option {name!r}{nearest(name, known)}")
