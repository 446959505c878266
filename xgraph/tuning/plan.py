"""The plan of a search, and the file that holds it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from xgraph.data import load_card
from xgraph.data.cards.pretrained import seen_by
from xgraph.data.labels.labels import usual_metric
from xgraph.options import OptionError
from xgraph.schema import Schema, read_toml, validate
from xgraph.training.config.build import TrainConfig, build_config, differences
from xgraph.training.config.traits import DatasetTraits
from xgraph.training.files.rundir import config_values
from xgraph.training.files.writing import write_text
from xgraph.training.scoring.direction import higher_is_better
from xgraph.tuning.dimension import Dimension
from xgraph.tuning.space import make_space

SEARCH = "search.toml"
_MAY_CHANGE = {"device", "storage", "threads"}
_MOST = 10_000


class Budget(Schema):
    """The size of a search: the number of trials, and the inner folds and seeds of each."""

    trials: int = Field(default=30, ge=1, le=_MOST)
    inner_folds: int = Field(default=5, ge=0, le=_MOST)  # 0: the data set's own validation part
    seeds: int = Field(default=1, ge=1, le=_MOST)  # starting with `config.seed`
    prune: bool = False  # whether to stop a trial early when it falls behind
    final: bool = False  # whether to train the best settings on the training and validation parts, and test them

    @field_validator("inner_folds")
    @classmethod
    def _several(cls, value: int) -> int:
        if value == 1:
            raise ValueError("expected 2 or more, or 0 for the data set's own validation part")
        return value


class SearchFile(Budget):
    """`search.toml`."""

    space: dict[str, Any]
    settings: dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """A search: the common settings of all trials, the settings that are varied, and the size of the search."""

    config: TrainConfig
    space: list[Dimension]
    budget: Budget

    @property
    def higher_is_better(self) -> bool:
        """Whether higher values of the metric are better."""
        return higher_is_better(self.config.metric or "")

    @property
    def inner(self) -> list[str]:
        """The values of `TrainConfig.inner` for the runs of a trial."""
        return [f"{k}/{self.budget.inner_folds}" for k in range(self.budget.inner_folds)] or ["valid"]

    @property
    def all_seeds(self) -> list[int]:
        """The seeds of the runs of a trial."""
        return [self.config.seed + i for i in range(self.budget.seeds)]

    @property
    def pretrained(self) -> dict[str, dict[str, str]]:
        """What the pretrained encoders among the features may have seen of the data set, as `seen_by` says."""
        varied = [str(kind) for one in self.space if one.name == "features" for kind in one.choices]
        return seen_by([*(self.config.features or []), *varied], self.config.dataset)

    def setting(self, values: Mapping[str, Any]) -> TrainConfig:
        """Return the complete settings of a trial."""
        return build_config(values, config_values(self.config))

    def write(self, path: Path) -> None:
        """Write `search.toml`."""
        import tomli_w

        tables = {"space": {one.name: one.plain() for one in self.space}, "settings": config_values(self.config)}
        write_text(path / SEARCH, tomli_w.dumps({**self.budget.model_dump(), **tables}))

    @classmethod
    def read(cls, path: Path) -> "Plan":
        """Read `search.toml`."""
        file = path / SEARCH
        if not file.is_file():
            raise FileNotFoundError(f"resume: {path} is not the directory of a search (no {SEARCH})")
        try:
            content = validate(SearchFile, read_toml(file, "resume"))
            budget = Budget(**content.model_dump(include=set(Budget.model_fields)))
            return cls(
                build_config({}, content.settings, saved=True), make_space(content.space, content.settings, {}), budget
            )
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(f"resume: {file} is damaged: {error}") from None


def make_plan(vary: Mapping[str, Any], base: Mapping[str, Any], settings: Mapping[str, Any], **numbers: Any) -> Plan:
    """Check the arguments of a search and make its plan."""
    budget = validate(Budget, {name: value for name, value in numbers.items() if value is not None})
    for name, expected in (("inner", None), ("train_on", "train")):
        value = {**base, **settings}.get(name, expected)
        if value != expected:
            raise OptionError(f"{name} = {value!r}: not available in a search; use inner_folds and final instead")
    config = build_config(settings, base)
    if config.seeds > 1:
        raise OptionError(f"seeds = {config.seeds}: a file for a search trains single runs; leave it out of the file")
    if not config.fitted and "keep" not in {**base, **settings}:
        config = config.replace(keep="last")  # so that the final run, without validation, trains for as many epochs
    traits = DatasetTraits.of(config.flat())
    if traits.numbers and config.metric is None:  # whose direction has to be known before the first trial
        card = load_card(config.dataset) if traits.registered else None
        several = len(config.target_columns or [""]) > 1
        usual = usual_metric("regression", 2 if several else 1)
        config = config.replace(metric=usual if card is None or several else card.metric)
    if config.drawn_by_seed and budget.seeds > 1:
        raise OptionError(
            f"seeds = {budget.seeds}: expected 1 with split {config.split!r}, where seeds have different test parts, "
            "so the other seeds would train on it"
        )
    return Plan(config, make_space(vary, config_values(config), settings), budget)


def resumed(
    path: Path, vary: Mapping[str, Any], base: Mapping[str, Any], settings: Mapping[str, Any], **numbers: Any
) -> Plan:
    """Return the plan of the search in a directory, with changes to the trials, `final` and where to train."""
    before = Plan.read(path)
    now = build_config(settings, base or config_values(before.config))
    if base and "keep" not in base:
        now = now.replace(keep=before.config.keep)
    for name, (old, new) in differences(before.config, now).items():
        if name not in _MAY_CHANGE and not (name == "dataset" and Path(str(new)).resolve() == Path(str(old))):
            raise OptionError(f"resume: {name} is {old!r} in {path} and cannot become {new!r}")
    if vary and make_space(vary, config_values(now), settings) != before.space:
        raise OptionError(f"resume: the search in {path} varies other settings or values; see its {SEARCH}")
    old_budget = before.budget.model_dump()
    changes = {name: value for name, value in numbers.items() if value is not None and value != old_budget[name]}
    for name in ("inner_folds", "seeds", "prune"):
        if name in changes:
            raise OptionError(f"resume: {name} is {old_budget[name]} in {path} and cannot become {changes[name]}")
    budget = validate(Budget, {**old_budget, **changes})
    return replace(before, config=now.replace(dataset=before.config.dataset), budget=budget)
