"""Messages of declared schemas."""

from typing import Annotated, Literal

import pytest
from pydantic import Field, field_validator

from xgraph.options import OptionError
from xgraph.schema import Schema, validate


class File(Schema):
    path: str = Field(min_length=1)
    size: int = Field(default=0, ge=0, le=10)
    digest: str = ""

    @field_validator("digest")
    @classmethod
    def _digest(cls, value: str) -> str:
        if set(value) - set("0123456789abcdef"):
            raise ValueError("expected hexadecimal digits")
        return value


class Molecules(Schema):
    kind: Literal["graph"]
    smiles: str = "smiles"


class Bags(Schema):
    kind: Literal["bag"]
    column: str


class Card(Schema):
    name: str
    share: float = Field(default=1.0, gt=0)
    flag: bool = False
    metric: Literal["ap", "roc_auc"] = "ap"
    files: list[File] = Field(default=[], min_length=0)
    data: Annotated[Molecules | Bags, Field(discriminator="kind")] | None = None


def test_valid_values_are_accepted() -> None:
    card = validate(Card, {"name": "x", "share": 1, "files": [{"path": "a"}], "data": {"kind": "bag", "column": "c"}})
    assert (card.share, card.files[0].path, card.data) == (1.0, "a", Bags(kind="bag", column="c"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"nam": "y"},
            "unknown key 'nam' (did you mean 'name'?); valid keys are name, share, flag, metric, files, data",
        ),
        ({"name": 3}, "name = 3: expected a string"),
        ({"share": 0}, "share = 0: expected a number above 0"),
        ({"share": "1"}, "share = '1': expected a number"),
        ({"flag": 1}, "flag = 1: expected true or false"),
        ({"metric": "auc"}, "metric = 'auc': expected ap or roc_auc"),
        ({"files": {}}, "files = {}: expected a list"),
        ({"files": [3]}, "files[0] = 3: expected a table"),
        ({"files": [{"path": "a"}, {"path": ""}]}, "files[1].path = '': expected a non-empty string"),
        ({"files": [{"path": "a", "size": 11}]}, "files[0].size = 11: expected 10 or less"),
        ({"files": [{"path": "a", "size": True}]}, "files[0].size = True: expected an integer"),
        ({"files": [{"path": "a", "digest": "xy"}]}, "files[0].digest = 'xy': expected hexadecimal digits"),
        (
            {"files": [{"pth": "a"}]},
            "unknown key 'files[0].pth' (did you mean 'path'?); valid keys are path, size, digest",
        ),
        ({"files": [{}]}, "key 'files[0].path' is missing"),
        ({"data": {"kind": "bag"}}, "key 'data.column' is missing"),
        ({"data": {"kind": "bag", "column": 1}}, "data.column = 1: expected a string"),
        (
            {"data": {"kind": "bag", "column": "c", "smiles": "s"}},
            "unknown key 'data.smiles'; valid keys are kind, column",
        ),
        ({"data": {"kind": "nodes"}}, "data.kind = 'nodes': expected graph or bag"),
    ],
)
def test_invalid_values_are_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        validate(Card, {"name": "x", **change}, "my.toml")
    assert str(caught.value) == f"my.toml: {message}"
    with pytest.raises(ValueError, match="name"):
        validate(Card, {}, error=ValueError)
