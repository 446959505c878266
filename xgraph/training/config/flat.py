"""Convert between flat setting names (command line, `xgraph.train`) and the sections of a configuration file."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from xgraph.options import Option, OptionError, nearest, options_of
from xgraph.schema import Schema, validate
from xgraph.training.config.constraints import Constraints
from xgraph.training.config.data import BagData, MoleculeData, NodeData
from xgraph.training.config.sections import Batches, LossChoice, ModelChoice, Optimization, RunSettings
from xgraph.training.config.traits import NOUNS, DatasetTraits

DATA: dict[str, type[Schema]] = {"graph": MoleculeData, "node": NodeData, "bag": BagData}
SECTIONS: dict[str, tuple[type[Schema], ...]] = {
    "data": tuple(DATA.values()),
    "model": (ModelChoice,),
    "loss": (LossChoice,),
    "optimizer": (Optimization,),
    "batches": (Batches,),
    "constraints": (Constraints,),
    "run": (RunSettings,),
}
STEPWISE = ("loss", "optimizer", "batches", "constraints")
"""Sections about stepwise training. A model that is fitted in a single step ignores them and uses `SINGLE_STEP`."""
SINGLE_STEP = {"loss": "bce", "epochs": 1, "pretrain_epochs": 0}


class Place(NamedTuple):
    """Where a setting lives: its section, its field, and the schemas of the section that have this field."""

    section: str
    field: str
    owners: tuple[type[Schema], ...]

    @property
    def default(self) -> Any:
        """The default value."""
        return self.owners[0].model_fields[self.field].get_default(call_default_factory=True)


def _places() -> Iterator[tuple[str, Place]]:
    for section, models in SECTIONS.items():
        for field in dict.fromkeys(name for model in models for name in model.model_fields):
            flat = {"name": section, "options": f"{section}_options"}.get(field, field)
            yield flat, Place(section, field, tuple(model for model in models if field in model.model_fields))


PLACES = dict(_places())
"""The place of each setting by flat name: the field's name, except that `loss.name` is `loss`, and so on."""
_OWNERS = {place.owners[0] for place in PLACES.values()}
_WRITTEN_BY_RUNS = frozenset(("epochs", "pretrain_epochs", "keep", "lr_schedule"))  # and rarely by hand
STEPWISE_SETTINGS = frozenset(name for name, place in PLACES.items() if place.section in STEPWISE) | {"instances"}
"""Settings that a model fitted in a single step ignores."""


def flat_options() -> list[Option]:
    """Return all settings as options."""
    known = {model: {option.name: option for option in options_of(model)} for model in _OWNERS}
    places = [(name, known[place.owners[0]].get(place.field)) for name, place in PLACES.items()]
    return [replace(option, name=name) for name, option in places if option is not None]


def make_sections(values: Mapping[str, Any]) -> dict[str, Schema]:
    """Sort flat settings into validated sections; refuse settings that do not apply to the data set's kind."""
    kind = DatasetTraits.of({"dataset": PLACES["dataset"].default, **values}).kind
    models = {section: DATA[kind] if section == "data" else models[0] for section, models in SECTIONS.items()}
    tables: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for name, value in values.items():
        place = PLACES.get(name)
        if place is None:
            raise OptionError(f"unknown key {name!r}{nearest(name, PLACES)}")
        if models[place.section] in place.owners:
            tables[place.section][place.field] = value
        elif value != place.default:
            owners = " and ".join(NOUNS[kind] for kind, model in DATA.items() if model in place.owners)
            raise OptionError(f"{name} = {value!r}: this setting is for {owners}, but the data set holds {NOUNS[kind]}")
    return {section: validate(models[section], table) for section, table in tables.items()}


def to_tables(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return flat settings as in a file: one table per section."""
    tables: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        place = PLACES[name]
        tables.setdefault(place.section, {}).update(value if isinstance(value, Mapping) else {place.field: value})
    return {section: tables[section] for section in SECTIONS if section in tables}


def to_flat(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a file by flat names; `loss` and `model` stay tables. Files of old versions are flat."""
    names = {(place.section, place.field): name for name, place in PLACES.items()}
    values: dict[str, Any] = {}
    for key, value in _with_all_epochs(table).items():
        if key in ("loss", "model") or key not in SECTIONS or not isinstance(value, Mapping):
            values[key] = value
            continue
        own = [field for section, field in names if section == key]
        for field, setting in value.items():
            if field not in own:
                raise OptionError(f"unknown key '{key}.{field}'{nearest(field, own)}; valid keys are {', '.join(own)}")
            values[names[key, field]] = setting
    return values


def _with_all_epochs(table: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return settings in which `epochs` counts all epochs. Runs of old versions counted those of the loss only."""
    place = table.get("optimizer")
    of_steps = place if isinstance(place, Mapping) else table
    if "schedule" in of_steps or not ("training" in of_steps or of_steps.keys() >= _WRITTEN_BY_RUNS):
        return table
    values = dict(of_steps)
    values["schedule"] = values.pop("training", "two-stage")
    if {"epochs", "pretrain_epochs"} <= values.keys():
        values["epochs"] += values["pretrain_epochs"]
    return {**table, "optimizer": values} if of_steps is place else values
