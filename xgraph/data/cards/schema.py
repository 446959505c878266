"""What a card says: the fields of the TOML file that describes a data set, and their check."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, dataclass, field, fields
from pathlib import PurePosixPath
from typing import Any, Literal, get_args

from xgraph.data.published.bags import READERS as BAG_READERS
from xgraph.data.published.derive import DERIVE
from xgraph.data.published.given import Format, Given
from xgraph.data.published.nodes import READERS

Metric = Literal["ap", "prc_auc", "roc_auc", "accuracy"]
SPLITS = {
    "graph": ("given", "scaffold", "random"),
    "node": ("given", "stratified", "random"),
    "bag": ("given", "scaffold", "stratified", "random"),
}
_READERS = {"graph": ("measured",), "node": tuple(READERS), "bag": (*BAG_READERS, "conformers")}
TASKS = ("binary classification", "multi-task binary classification", "multiclass classification")


@dataclass(frozen=True)
class CardFile:
    """One file of a data set: its place in root and mirror, and the public original it comes from."""

    path: str
    bytes: int
    sha256: str
    source_url: str
    source_sha256: str
    derive: str = ""
    content_sha256: str = ""


@dataclass(frozen=True)
class Card:
    """What is known about a data set; the fields are the keys of its TOML file.

    Args:
        name: the name `load` takes.
        kind: ``"graph"``: every item is a graph, mostly a molecule; ``"node"``: every item is a node of one graph;
            ``"bag"``: every item is a bag of instances.
        title: one line.
        description: what an item and a label are, and what to know before using it.
        origin: where the table comes from.
        licence: as its source states it.
        citation: what to cite.
        task: kind of task.
        metric: ``"ap"``, ``"prc_auc"`` (trapezoids), ``"roc_auc"`` or, of several classes, ``"accuracy"``: the metric
            of the published protocol.
        items: rows of the table; graphs; nodes of which there are labels for some; bags.
        labels: labels that are present, over all tasks; 0 if nobody has counted them.
        target_columns: columns that hold the labels; names of the tasks.
        splits: ways to split it, the default first.
        positives: labels that are 1, over all tasks; 0 for several classes, or if nobody has counted them.
        smiles_column: column that holds the molecules; empty if the items are none.
        edges: of a node data set, the edges as `load` gives them, each direction counted; of OGB, as it states them.
        features: of a node data set, numbers a node has; of bags, numbers an instance has.
        instances: of bags, their instances together; 0 if they are made here.
        num_classes: classes, of a task of several classes.
        class_names: their names, if they have any.
        table: path of the file with the table; empty if there is none.
        embedded: name of the function in ``xgraph.data.molecules.embedded`` that makes the table, or in
            ``xgraph.data.bags.digits`` that makes the bags; empty if in a file.
        reader: name of the function in ``xgraph.data.published.nodes`` or ``bags`` that reads `files`; ``conformers``
            makes bags of a table of measurements, and ``measured`` takes its molecules as they are.
        ogb: whether it is a data set of the Open Graph Benchmark that is fetched from its server as one archive,
            and has no files here.
        given: where a given split is written down.
        files: every file, with checksum and source.
    """

    name: str
    kind: str
    title: str
    description: str
    origin: str
    licence: str
    citation: str
    task: str
    metric: Metric
    items: int
    labels: int
    target_columns: list[str]
    splits: list[str]
    positives: int = 0
    smiles_column: str = ""
    edges: int = 0
    features: int = 0
    instances: int = 0
    num_classes: int = 0
    class_names: list[str] = field(default_factory=list)
    table: str = ""
    embedded: str = ""
    reader: str = ""
    ogb: bool = False
    given: Given | None = None
    files: list[CardFile] = field(default_factory=list)

    @property
    def folds(self) -> int:
        """Number of given folds; 0 where there is one split, or none."""
        return len(self.given.folds) if self.given is not None else 0

    def file(self, path: str) -> CardFile:
        """The file of that path."""
        return next(file for file in self.files if file.path == path)


def parse_card(text: str, where: str) -> Card:
    """Read a card."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{where} is no valid TOML: {error}") from error
    files = raw.get("files", [])
    if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
        raise ValueError(f"{where}: key 'files' must be an array of tables, [[files]]")
    raw["files"] = [_build(CardFile, file, f"{where}: files[{i}]") for i, file in enumerate(files)]
    if "given" in raw:
        if not isinstance(raw["given"], dict):
            raise ValueError(f"{where}: key 'given' must be a table, [given]")
        raw["given"] = _build(Given, raw["given"], f"{where}: given")
    card: Card = _build(Card, raw, where)
    _check(card, where)
    return card


