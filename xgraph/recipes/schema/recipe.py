"""A recipe that has been read and checked: which runs there are, and what is made of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xgraph.recipes.schema.file import Comparison, Ensemble, Published, Submission
from xgraph.training.config.build import TrainConfig
from xgraph.training.files.rundir import dataset_label
from xgraph.training.prediction.ensemble import Combine
from xgraph.training.pretraining.settings import PretrainConfig

RECIPE, REPORT, NUMBERS, TIMES = "recipe.toml", "report.md", "report.json", "times.json"


@dataclass(frozen=True)
class Member:
    """A model on one data set: its settings without data set and seed, the same completed, and its seeds and folds."""

    name: str
    dataset: str  # name, or path of a CSV file
    seeds: list[int]
    settings: Mapping[str, Any]
    config: TrainConfig
    folds: list[int] | None  # None: each run is a single fit

    @property
    def drawn_by_seed(self) -> bool:
        """Whether each seed has its own split, so that scores of two seeds are not of the same items."""
        return self.config.data.split == "random"

    @property
    def parts(self) -> list[int | None]:
        """What the figures are a mean over: folds, or seeds that draw a split each; [None] if neither."""
        if self.drawn_by_seed:
            return list(self.seeds)
        return [None] if self.folds is None else list(self.folds)

    def seeds_of(self, part: int | None) -> list[int]:
        """The seeds of the runs that scored a part."""
        return [part] if self.drawn_by_seed and part is not None else self.seeds


@dataclass(frozen=True)
class Pretraining:
    """An encoder that members start from, with the settings of its pretraining as written and completed."""

    name: str
    settings: dict[str, Any]
    config: PretrainConfig


@dataclass(frozen=True)
class Recipe:
    """Named runs, and what is made of them."""

    path: Path
    title: str
    about: str
    time: str
    metrics: list[str]  # those of tables, the most important first
    members: list[Member]
    ensembles: list[Ensemble] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    published: list[Published] = field(default_factory=list)
    submission: Submission | None = None
    cut_down: str = ""  # what was cut, in words; empty for the full recipe
    pretrainings: list[Pretraining] = field(default_factory=list)

    @property
    def datasets(self) -> list[str]:
        """The data sets, in order."""
        return list(dict.fromkeys(member.dataset for member in self.members))

    @property
    def measured(self) -> list[str]:
        """Metrics that are needed: those of tables and of comparisons."""
        return list(dict.fromkeys([*self.metrics, *(one.metric for one in self.comparisons)]))

    @property
    def names(self) -> list[str]:
        """Names of members and ensembles."""
        return list(dict.fromkeys([*(one.name for one in self.members), *(one.name for one in self.ensembles)]))

    def find_dataset(self, text: str) -> str | None:
        """A data set as the file calls it: by its name, or by a path from the recipe's folder."""
        paths = (text, str((self.path.parent / text).resolve()))
        return next((path for path in paths if path in self.datasets), None)

    def members_of(self, name: str, dataset: str) -> list[Member]:
        """The member or the members of the ensemble of that name, on a data set; empty if one of them is missing."""
        names = next((one.members for one in self.ensembles if one.name == name), [name])
        trained = {member.name: member for member in self.members if member.dataset == dataset}
        return [trained[one] for one in names] if trained.keys() >= set(names) else []

    def combine_of(self, name: str) -> Combine:
        """How scores are combined: of a member, those of its seeds are averaged."""
        return next((one.combine for one in self.ensembles if one.name == name), "mean")

    def start_of(self, member: Member) -> Member | None:
        """The member that another starts from; None if it starts by itself, or from a run elsewhere."""
        return next((m for m in self.members if (m.dataset, m.name) == (member.dataset, member.config.init)), None)

    def encoder_of(self, member: Member) -> Pretraining | None:
        """The encoder that a member starts from, if any."""
        return next((one for one in self.pretrainings if one.name == member.config.init), None)

    def in_order(self) -> list[Member]:
        """The members in the order of training: each after the one that it starts from."""
        done: list[Member] = []
        for member in self.members:
            line = [member]
            while (before := self.start_of(line[-1])) is not None:
                line.append(before)
            done += [one for one in reversed(line) if one not in done]
        return done

    def run_path(self, member: Member, seed: int) -> Path:
        """Where a run lies, below the directory of the whole."""
        label = dataset_label(member.dataset) if len(self.datasets) > 1 else ""
        return Path(member.name) / label / f"seed_{seed}"
