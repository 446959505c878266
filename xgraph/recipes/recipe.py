"""What a recipe says: which runs there are, and what is made of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xgraph.recipes.pretraining import Pretraining
from xgraph.training.config.build import TrainConfig
from xgraph.training.files.rundir import dataset_label
from xgraph.training.prediction.ensemble import Combine

RECIPE, REPORT, NUMBERS, TIMES = "recipe.toml", "report.md", "report.json", "times.json"
DEFAULT_METRICS = ["prc_auc", "roc_auc", "ap"]


@dataclass(frozen=True)
class Member:
    """A model with its settings, trained with each of its seeds.

    Args:
        name: What reports and folders call it.
        dataset: Name of the data set, or path of a CSV file.
        seeds: A run for each.
        settings: As `xgraph.train` takes them, without data set and seed.
        config: The same, complete.
        folds: Folds that a run goes through; None if it is one fit.
    """

    name: str
    dataset: str
    seeds: list[int]
    settings: Mapping[str, Any]
    config: TrainConfig
    folds: list[int] | None

    @property
    def drawn_by_seed(self) -> bool:
        """Whether each seed has parts of its own, so that scores of two seeds are not of the same items."""
        return self.config.split == "random"

    @property
    def parts(self) -> list[int | None]:
        """What the figures are a mean over: folds, or seeds that draw a split each; one None if neither."""
        if self.drawn_by_seed:
            return list(self.seeds)
        return [None] if self.folds is None else list(self.folds)

    def seeds_of(self, part: int | None) -> list[int]:
        """The seeds of the runs that scored a part."""
        return [part] if self.drawn_by_seed and part is not None else self.seeds


@dataclass(frozen=True)
class Ensemble:
    """Members whose scores are put together.

    Args:
        name: What reports call it.
        members: Their names.
        combine: Mean of the scores, or mean of the ranks within a part.
    """

    name: str
    members: list[str]
    combine: Combine


@dataclass(frozen=True)
class Comparison:
    """Two members or ensembles that are compared pair by pair.

    Args:
        one: Name of one.
        other: Name of what it is compared with.
        metric: By which metric of the test part.
    """

    one: str
    other: str
    metric: str


@dataclass(frozen=True)
class Published:
    """A row of a publication.

    Args:
        name: What it is.
        values: Mean and, if known, standard deviation of metrics.
        source: Where it was read.
        dataset: Data set.
        protocol: How its protocol differs from the recipe's; empty if it does not.
    """

    name: str
    values: Mapping[str, tuple[float, float | None]]
    source: str
    dataset: str
    protocol: str = ""


@dataclass(frozen=True)
class Submission:
    """Molecules without labels that are scored by a member or an ensemble, in a competition's format.

    Args:
        of: Which member or ensemble.
        dataset: Data set whose card lists the file.
        file: Path of the CSV file of molecules, as the card has it.
        columns: Header of what is written: SMILES, then a column a task.
        name: Name of the file that is written.
    """

    of: str
    dataset: str
    file: str
    columns: list[str]
    name: str


@dataclass(frozen=True)
class Recipe:
    """Named runs, and what is made of them.

    Args:
        path: The file.
        title: One line.
        about: The protocol, in words.
        time: How long it takes, and on what.
        metrics: Metrics that tables show, the most important first.
        members: What is trained.
        ensembles: What is put together.
        comparisons: What is compared.
        published: Rows of publications.
        submission: What is predicted in the end.
        cut_down: What was cut, in words; empty if it is the full recipe.
        pretrainings: Encoders that members start from.
    """

    path: Path
    title: str
    about: str
    time: str
    metrics: list[str]
    members: list[Member]
    ensembles: list[Ensemble] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    published: list[Published] = field(default_factory=list)
    submission: Submission | None = None
    cut_down: str = ""
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
        """A data set as the file calls it: by its name, or by a path from the recipe's folder on."""
        paths = (text, str((self.path.parent / text).resolve()))
        return next((path for path in paths if path in self.datasets), None)

    def members_of(self, name: str, dataset: str) -> list[Member]:
        """The member or the members of the ensemble of that name, on a data set; none if one of them is not there."""
        names = next((one.members for one in self.ensembles if one.name == name), [name])
        here = {member.name: member for member in self.members if member.dataset == dataset}
        return [here[one] for one in names] if all(one in here for one in names) else []

    def combine_of(self, name: str) -> Combine:
        """How scores are put together: of a member, those of its seeds are averaged."""
        return next((one.combine for one in self.ensembles if one.name == name), "mean")

    def encoder_of(self, member: Member) -> Pretraining | None:
        """The encoder that a member starts from; None if it starts from something else."""
        return next((one for one in self.pretrainings if one.name == member.config.init), None)

    def run_path(self, member: Member, seed: int) -> Path:
        """Where a run lies, below the directory of the whole."""
        folder = Path(member.name)
        if len(self.datasets) > 1:
            folder /= dataset_label(member.dataset)
        return folder / f"seed_{seed}"
