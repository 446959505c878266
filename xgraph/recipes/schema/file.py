"""Schemas of the tables in a recipe's TOML file."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from xgraph.recipes.schema.metrics import EXPECTED, further_metrics
from xgraph.schema import Schema, read_toml, validate
from xgraph.training.prediction.ensemble import Combine

_SHARED_SETTINGS = ("device", "out", "progress", "resume", "threads")


def _check(fits: Callable[[Any], object], expected: str) -> AfterValidator:
    """Create a validator from a predicate and a description of the expected value."""

    def check(value: Any) -> Any:
        if not fits(value):
            raise ValueError(f"expected {expected}")
        return value

    return AfterValidator(check)


def _are_metrics(names: Any) -> bool:
    try:
        further_metrics(list(names))
    except ValueError:
        return False
    return True


def _listed(value: object) -> object:
    """Wrap a single string in a list."""
    return [value] if isinstance(value, str) else value


def _figure(value: Any) -> tuple[float, float | None]:
    """Parse a mean with an optional standard deviation."""
    numbers = value if isinstance(value, list) else [value]
    if len(numbers) not in (1, 2) or not all(type(one) in (int, float) and math.isfinite(one) for one in numbers):
        raise ValueError("expected a number, or [mean, standard deviation]")
    return float(numbers[0]), float(numbers[1]) if len(numbers) == 2 else None


_different = _check(lambda values: 0 < len(values) == len(set(values)), "different values, at least one")
Text = Annotated[str, _check(str.strip, "a non-empty string")]
Texts = Annotated[list[Text], _different]
Datasets = Annotated[Texts, BeforeValidator(_listed)]
Seeds = Annotated[list[Annotated[int, Field(ge=0, lt=2**63)]], _different]
Folder = Annotated[
    str, _check(re.compile(r"[A-Za-z0-9][A-Za-z0-9_+-]*").fullmatch, "letters, digits, - and _, as it names a folder")
]
Metric = Annotated[str, _check(lambda name: _are_metrics([name]), EXPECTED)]
Figure = Annotated[
    tuple[float, float | None],
    BeforeValidator(_figure),
    PlainSerializer(lambda figure: figure[0] if figure[1] is None else list(figure)),
]


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
    members: Annotated[Texts, _check(lambda names: len(names) > 1, "two members or more")]
    combine: Combine = "mean"


class Comparison(Schema):
    """`[[compare]]`: two members or ensembles compared pair by pair, by a metric of the test part."""

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
        _check(len, "a metric with its mean, or with [mean, standard deviation]"),
        _check(_are_metrics, EXPECTED),
    ]
    dataset: Text = ""
    protocol: Text = ""


class Submission(Schema):
    """`[submission]`: unlabelled molecules that a member or an ensemble scores in a competition's format."""

    of: Text
    dataset: Text = ""
    file: Text  # path of the CSV file of molecules in the data set's card
    columns: Texts  # header of the output file: SMILES, then one column per task
    name: Annotated[str, _check(re.compile(r"[^/]*\.csv").fullmatch, "the name of a CSV file")] = "test_predictions.csv"


class Quick(Schema):
    """`[quick]`: how to reduce the recipe to a run of minutes."""

    time: Text = ""
    seeds: Seeds = Field(default=[])
    datasets: Texts = Field(default=[])
    leave_out: Texts = Field(default=[])
    share_of_epochs: Annotated[float, Field(gt=0, le=1)] = 1.0
    settings: dict[str, Any] = Field(default={})


class RecipeFile(Schema):
    """A whole recipe file."""

    title: Text
    about: Text
    time: Text = ""
    cut_down: Text = ""
    metrics: Annotated[list[Metric], _different] = Field(default=["prc_auc", "roc_auc", "ap"])
    settings: Settings = Settings()
    pretraining: list[PretrainingEntry] = Field(default=[])
    member: list[MemberEntry] = Field(min_length=1)
    ensemble: list[Ensemble] = Field(default=[])
    compare: list[Comparison] = Field(default=[])
    published: list[Published] = Field(default=[])
    submission: Submission | None = None
    quick: Quick | None = None


_TABLES: dict[str, type[Schema]] = {
    "settings": Settings,
    "pretraining": PretrainingEntry,
    "member": MemberEntry,
    "ensemble": Ensemble,
    "compare": Comparison,
    "published": Published,
    "submission": Submission,
    "quick": Quick,
}


def read_file(path: Path) -> RecipeFile:
    """Read and validate a recipe file; errors name the table in the file."""
    values = read_toml(path, "recipe")
    for place, table, content in _tables(values):
        validate(table, content, f"{path}: {place}")
    return validate(RecipeFile, values, str(path))


def _tables(values: Mapping[str, Any]) -> Iterator[tuple[str, type[Schema], dict[str, Any]]]:
    for key, table in _TABLES.items():
        content = values.get(key)
        if isinstance(content, dict):
            yield f"[{key}]", table, content
        elif isinstance(content, list):
            yield from (
                (f"[[{key}]] {number}", table, one) for number, one in enumerate(content, 1) if isinstance(one, dict)
            )
