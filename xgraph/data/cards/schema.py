"""The schema of a card: the TOML file that describes a data set."""

from __future__ import annotations

import tomllib
from pathlib import PurePosixPath
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from xgraph.data.published.bags import READERS as BAG_READERS
from xgraph.data.published.derive import DERIVE
from xgraph.data.published.given import Given
from xgraph.data.published.nodes import READERS as NODE_READERS
from xgraph.metric_names import NUMBER_METRICS
from xgraph.schema import Schema, validate

Metric = Literal["ap", "prc_auc", "roc_auc", "accuracy", "rmse", "mae", "r2", "pearson", "spearman"]
Task = Literal[
    "binary classification",
    "multi-task binary classification",
    "multiclass classification",
    "regression",
    "multi-task regression",
]


def _one_of(*words: str) -> AfterValidator:
    def check(value: str) -> str:
        if value not in words:
            raise ValueError(f"expected {', '.join(words[:-1])}{' or ' * (len(words) > 1)}{words[-1]}")
        return value

    return AfterValidator(check)


def _below_root(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or "\\" in value:
        raise ValueError("expected a relative path below the root")
    return value


def _digits(value: str) -> str:
    if len(value) != 64 or set(value) - set("0123456789abcdef"):
        raise ValueError("expected 64 hexadecimal digits")
    return value


Checksum = Annotated[str, AfterValidator(_digits)]


class CardFile(Schema):
    """One file of a data set: its path in root and mirror, and its public source."""

    path: Annotated[str, AfterValidator(_below_root)]
    bytes: int
    sha256: Checksum
    source_url: str  # ``#`` precedes a member of a zip archive; ``{a,b}`` at the end stands for several files
    source_sha256: Checksum | Literal[""]  # of the source (or the member); "" if only that of the derived file is known
    # The function of `xgraph.data.published.derive` that makes the file; "" if the file is the source itself.
    derive: str = Field(default="", validate_default=True)
    content_sha256: str = ""  # of derived files: of the uncompressed content

    @field_validator("derive")
    @classmethod
    def _known(cls, value: str, info: ValidationInfo) -> str:
        if value and value not in DERIVE:
            raise ValueError(f"expected a function of xgraph.data.published.derive: {', '.join(DERIVE)}")
        if not value and info.data.get("source_sha256") == "":
            raise ValueError("expected a function, because a file without one needs a source_sha256")
        return value


class Card(Schema):
    """Description of a registered data set; the fields are the keys of its TOML file.

    A file only contains the keys of its kind; other fields have their defaults.

    Args:
        name: Name for `load`.
        kind: ``"graph"`` if every item is a graph, such as a molecule; ``"node"`` if every item is a node of one graph;
            ``"bag"`` if every item is a bag of instances.
        title: One-line title.
        description: What an item and a label are, and what to know before using the data set.
        origin: Origin of the data.
        licence: Licence as stated by the source.
        citation: Publications to cite.
        task: Type of the task.
        label_meaning: What a positive label or a number means, in one sentence; empty unless the task is a single
            binary one or a single number.
        metric: Metric that selects the epoch by default: ``"ap"``, ``"prc_auc"`` (trapezoidal), ``"roc_auc"``; for
            multiclass, ``"accuracy"``; for regression ``"rmse"``, ``"mae"``, ``"r2"``, ``"pearson"`` or ``"spearman"``.
        items: Number of rows of the table, graphs, nodes (with or without labels) or bags.
        labels: Number of known labels over all tasks; 0 if not counted.
        target_columns: Names of the label columns, which are the tasks; none if the release of OGB names them.
        splits: Supported splits, with the default first.
        positives: Number of labels equal to 1 over all tasks; 0 for multiclass, regression, or if not counted.
        num_tasks: Number of tasks, if `target_columns` does not name them.
        smiles_column: Column with SMILES; empty if items are not molecules.
        edges: For nodes, the number of edges that `load` returns, counting each direction; for OGB, as stated by OGB.
        features: For nodes, the number of features per node; for bags, the number per instance.
        instances: For bags, the total number of instances; 0 if instances are computed.
        num_classes: Number of classes, for multiclass.
        class_names: Names of the classes, if they have names.
        table: Path of the file with the table, or empty.
        embedded: Name of the function in ``xgraph.data.molecules.embedded`` or ``xgraph.data.bags.digits`` that creates
            the data, or empty.
        reader: Name of the function in ``xgraph.data.published.nodes`` or ``bags`` that reads `files`; ``conformers``
            creates bags from a table of measurements, and ``measured`` reads its molecules.
        ogb: Whether the data set is fetched from the Open Graph Benchmark's server as one archive.
        archive_bytes: For OGB, the largest size of the archive that is accepted.
        archive_sha256: For OGB, the checksum of the archive; if empty, that of the first archive that was fetched is
            recorded, and later ones must have the same.
        given: Where the published split is stored.
        files: All files, with checksums and sources.
        pretrained: For molecules, what each pretrained encoder (a kind of features) may have seen of them.

    Example:
        >>> from xgraph.data import load_card
        >>> card = load_card("aicures")
        >>> card.kind, card.metric, card.splits
        ('graph', 'ap', ['given', 'scaffold', 'random'])
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
    splits: list[str] = Field(min_length=1)
    target_columns: list[str] = Field(default=[])
    positives: int = 0
    num_tasks: int = 0
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
    archive_bytes: int = Field(default=0, ge=0)
    archive_sha256: Checksum | Literal[""] = ""
    given: Given | None = None
    files: list[CardFile] = Field(default=[])
    pretrained: dict[Annotated[str, _one_of("minimol")], str] = Field(default={})

    @property
    def folds(self) -> int:
        """Number of published folds; 0 if there is a single split or none."""
        return len(self.given.folds) if self.given is not None else 0

    @property
    def tasks(self) -> int:
        """Number of tasks."""
        return self.num_tasks or len(self.target_columns)

    @property
    def is_regression(self) -> bool:
        """Whether numbers are predicted."""
        return self.task.endswith("regression")

    def file(self, path: str) -> CardFile:
        """Return the file with this path."""
        return next(file for file in self.files if file.path == path)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        sources = {"table": self.table, "embedded": self.embedded, "reader": self.reader, "ogb": self.ogb}
        keys = [key for key in type(self).model_fields if sources.get(key)]
        if len(keys) != 1:
            expected = [key for key in sources if key in type(self).model_fields]
            raise ValueError(
                f"expected exactly one of the keys {', '.join(expected)}, got {' and '.join(keys) or 'none'}"
            )
        if self.ogb != (self.archive_bytes > 0) or (self.archive_sha256 and not self.ogb):
            raise ValueError("expected key 'archive_bytes' if and only if ogb is true, and 'archive_sha256' only then")
        paths = [file.path for file in self.files]
        if self.table and self.table not in paths:
            raise ValueError(f"table = {self.table!r} is not among the files")
        return self

    @model_validator(mode="after")
    def _given_split(self) -> Self:
        comes_with_data = self.ogb or (self.kind == "bag" and bool(self.embedded))
        if ("given" in self.splits) != (self.given is not None or comes_with_data):
            raise ValueError("key 'given' must be present if and only if splits contains 'given'")
        if self.given is not None and not self.ogb:
            lost = sorted(set(self.given.paths()) - {file.path for file in self.files})
            if lost:
                raise ValueError(f"key 'given' refers to {', '.join(lost)}, which are not among the files")
        return self

    @model_validator(mode="after")
    def _classes(self) -> Self:
        several = self.task == "multiclass classification"
        if several != (self.metric == "accuracy"):
            raise ValueError(f"metric = {self.metric!r}: expected 'accuracy' if and only if the task is multiclass")
        if several != (self.num_classes > 0):
            raise ValueError(
                f"num_classes = {self.num_classes}: expected a number if and only if the task is multiclass"
            )
        if len(self.class_names) not in (0, self.num_classes):
            raise ValueError(
                f"class_names must have {self.num_classes} names, one per class, got {len(self.class_names)}"
            )
        numbers = self.is_regression
        if numbers != (self.metric in NUMBER_METRICS):
            raise ValueError(
                f"metric = {self.metric!r}: expected {', '.join(NUMBER_METRICS)} if and only if the task is regression"
            )
        if numbers and self.positives:
            raise ValueError("positives: a number is not positive or negative; remove the key")
        if not (several or numbers or self.ogb or self.positives > 0):
            raise ValueError("key 'positives' is missing")
        if bool(self.num_tasks) == bool(self.target_columns) or (self.num_tasks and not self.ogb):
            raise ValueError("expected key 'target_columns'; without names, 'num_tasks' of a release of OGB")
        if (self.tasks > 1) != self.task.startswith("multi-task") and not several:
            raise ValueError(f"task = {self.task!r}: it has {self.tasks} target columns")
        return self


# A class variable instead of a field means that cards of this kind must not contain the key.
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
    pretrained: ClassVar[dict[str, str]] = {}  # type: ignore[misc]


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
    archive_bytes: ClassVar[int] = 0  # type: ignore[misc]
    archive_sha256: ClassVar[str] = ""  # type: ignore[misc]
    num_classes: ClassVar[int] = 0  # type: ignore[misc]
    class_names: ClassVar[list[str]] = []  # type: ignore[misc]
    pretrained: ClassVar[dict[str, str]] = {}  # type: ignore[misc]


KINDS: dict[str, type[Card]] = {"graph": GraphCard, "node": NodeCard, "bag": BagCard}


def parse_card(text: str, where: str) -> Card:
    """Read a card; messages name the file `where`, the key, its value and what was expected."""
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also of numbers with thousands of digits
        raise ValueError(f"{where} is not valid TOML: {error}") from error
    return validate(KINDS.get(str(values.get("kind")), Card), values, where, ValueError)
