"""What a card says: the fields of the TOML file that describes a data set, and their check."""

from __future__ import annotations

import tomllib
from pathlib import PurePosixPath
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from xgraph.data.published.bags import READERS as BAG_READERS
from xgraph.data.published.derive import DERIVE
from xgraph.data.published.given import Given
from xgraph.data.published.nodes import READERS as NODE_READERS
from xgraph.schema import Schema, validate

Metric = Literal["ap", "prc_auc", "roc_auc", "accuracy"]
Task = Literal["binary classification", "multi-task binary classification", "multiclass classification"]


def _one_of(*words: str) -> AfterValidator:
    def check(value: str) -> str:
        if value not in words:
            raise ValueError(f"expected {', '.join(words[:-1])}{' or ' * (len(words) > 1)}{words[-1]}")
        return value

    return AfterValidator(check)


def _below_root(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or "\\" in value:
        raise ValueError("expected a path that stays below the root")
    return value


def _digits(value: str) -> str:
    if len(value) != 64 or set(value) - set("0123456789abcdef"):
        raise ValueError("expected 64 hexadecimal digits")
    return value


Checksum = Annotated[str, AfterValidator(_digits)]


class CardFile(Schema):
    """One file of a data set: its place in root and mirror, and the public original it comes from."""

    path: Annotated[str, AfterValidator(_below_root)]
    bytes: int
    sha256: Checksum
    source_url: str  # ``#`` precedes a member of a zip archive; ``{a,b}`` at the end stands for several originals
    source_sha256: Checksum | Literal[""]  # of the original (the member); "" if only that of the derived file is known
    # The function of `xgraph.data.published.derive` that makes the file; "" if it is the original.
    derive: str = Field(default="", validate_default=True)
    content_sha256: str = ""  # of derived files: of what is inside the compression

    @field_validator("derive")
    @classmethod
    def _known(cls, value: str, info: ValidationInfo) -> str:
        if value and value not in DERIVE:
            raise ValueError(f"expected a function of xgraph.data.published.derive: {', '.join(DERIVE)}")
        if not value and info.data.get("source_sha256") == "":
            raise ValueError("expected a function, since an original needs a source_sha256")
        return value


class Card(Schema):
    """What is known about a data set; the fields are the keys of its TOML file.

    A file holds the keys of its kind alone; the others have their defaults.

    Args:
        name: The name `load` takes.
        kind: ``"graph"``: every item is a graph, mostly a molecule; ``"node"``: every item is a node of one graph;
            ``"bag"``: every item is a bag of instances.
        title: One line.
        description: What an item and a label are, and what to know before using it.
        origin: Where the table comes from.
        licence: As its source states it.
        citation: What to cite.
        task: Kind of task.
        label_meaning: What a positive label means, in one sentence; empty if the task is not a single binary one.
        metric: Metric of the published protocol: ``"ap"``, ``"prc_auc"`` (trapezoids), ``"roc_auc"`` or, of several
            classes, ``"accuracy"``.
        items: Rows of the table; graphs; nodes of which some have labels; bags.
        labels: Labels that are present, over all tasks; 0 if nobody has counted them.
        target_columns: Columns that hold the labels; names of the tasks.
        splits: Ways to split it, the default first.
        positives: Labels that are 1, over all tasks; 0 for several classes, or if nobody has counted them.
        smiles_column: Column that holds the molecules; empty if the items are none.
        edges: Of a node data set, the edges as `load` returns them, each direction counted; of OGB, as it states them.
        features: Of a node data set, the features per node; of bags, the features per instance.
        instances: Of bags, their instances together; 0 if they are computed.
        num_classes: Classes, of a task of several classes.
        class_names: Their names, if they have any.
        table: Path of the file with the table; empty if there is none.
        embedded: Name of the function in ``xgraph.data.molecules.embedded`` that makes the table, or in
            ``xgraph.data.bags.digits`` that makes the bags; empty if in a file.
        reader: Name of the function in ``xgraph.data.published.nodes`` or ``bags`` that reads `files`; ``conformers``
            makes bags of a table of measurements, and ``measured`` takes its molecules as they are.
        ogb: Whether it is a data set of the Open Graph Benchmark that is fetched from its server as one archive,
            and has no files here.
        given: Where a given split is written down.
        files: Every file, with checksum and source.

    Example:
        >>> from xgraph.data import load_card
        >>> card = load_card("aicures")
        >>> card.kind, card.metric, card.splits
        ('graph', 'prc_auc', ['given', 'scaffold', 'random'])
    """

    name: str
    kind: Literal["graph", "node", "bag"]
    title: str
    description: str
    origin: str
    licence: str
    citation: str
    task: Task
    metric: Metric
    items: int
    labels: int
    target_columns: list[str]
    splits: list[str] = Field(min_length=1)
    positives: int = 0
    label_meaning: str = ""
    smiles_column: str = ""
    edges: int = 0
    features: int = 0
    instances: int = 0
    num_classes: int = 0
    class_names: list[str] = Field(default=[])
    table: str = ""
    embedded: str = ""
    reader: str = ""
    ogb: bool = False
    given: Given | None = None
    files: list[CardFile] = Field(default=[])

    @property
    def folds(self) -> int:
        """Number of given folds; 0 where there is one split, or none."""
        return len(self.given.folds) if self.given is not None else 0

    def file(self, path: str) -> CardFile:
        """The file of that path."""
        return next(file for file in self.files if file.path == path)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        sources = {"table": self.table, "embedded": self.embedded, "reader": self.reader, "ogb": self.ogb}
        keys = [key for key in type(self).model_fields if sources.get(key)]
        if len(keys) != 1:
            expected = [key for key in sources if key in type(self).model_fields]
            raise ValueError(f"expected one of the keys {', '.join(expected)}, got {' and '.join(keys) or 'none'}")
        paths = [file.path for file in self.files]
        if self.table and self.table not in paths:
            raise ValueError(f"table = {self.table!r} is not among the files")
        return self

    @model_validator(mode="after")
    def _given_split(self) -> Self:
        comes_with_data = self.ogb or (self.kind == "bag" and bool(self.embedded))
        if ("given" in self.splits) != (self.given is not None or comes_with_data):
            raise ValueError("key 'given' and splits disagree")
        if self.given is not None and not self.ogb:
            lost = sorted(set(self.given.paths()) - {file.path for file in self.files})
            if lost:
                raise ValueError(f"key 'given' names {lost}, which are not among the files")
        return self

    @model_validator(mode="after")
    def _classes(self) -> Self:
        several = self.task == "multiclass classification"
        if several != (self.metric == "accuracy"):
            raise ValueError(f"metric = {self.metric!r}: expected 'accuracy' for several classes, and only then")
        if several != (self.num_classes > 0):
            raise ValueError(f"num_classes = {self.num_classes}: expected a number for several classes, and only then")
        if len(self.class_names) not in (0, self.num_classes):
            raise ValueError(f"class_names has {len(self.class_names)} names for {self.num_classes} classes")
        if not (several or self.ogb or self.positives > 0):
            raise ValueError("key 'positives' is missing")
        return self


# A class variable in place of a field: cards of this kind may not hold the key.
class GraphCard(Card):
    """A card of graphs: molecules of a table, or graphs of OGB."""

    kind: Literal["graph"]
    splits: list[Annotated[str, _one_of("given", "scaffold", "random")]] = Field(min_length=1)
    reader: Annotated[str, _one_of("measured")] = ""
    edges: ClassVar[int] = 0  # type: ignore[misc]
    features: ClassVar[int] = 0  # type: ignore[misc]
    instances: ClassVar[int] = 0  # type: ignore[misc]

    @model_validator(mode="after")
    def _molecules(self) -> Self:
        if not (self.ogb or self.smiles_column):
            raise ValueError("key 'smiles_column' is missing")
        return self


class NodeCard(Card):
    """A card of the nodes of one graph."""

    kind: Literal["node"]
    splits: list[Annotated[str, _one_of("given", "stratified", "random")]] = Field(min_length=1)
    reader: Annotated[str, _one_of(*NODE_READERS)] = ""
    edges: int = Field(gt=0)
    features: int = Field(gt=0)
    instances: ClassVar[int] = 0  # type: ignore[misc]
    smiles_column: ClassVar[str] = ""  # type: ignore[misc]
    table: ClassVar[str] = ""  # type: ignore[misc]
    embedded: ClassVar[str] = ""  # type: ignore[misc]


class BagCard(Card):
    """A card of bags of instances."""

    kind: Literal["bag"]
    splits: list[Annotated[str, _one_of("given", "scaffold", "stratified", "random")]] = Field(min_length=1)
    reader: Annotated[str, _one_of(*BAG_READERS, "conformers")] = ""
    features: int = Field(gt=0)
    edges: ClassVar[int] = 0  # type: ignore[misc]
    smiles_column: ClassVar[str] = ""  # type: ignore[misc]
    table: ClassVar[str] = ""  # type: ignore[misc]
    ogb: ClassVar[bool] = False  # type: ignore[misc]
    num_classes: ClassVar[int] = 0  # type: ignore[misc]
    class_names: ClassVar[list[str]] = []  # type: ignore[misc]


KINDS: dict[str, type[Card]] = {"graph": GraphCard, "node": NodeCard, "bag": BagCard}


def parse_card(text: str, where: str) -> Card:
    """Read a card; messages name the file `where`, the key, its value and what was expected."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{where} is no valid TOML: {error}") from error
    return validate(KINDS.get(str(values.get("kind")), Card), values, where, ValueError)