def _build(cls: Any, raw: dict[str, Any], where: str) -> Any:
    kinds = {"str": str, "int": int, "bool": bool, "list[str]": list, "Format": str, "Metric": str}
    known = {f.name: f for f in fields(cls)}
    for key, value in raw.items():
        if key not in known:
            raise ValueError(f"{where}: unknown key {key!r}; the keys are {', '.join(known)}")
        kind = kinds.get(str(known[key].type))
        if kind is not None and (not isinstance(value, kind) or isinstance(value, bool) != (kind is bool)):
            raise ValueError(f"{where}: key {key!r} must be {known[key].type}, got {value!r}")
    for key, f in known.items():
        if key not in raw and f.default is MISSING and f.default_factory is MISSING:
            raise ValueError(f"{where}: key {key!r} is missing")
    return cls(**raw)


def _check(card: Card, where: str) -> None:
    def demand(ok: bool, key: str, text: str) -> None:
        if not ok:
            raise ValueError(f"{where}: key {key!r} {text}")

    paths = [file.path for file in card.files]
    demand(card.kind in SPLITS, "kind", f"must be one of {', '.join(SPLITS)}, got {card.kind!r}")
    metrics, splits = get_args(Metric), SPLITS[card.kind]
    demand(card.metric in metrics, "metric", f"must be one of {metrics}, got {card.metric!r}")
    demand(bool(card.splits), "splits", "must not be empty")
    demand(set(card.splits) <= set(splits), "splits", f"may hold {splits}, got {card.splits}")
    given = card.given is not None or card.ogb or (card.kind == "bag" and bool(card.embedded))
    demand(("given" in card.splits) == given, "given", "and splits disagree")
    sources = [bool(source) for source in (card.table, card.embedded, card.reader, card.ogb)]
    demand(sum(sources) == 1, "table", "or 'embedded', 'reader' or 'ogb' must be there, and only one of them")
    demand(not card.table or card.table in paths, "table", f"is not among the files: {card.table!r}")
    readers = _READERS[card.kind]
    demand(not card.reader or card.reader in readers, "reader", f"must be one of {', '.join(readers)}")
    demand(card.task in TASKS, "task", f"must be one of {TASKS}, got {card.task!r}")
    several = card.task == "multiclass classification"
    demand(several == (card.metric == "accuracy"), "metric", "must be 'accuracy' for several classes, and only then")
    demand(several == (card.num_classes > 0), "num_classes", "must be there for several classes, and only then")
    named = len(card.class_names)
    demand(named in (0, card.num_classes), "class_names", f"has {named} names for {card.num_classes} classes")
    if card.kind == "graph":
        demand(card.ogb or bool(card.smiles_column), "smiles_column", "is missing")
    if not card.ogb:
        demand(several or card.positives > 0, "positives", "is missing")
    if card.given is not None:
        formats = get_args(Format)
        demand(card.given.format in formats, "given.format", f"must be one of {formats}")
        lost = sorted(set(card.given.paths()) - set(paths)) if not card.ogb else []
        demand(not lost, "given", f"names {lost}, which are not among the files")
    for i, file in enumerate(card.files):
        path = PurePosixPath(file.path)
        inside = not path.is_absolute() and ".." not in path.parts and "\\" not in file.path
        demand(inside, f"files[{i}].path", f"must stay below the root, got {file.path!r}")
        demand(not file.derive or file.derive in DERIVE, f"files[{i}].derive", f"is unknown: {file.derive!r}")
        demand(bool(file.source_sha256 or file.derive), f"files[{i}].source_sha256", "must be there for an original")
        for key in ("sha256", "source_sha256"):
            value = getattr(file, key)
            if key == "source_sha256" and not value:
                continue
            good = len(value) == 64 and set(value) <= set("0123456789abcdef")
            demand(good, f"files[{i}].{key}", f"must be 64 hexadecimal digits, got {value!r}")
