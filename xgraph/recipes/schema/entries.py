"""Schemas of the single tables in a recipe's TOML file."""

import re
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from xgraph.recipes.schema.metrics import EXPECTED
from xgraph.recipes.schema.types import (
    Datasets,
    Figure,
    Folder,
    Metric,
    Seeds,
    Text,
    Texts,
    are_metrics,
    checked,
    distinct,
    listed,
)
from xgraph.schema import Schema
from xgraph.training.scoring.ensemble import Combine

_SHARED_SETTINGS = ("device", "out", "progress", "resume", "threads")


class Settings(Schema):
    """A table that may hold settings of `xgraph.train` in addition to its own keys."""

    model_config = ConfigDict(extra="allow")

    dataset: Datasets = Field(default=[])

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of `xgraph.train`."""
        return dict(self.model_extra or {})


class MemberEntry(Settings):
    """`[[member]]`: a model with its settings, trained with each of its seeds on each of its data sets."""

    name: Folder
    seeds: Seeds = Field(default=[0])


class PretrainingEntry(Schema):
    """`[[pretraining]]`: an encoder that members start from, with settings of `xgraph.training.pretrain`."""

    model_config = ConfigDict(extra="allow")

    name: Folder
    datasets: Datasets = Field(default=[])
    exclude: Datasets = Field(default=[])

    @model_validator(mode="after")
    def _no_settings_of_all_runs(self) -> "PretrainingEntry":
        for key in _SHARED_SETTINGS:
            if key in (self.model_extra or {}):
                raise ValueError(
                    f"{key} = {getattr(self, key)!r}: all runs of a recipe share this setting; give it to xgraph "
                    "reproduce instead"
                )
        return self

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of pretraining."""
        return self.model_dump(exclude={"name"}, exclude_unset=True)


class Ensemble(Schema):
    """`[[ensemble]]`: members whose scores are combined by their mean or the mean of their ranks."""

    name: Text
    members: Annotated[Texts, checked(lambda names: len(names) > 1, "two members or more")]
    combine: Combine = "mean"


class InnerFolds(NamedTuple):
    """Inner folds: their number, and what stays together in them."""

    number: int
    groups: Literal["scaffold"] | None = None

    @property
    def label(self) -> str:
        """A word for file names."""
        return str(self.number) if self.groups is None else f"{self.number}_{self.groups}"


class Choice(Schema):
    """`[[choice]]`: what is best among candidates, chosen anew in each part (fold or seed) without its test items.

    Candidates are members and ensembles. `inner = 5` scores them by five inner folds of the training and validation
    items, with `inner_groups = "scaffold"` of whole scaffolds; without it, they are scored on the validation part.

    The greedy choice is a mean of ranks: candidates are added one by one, each as often as it helps (Caruana et al.,
    "Ensemble selection from libraries of models", ICML 2004). It starts from the best candidate, or from all.
    """

    name: Text
    candidates: Texts
    how: Literal["best", "greedy"] = "best"
    start: Literal["best", "all"] = "best"
    metric: Annotated[list[Metric], distinct, BeforeValidator(listed)] = Field(default=[])  # by default the first one
    inner: Annotated[int, Field(ge=2, le=1000)] | None = None
    inner_groups: Literal["scaffold"] | None = None

    @property
    def inner_folds(self) -> InnerFolds | None:
        """How the inner folds are drawn; None if it is chosen by the validation part."""
        return None if self.inner is None else InnerFolds(self.inner, self.inner_groups)

    @model_validator(mode="after")
    def _start_of_greedy(self) -> "Choice":
        if self.start != "best" and self.how != "greedy":
            raise ValueError(f"start = {self.start!r}: expected how = 'greedy' with it, got {self.how!r}")
        if self.inner_groups is not None and self.inner is None:
            raise ValueError(f"inner_groups = {self.inner_groups!r}: expected a number of folds with it (inner = 5)")
        return self


class Comparison(Schema):
    """`[[compare]]`: two members, ensembles or choices compared pair by pair, by a metric of the test part.

    The other one can also be a published row with its values by fold.
    """

    one: Text
    other: Text
    metric: Metric = ""  # by default the recipe's first

    @model_validator(mode="after")
    def _of_two(self) -> "Comparison":
        if self.one == self.other:
            raise ValueError(f"other = {self.other!r}: expected a different name than one = {self.one!r}")
        return self


class Published(Schema):
    """`[[published]]`: published results, and how their protocol differs from the recipe's, if it does."""

    name: Text
    source: Text
    values: Annotated[
        dict[str, Figure],
        checked(len, "a metric with its mean, or with [mean, standard deviation]"),
        checked(are_metrics, EXPECTED),
    ]
    dataset: Text = ""
    protocol: Text = ""
    folds: Annotated[dict[str, list[float]], checked(are_metrics, EXPECTED)] = Field(default={})  # values by fold


class Claim(Schema):
    """`[claim]`: a row that is compared with a board of published results, in sentences that the figures support."""

    of: Text
    board: Text  # the source of the published rows
    former: Text = ""  # a published row with values by fold, or another row


class Partitions(Schema):
    """`[partitions]`: members repeated on random partitions of their data set into folds, beside its own parts."""

    rows: Texts  # members, ensembles and choices
    number: Annotated[int, Field(ge=1, le=1000)]
    folds: Annotated[int, Field(ge=3, le=1000)] = 10
    split: Literal["scaffold", "random"] = "scaffold"
    stratified: bool = True
    dataset: Text = ""

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of `xgraph.train` that all partitions have in common; they replace those of the members."""
        return {"split": self.split, "folds": self.folds, "fold": "all", "stratified": self.stratified}


class Submission(Schema):
    """`[submission]`: unlabelled molecules that a member, an ensemble or a choice scores in a competition's format."""

    of: Text
    dataset: Text = ""
    file: Text  # path of the CSV file of molecules in the data set's card
    columns: Texts  # header of the output file: SMILES, then one column per task
    name: Annotated[str, checked(re.compile(r"[^/]*\.csv").fullmatch, "the name of a CSV file")] = (
        "test_predictions.csv"
    )


class Quick(Schema):
    """`[quick]`: how to reduce the recipe to a run of minutes."""

    time: Text = ""
    seeds: Seeds = Field(default=[])
    datasets: Texts = Field(default=[])
    leave_out: Texts = Field(default=[])
    share_of_epochs: Annotated[float, Field(gt=0, le=1)] = 1.0
    settings: dict[str, Any] = Field(default={})
    partitions: Annotated[int, Field(ge=0)] = 0  # how many of them remain
