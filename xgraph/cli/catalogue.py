"""What the command knows about settings, losses and models without importing torch.

The options of ``xgraph train`` are keyword arguments of classes, and importing those takes seconds. So the package
holds a copy of what they say, in ``catalogue.json``, and help and usage errors read that. After a change of an option
or of its description run ``python -m xgraph.cli.catalogue``; a test compares the file with the classes.
"""

import inspect
import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from xgraph.options import Option, options_of

FILE = Path(__file__).with_name("catalogue.json")

_TYPES: dict[str, type] = {"bool": bool, "int": int, "float": float, "str": str}
_ROLE = re.compile(r":\w+:`~?([^`]*)`")
_PYTHON_ONLY = re.compile(r"\s*\((?:in|from) Python also [^)]*\)")


@dataclass(frozen=True)
class Part:
    """A loss or a model as the command line sees it.

    Args:
        name: Its name on the command line.
        python: Where to import its class from.
        options: Its options.
        kind: What a model gives logits to: "graph", "node" or "bag".
        others: Further kinds of items that a model gives logits to.
        link: What turns the logits of a loss into scores: "sigmoid", "softmax", or "identity" for numbers.
        sampler: Batches that a loss is trained on by default: "dual", "shuffle" or "group".
        fitted: Whether a model is fitted in a single step.
        features: Whether a model takes features beside the graph.
        graphs: Whether a model of molecules reads their graphs.
    """

    name: str
    python: str
    options: tuple[Option, ...]
    kind: str = ""
    others: tuple[str, ...] = ()
    link: str = ""
    sampler: str = ""
    fitted: bool = False
    features: bool = False
    graphs: bool = True

    @property
    def kinds(self) -> tuple[str, ...]:
        """All that a model gives logits to."""
        return (self.kind, *self.others)

    @property
    def option_names(self) -> set[str]:
        """The names of its options."""
        return {option.name for option in self.options}


@dataclass(frozen=True)
class Catalogue:
    """All options of the command line that come from classes.

    Args:
        train: Settings of ``xgraph train`` by section of the configuration file.
        pretrain: Settings of ``xgraph pretrain`` by objective; those under "" are for both.
        losses: Losses by name.
        models: Models by name.
    """

    train: Mapping[str, tuple[Option, ...]]
    pretrain: Mapping[str, tuple[Option, ...]]
    losses: Mapping[str, Part]
    models: Mapping[str, Part]

    @property
    def pretrainable(self) -> dict[str, Part]:
        """Models that have an encoder of molecules."""
        return {name: part for name, part in self.models.items() if part.kind == "graph" and part.graphs}


def load_catalogue() -> Catalogue:
    """Read the catalogue; if losses or models were registered in this process, ask the classes instead."""
    known = _read()
    for module, registry, parts in (
        ("xgraph.losses", "LOSSES", known.losses),
        ("xgraph.nn", "MODELS", known.models),
    ):
        loaded = getattr(sys.modules.get(module), registry, parts)
        if loaded.keys() != parts.keys():
            return collect()
    return known


def collect() -> Catalogue:
    """Make the catalogue from the classes. Imports torch."""
    from xgraph.training.config.baseline import AUTO
    from xgraph.training.config.build import TrainConfig, registry
    from xgraph.training.config.flat import PLACES
    from xgraph.training.pretraining.settings import PretrainConfig, objectives_of

    losses = {name: _part(name, "losses", cls) for name, cls in registry("loss").items()}
    models = {name: _part(name, "nn", cls) for name, cls in registry("model").items()}
    train: dict[str, tuple[Option, ...]] = {}
    for option in _options(TrainConfig):
        section = PLACES[option.name].section
        choices = {"loss": tuple(losses), "model": (*models, AUTO)}.get(option.name, option.choices)
        if option.name != "dataset":
            train[section] = (*train.get(section, ()), replace(option, choices=choices))
    pretrain: dict[str, tuple[Option, ...]] = {}
    known = Catalogue(train, pretrain, losses, models)
    for option in _options(PretrainConfig):
        objective = ", ".join(objectives_of(option.name))
        choices = tuple(known.pretrainable) if option.name == "model" else option.choices
        if option.name != "datasets":
            pretrain[objective] = (*pretrain.get(objective, ()), replace(option, choices=choices))
    return known


def to_json(catalogue: Catalogue) -> str:
    """The content of the file."""

    def lists(groups: Mapping[str, Iterable[Option]]) -> dict[str, Any]:
        return {name: [_to_table(option) for option in options] for name, options in groups.items()}

    def parts(known: Mapping[str, Part]) -> dict[str, Any]:
        return {
            name: {**_changed(part, "name", "options"), "options": [_to_table(option) for option in part.options]}
            for name, part in known.items()
        }

    table = {"train": lists(catalogue.train), "pretrain": lists(catalogue.pretrain)}
    table |= {"losses": parts(catalogue.losses), "models": parts(catalogue.models)}
    return json.dumps(table, indent=1, ensure_ascii=False) + "\n"


@cache
def _read() -> Catalogue:
    table = json.loads(FILE.read_text(encoding="utf-8"))
    lists = {
        command: {name: tuple(map(_from_table, options)) for name, options in table[command].items()}
        for command in ("train", "pretrain")
    }
    parts = {
        group: {name: _from_part(name, values) for name, values in table[group].items()}
        for group in ("losses", "models")
    }
    return Catalogue(lists["train"], lists["pretrain"], parts["losses"], parts["models"])


def _part(name: str, package: Literal["losses", "nn"], cls: type) -> Part:
    facts: dict[str, Any] = {key: getattr(cls, key, "") for key in ("kind", "link", "sampler")}
    facts |= {"fitted": getattr(cls, "fitted", False), "features": getattr(cls, "takes_features", False)}
    facts |= {"graphs": getattr(cls, "reads_graphs", True)}
    if package == "nn":
        facts["others"] = tuple(kind for kind in cls.kinds() if kind != cls.kind)  # type: ignore[attr-defined]
    return Part(name, f"xgraph.{package}.{cls.__name__}", tuple(_options(cls)), **facts)


def _from_part(name: str, values: Mapping[str, Any]) -> Part:
    others, options = tuple(values.get("others", ())), tuple(map(_from_table, values["options"]))
    return Part(**{**values, "name": name, "others": others, "options": options})


def _options(cls: type) -> list[Option]:
    """The options of a class; of the markup in their texts, backticks around code are left."""

    def plain(text: str) -> str:
        return _ROLE.sub(r"\1", _PYTHON_ONLY.sub("", text)).replace("``", "`")

    return [replace(option, help=plain(option.help)) for option in options_of(cls)]


def _changed(value: Any, *without: str) -> dict[str, Any]:
    """The fields of a dataclass that do not have their default."""
    defaults = {field.name: field.default for field in fields(value)}
    return {name: held for name, held in asdict(value).items() if name not in without and held != defaults[name]}


def _to_table(option: Option) -> dict[str, Any]:
    table = _changed(option, "default", "type")
    default = {} if option.default is inspect.Parameter.empty else {"default": option.default}
    return {"name": table.pop("name"), "type": option.type.__name__, **default, **table}


def _from_table(table: Mapping[str, Any]) -> Option:
    values = {"default": inspect.Parameter.empty, **table, "type": _TYPES[table["type"]]}
    return Option(**{**values, "choices": tuple(table.get("choices", ()))})


if __name__ == "__main__":
    FILE.write_text(to_json(collect()), encoding="utf-8")
