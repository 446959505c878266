"""A recipe that has been read and checked: its runs, and what is computed from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from xgraph.recipes.schema.entries import (
    Choice,
    Claim,
    Comparison,
    Ensemble,
    InnerFolds,
    Partitions,
    Published,
    Submission,
)
from xgraph.training.config.build import TrainConfig, build_config
from xgraph.training.files.rundir import dataset_label
from xgraph.training.pretraining.settings import PretrainConfig
from xgraph.training.scoring.ensemble import Combine

RECIPE, REPORT, NUMBERS, TIMES = "recipe.toml", "report.md", "report.json", "times.json"


@dataclass(frozen=True)
class Member:
    """A model with its settings on one data set, trained once per seed."""

    name: str
    dataset: str  # name, or path of a CSV file
    seeds: list[int]
    settings: Mapping[str, Any]  # as written in the recipe, without data set and seed
    config: TrainConfig  # the same settings, completed
    folds: list[int] | None  # None: each run is a single fit

    def with_settings(self, changes: Mapping[str, Any]) -> "Member":
        """Return the member with other settings, among them a number of folds, all of which are trained."""
        settings = {**self.settings, **changes}
        config = build_config({**settings, "dataset": self.dataset})
        return replace(self, settings=settings, config=config, folds=list(range(int(settings["folds"]))))

    @property
    def drawn_by_seed(self) -> bool:
        """Whether the seed determines the split, so that different seeds score different items."""
        return self.config.drawn_by_seed

    @property
    def parts(self) -> list[int | None]:
        """What metrics are averaged over: folds, or seeds that determine the split; [None] if neither."""
        if self.drawn_by_seed:
            return list(self.seeds)
        return [None] if self.folds is None else list(self.folds)

    def seeds_of(self, part: int | None) -> list[int]:
        """Return the seeds of the runs that scored a part."""
        return [part] if self.drawn_by_seed and part is not None else self.seeds


@dataclass(frozen=True)
class Pretraining:
    """A pretrained encoder that members start from, with its settings as written and completed."""

    name: str
    settings: dict[str, Any]
    config: PretrainConfig


@dataclass(frozen=True)
class Recipe:
    """Named runs with ensembles, choices, comparisons, published results and a submission."""

    path: Path
    title: str
    about: str
    time: str
    metrics: list[str]  # columns of the tables, the most important first
    members: list[Member]
    ensembles: list[Ensemble] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    published: list[Published] = field(default_factory=list)
    submission: Submission | None = None
    cut_down: str = ""  # description of the reduction; empty for the full recipe
    pretrainings: list[Pretraining] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    partitions: Partitions | None = None
    claim: Claim | None = None

    @property
    def datasets(self) -> list[str]:
        """The data sets, in order."""
        return list(dict.fromkeys(member.dataset for member in self.members))

    @property
    def measured(self) -> list[str]:
        """The metrics of the tables and the comparisons."""
        return list(dict.fromkeys([*self.metrics, *(one.metric for one in self.comparisons)]))

    @property
    def names(self) -> list[str]:
        """Names of members, ensembles and choices."""
        named: list[Member | Ensemble | Choice] = [*self.members, *self.ensembles, *self.choices]
        return list(dict.fromkeys(one.name for one in named))

    @property
    def by_fold(self) -> list[str]:
        """Names of published rows with values by fold, which can be compared in pairs."""
        return [one.name for one in self.published if one.folds]

    def find_dataset(self, text: str) -> str | None:
        """Find a data set by its name, or by a path relative to the recipe's folder."""
        paths = (text, str((self.path.parent / text).resolve()))
        return next((path for path in paths if path in self.datasets), None)

    def members_of(self, name: str, dataset: str) -> list[Member]:
        """Return the member, or the members of an ensemble or a choice, on a data set; empty if one is missing."""
        choice = self.choice_of(name)
        if choice is not None:
            of_all = [self.members_of(one, dataset) for one in choice.candidates]
            return list({member.name: member for one in of_all for member in one}.values()) if all(of_all) else []
        names = next((one.members for one in self.ensembles if one.name == name), [name])
        trained = {member.name: member for member in self.members if member.dataset == dataset}
        return [trained[one] for one in names] if trained.keys() >= set(names) else []

    def choice_of(self, name: str) -> Choice | None:
        """Return the choice of that name, if it is one."""
        return next((one for one in self.choices if one.name == name), None)

    def inner_folds(self, member: Member) -> list[InnerFolds]:
        """Return the inner folds by which choices score a member."""
        used = [one.inner_folds for one in self.choices if member in self.members_of(one.name, member.dataset)]
        return [one for one in dict.fromkeys(used) if one is not None]

    def on_partition(self, number: int) -> "Recipe":
        """Return the recipe of the rows that are repeated on one of the random partitions."""
        if self.partitions is None:
            raise ValueError("recipe: expected a [partitions] table, but there is none")
        dataset, rows = self.partitions.dataset, self.partitions.rows
        own = {**self.partitions.settings, "partition": number}
        members = []
        for member in {one.name: one for name in rows for one in self.members_of(name, dataset)}.values():
            line = [member]
            while (before := self.start_of(line[-1])) is not None:
                line.append(before)
            members += [one for one in reversed(line) if one not in members]
        candidates = {name for one in self.choices if one.name in rows for name in one.candidates}
        return replace(
            self,
            members=[one.with_settings(own) for one in members],
            ensembles=[one for one in self.ensembles if one.name in candidates or one.name in rows],
            choices=[one for one in self.choices if one.name in rows],
            comparisons=[],
            published=[],
            submission=None,
            partitions=None,
            claim=None,
        )

    def on_partitions(self) -> "dict[str, Recipe]":
        """Return the recipes on all random partitions, by the folders of their runs."""
        number = 0 if self.partitions is None else self.partitions.number
        return {f"partition_{i}": self.on_partition(i) for i in range(number)}

    def combine_of(self, name: str) -> Combine:
        """Return how scores are combined; the scores of a member's seeds are averaged."""
        return next((one.combine for one in self.ensembles if one.name == name), "mean")

    def start_of(self, member: Member) -> Member | None:
        """Return the member that another one starts from, if any."""
        return next((m for m in self.members if (m.dataset, m.name) == (member.dataset, member.config.init)), None)

    def encoder_of(self, member: Member) -> Pretraining | None:
        """Return the pretrained encoder that a member starts from, if any."""
        return next((one for one in self.pretrainings if one.name == member.config.init), None)

    def in_order(self) -> list[Member]:
        """Return the members in training order: each one after the member that it starts from."""
        done: list[Member] = []
        for member in self.members:
            line = [member]
            while (before := self.start_of(line[-1])) is not None:
                line.append(before)
            done += [one for one in reversed(line) if one not in done]
        return done

    def run_path(self, member: Member, seed: int) -> Path:
        """Return the path of a run within the recipe's directory."""
        label = dataset_label(member.dataset) if len(self.datasets) > 1 else ""
        return Path(member.name) / label / f"seed_{seed}"
