"""What a search is, and the file that says so."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xgraph.options import OptionError
from xgraph.training.config.build import TrainConfig, build_config, differences
from xgraph.training.files.rundir import config_values
from xgraph.training.files.writing import write_text
from xgraph.tuning.dimension import Dimension
from xgraph.tuning.space import make_space

SEARCH = "search.toml"
_MAY_CHANGE = {"device", "storage", "threads"}
_LEAST = {"trials": 1, "inner_folds": 0, "seeds": 1}
_MOST = 10_000


@dataclass(frozen=True)
class Plan:
    """A search.

    Args:
        config: Settings that all trials have, where they are not varied.
        space: What is varied.
        trials: How many settings are tried, at most.
        inner_folds: Inner folds that a trial is a mean over; 0 for the data set's own validation part.
        seeds: Seeds that it is a mean over too, from `config.seed` on.
        prune: Whether a trial is left when it falls behind.
        final: Whether the best settings are trained on train and validation part, and tested.
    """

    config: TrainConfig
    space: list[Dimension]
    trials: int = 30
    inner_folds: int = 5
    seeds: int = 1
    prune: bool = False
    final: bool = False

    @property
    def inner(self) -> list[str]:
        """The values of `TrainConfig.inner` that a trial goes through."""
        return [f"{k}/{self.inner_folds}" for k in range(self.inner_folds)] or ["valid"]

    @property
    def all_seeds(self) -> list[int]:
        """The seeds."""
        return [self.config.seed + i for i in range(self.seeds)]

    def setting(self, values: Mapping[str, Any]) -> TrainConfig:
        """All settings of a trial."""
        return build_config(values, config_values(self.config))

    def write(self, path: Path) -> None:
        """Write `search.toml`."""
        import tomli_w

        values = {name: getattr(self, name) for name in ("trials", "inner_folds", "seeds", "prune", "final")}
        tables = {"space": {one.name: one.plain() for one in self.space}, "settings": config_values(self.config)}
        write_text(path / SEARCH, tomli_w.dumps({**values, **tables}))

    @classmethod
    def read(cls, path: Path) -> "Plan":
        """Read `search.toml`."""
        file = path / SEARCH
        if not file.is_file():
            raise FileNotFoundError(f"resume: {path} holds no search (no {SEARCH})")
        try:
            values = tomllib.loads(file.read_text(encoding="utf-8"))
            base, told = values.pop("settings"), values.pop("space")
            return cls(build_config({}, base), make_space(told, base, {}), **values)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"resume: {file} is damaged: {error}") from None


def make_plan(told: Mapping[str, Any], base: Mapping[str, Any], settings: Mapping[str, Any], **numbers: Any) -> Plan:
    """Check a search."""
    given = {name: value for name, value in numbers.items() if value is not None}
    for name, least in _LEAST.items():
        value = given.get(name, least)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _MOST:
            raise OptionError(f"{name} = {value!r}: expected a whole number from {least} to {_MOST}")
    if given.get("inner_folds") == 1:
        raise OptionError("inner_folds = 1: expected 2 or more, or 0 for the data set's own validation part")
    for name, value in (("inner", None), ("train_on", "train")):
        found = {**base, **settings}.get(name, value)
        if found != value:
            raise OptionError(f"{name} = {found!r}: a search says itself what is trained on; see inner_folds and final")
    config = build_config(settings, base)
    if not config.fitted and "keep" not in {**base, **settings}:
        config = config.replace(keep="last")  # so that what is trained in the end has as many epochs
    if config.split == "random" and given.get("seeds", 1) > 1:
        raise OptionError(
            f"seeds = {given['seeds']}: with split random each seed draws another test part, which the others are "
            "trained on; expected 1"
        )
    return Plan(config, make_space(told, config_values(config), settings), **given)


def resumed(
    path: Path, told: Mapping[str, Any], base: Mapping[str, Any], settings: Mapping[str, Any], **numbers: Any
) -> Plan:
    """The search in a directory, with what may change: trials, final, and where to train."""
    before = Plan.read(path)
    now = build_config(settings, base or config_values(before.config))
    if base and "keep" not in base:
        now = now.replace(keep=before.config.keep)
    for name, (there, here) in differences(before.config, now).items():
        if name not in _MAY_CHANGE and not (name == "dataset" and Path(str(here)).resolve() == Path(str(there))):
            raise OptionError(f"resume: {name} is {there!r} in {path} and cannot become {here!r}")
    if told and make_space(told, config_values(now), settings) != before.space:
        raise OptionError(f"resume: {path} varies other settings, or other values of them; see its {SEARCH}")
    for name in ("inner_folds", "seeds", "prune"):
        if numbers.get(name) is not None and numbers[name] != getattr(before, name):
            raise OptionError(f"resume: {name} is {getattr(before, name)} in {path} and cannot become {numbers[name]}")
    changes = {name: numbers[name] for name in ("trials", "final") if numbers.get(name) is not None}
    return replace(before, config=now.replace(dataset=before.config.dataset), **changes)
