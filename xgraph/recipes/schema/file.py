"""Schema of a recipe's TOML file, and its reading."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from xgraph.recipes.schema.entries import (
    Choice,
    Claim,
    Comparison,
    Ensemble,
    MemberEntry,
    Partitions,
    PretrainingEntry,
    Published,
    Quick,
    Settings,
    Submission,
)
from xgraph.recipes.schema.types import (
    Metric,
    Text,
    distinct,
)
from xgraph.schema import Schema, read_toml, validate


class RecipeFile(Schema):
    """A whole recipe file."""

    title: Text
    about: Text
    time: Text = ""
    cut_down: Text = ""
    metrics: Annotated[list[Metric], distinct] = Field(default=["ap", "prc_auc", "roc_auc"])
    settings: Settings = Settings()
    pretraining: list[PretrainingEntry] = Field(default=[])
    member: list[MemberEntry] = Field(min_length=1)
    ensemble: list[Ensemble] = Field(default=[])
    choice: list[Choice] = Field(default=[])
    compare: list[Comparison] = Field(default=[])
    published: list[Published] = Field(default=[])
    claim: Claim | None = None
    partitions: Partitions | None = None
    submission: Submission | None = None
    quick: Quick | None = None


_TABLES: dict[str, type[Schema]] = {
    "settings": Settings,
    "pretraining": PretrainingEntry,
    "member": MemberEntry,
    "ensemble": Ensemble,
    "choice": Choice,
    "compare": Comparison,
    "published": Published,
    "claim": Claim,
    "partitions": Partitions,
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
