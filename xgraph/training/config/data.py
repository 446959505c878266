"""The data section of a run's settings, with one schema per kind of data set."""

from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from xgraph.data.tables.dialect import check_encoding, check_separator
from xgraph.schema import Schema
from xgraph.storage import Storage

# Keep in step with `xgraph.data.molecules.features.kinds`, which is not imported here because it imports RDKit.
Features = Literal["rdkit", "morgan", "maccs", "torsion", "minimol"]
Count = Annotated[int, Field(ge=1, le=10**9)]
Kind = Literal["graph", "node", "bag"]

DRAWN_BY_SEED = ("random", "scaffold-balanced", "cluster")
"""The ways to split that depend on the seed of the run."""


def _known(check: Callable[[str | None], str | None]) -> Callable[[str | None], str | None]:
    """A validator that keeps the value as it was given."""

    def checked(value: str | None) -> str | None:
        check(value)
        return value

    return checked


class Data(Schema):
    """What all kinds of items have.

    Args:
        dataset: Name of a data set (``xgraph data list``), or a table with SMILES and 0/1 labels: CSV, TSV, SMI, SDF,
            Parquet or Excel. With ``bag_column``, a table of bags, one row per instance. A folder with ``nodes.csv``
            and ``edges.csv``, or a graph in an npz, GraphML or .pt file.
        split: How to split the data; the choice depends on them. A table of molecules of your own is split 80/10/10 by
            scaffold (largest first, the same for every seed), scaffold-balanced (whole scaffolds in random order, with
            a share of the actives in each part), cluster (the same with clusters of similar molecules) or random (with
            a share of the actives in each part); one of bags, and the nodes of a graph, 60/20/20 by stratified or
            random.
        fold: Fold to test on, counted from 0. A range such as ``0-9``, a list such as ``0,3``, or ``all`` trains one
            run per fold. In folds of your own (``split_column``, ``folds``), this fold is the test
            set, the next one the validation set, and the others are trained on.
        kind: What a file of your own holds: molecules (graph), the nodes of a graph (node) or bags (bag); recognised by
            default.
        task: What the labels of a file of your own are: 0 or 1 for each task (binary), numbers (regression), or classes
            that exclude each other (multiclass); recognised by default.
        split_column: Column of your table that says each row's part. It holds the words train, valid (validation, val,
            dev) and test in any case, or fold numbers. Rows with a blank cell are in no part.
        split_file: File with the row numbers of each part of your table, counted from 0 without the header: npz with
            the arrays train, valid and test, or CSV with such columns.
        valid: Table with the same columns to validate on.
        test: Table with the same columns to test on.
        valid_fraction: Share of the training rows to validate on, drawn at random from each class, if parts of your own
            (``split_column``, ``split_file``, ``test``) have none to validate on.
        folds: Number of folds to draw, at least 3, by the way of ``split`` and the same for every seed; without
            ``fold``, all are trained. Molecules of a data set by name have it too, with ``split`` scaffold or random.
        stratified: Give folds of whole scaffolds or clusters about the same share of the actives; random folds and
            folds of bags always have it.
        partition: Which of the random partitions into ``folds`` to draw, from 0 (the default). Folds do not depend on
            the seed.
        separator: What separates the cells of a text file: a character, or comma, tab, semicolon or space; recognised
            by default.
        encoding: Encoding of a text file, such as cp1252; by default UTF-8, or UTF-16 with a byte-order mark.
    """

    recipe: ClassVar[Mapping[str, object]] = {"kind": None}

    dataset: str = "nci-pains"
    split: Literal["scaffold", "scaffold-balanced", "cluster", "stratified", "random", "given"] | None = None
    fold: int | list[int] | Literal["all"] | None = None
    kind: Kind
    task: Literal["binary", "regression", "multiclass"] | None = None
    split_column: str | None = None
    split_file: str | None = None
    valid: str | None = None
    test: str | None = None
    valid_fraction: Annotated[float, Field(gt=0, lt=1)] | None = None
    folds: Annotated[int, Field(ge=3, le=1000)] | None = None
    stratified: bool = False
    partition: int | None = None
    separator: Annotated[str | None, AfterValidator(_known(check_separator))] = None
    encoding: Annotated[str | None, AfterValidator(_known(check_encoding))] = None

    @model_validator(mode="after")
    def _one_definition_of_parts(self) -> "Data":
        if any(
            (self.split_column, self.split_file, self.valid, self.test, self.folds, self.stratified, self.partition)
        ):
            from xgraph.data.splits.own import OwnSplit

            names = ("split", "split_column", "split_file", "valid", "test", "valid_fraction")
            OwnSplit(**{name: getattr(self, name) for name in (*names, "folds", "stratified", "partition")})
        return self

    @field_validator("fold", mode="before")
    @classmethod
    def _different_folds(cls, fold: object) -> object:
        if isinstance(fold, list) and (len(set(fold)) < len(fold) or not all(isinstance(one, int) for one in fold)):
            raise ValueError("expected distinct fold numbers, or all")
        return fold


class _Labelled(Data):
    """Data sets with labels in the columns of a table.

    Args:
        smiles_column: Column with SMILES; detected by default. For bags, give it if the instances are molecules.
        target_columns: Columns with labels; detected by default. For a data set by name, the tasks to train on.
        missing: Cells of label columns that mean a missing label, such as -1, beside empty cells, NA and the like. With
            ``none`` there are no further ones, so that -1 beside 0 and 1 means inactive.
        positive: Cell that means active, such as Active; all other cells of that column mean inactive. By default 1,
            active, yes, positive and true mean active, and 0, inactive, no, negative and false inactive.
        active_above: Numbers above this threshold mean active, others inactive.
        active_below: Numbers below this threshold mean active, others inactive. With both thresholds, numbers between
            them mean active.
        weight_column: Column with the weight of each row in the loss, a number of 0 or more. Metrics have no weights.
        standardize: Keep the largest fragment of each molecule and neutralise its charges.
        separator: What separates the cells of a text file: a character, or comma, tab, semicolon or space; recognised
            by default.
        encoding: Encoding of a text file, such as cp1252; by default UTF-8, or UTF-16 with a byte-order mark.
        atom_order: Order in which the atoms of a molecule are read. With ``canonical``, the default for files of your
            own, a molecule gets the same score however its SMILES is written; as ``drawn``, the default for data sets
            by name, the chirality tags of OGB's features depend on the order of atoms.
    """

    smiles_column: str | None = None
    target_columns: list[str] | None = None
    missing: list[str] = []  # noqa: RUF012 - pydantic copies it
    positive: str | None = None
    active_above: Annotated[float, Field(allow_inf_nan=False)] | None = None
    active_below: Annotated[float, Field(allow_inf_nan=False)] | None = None
    weight_column: str | None = None
    standardize: bool = False
    separator: Annotated[str | None, AfterValidator(_known(check_separator))] = None
    encoding: Annotated[str | None, AfterValidator(_known(check_encoding))] = None
    atom_order: Literal["canonical", "drawn"] = "drawn"


class MoleculeData(_Labelled):
    """Molecules.

    Args:
        fair_column: Column with the group of each item, such as sex, a laboratory or a series. The error rates of the
            groups are compared in the results, and made equal in training: see ``fair_tolerance`` and ``fair_rho``. It
            is neither a label nor a feature.
        duplicates: What to do with rows of a table that are the same molecule, beside a warning: ``keep`` all; ``mean``
            makes them one row with the label of most of them (missing if as many say 0 as 1); ``first`` keeps the first
            row; ``drop`` leaves out molecules whose rows have opposite labels; ``error`` stops.
        features: What the model gets in addition to the graph: RDKit descriptors, Morgan fingerprints, MACCS keys,
            topological torsions, or the numbers of a pretrained encoder (``minimol``, which needs
            ``pip install 'xgraph-pyg[pretrained]'``). Nothing by default, but ``rdkit,morgan,maccs`` for models of
            features alone, and ``morgan`` for the kernel ``tanimoto``.
    """

    kind: Kind = "graph"
    fair_column: str | None = None
    duplicates: Literal["keep", "mean", "first", "drop", "error"] = "keep"
    features: list[Features] | None = None

    @field_validator("features")
    @classmethod
    def _different_features(cls, features: list[Features] | None) -> list[Features] | None:
        if features and len(set(features)) < len(features):
            raise ValueError("expected distinct kinds of features")
        return features


class NodeData(Data):
    """Nodes of a graph.

    Args:
        fair_column: Column with the group of each item, such as sex, a laboratory or a series. The error rates of the
            groups are compared in the results, and made equal in training: see ``fair_tolerance`` and ``fair_rho``. It
            is neither a label nor a feature.
        num_neighbors: Neighbours to sample per node in training; -1 takes all. One number for each layer, from the last
            layer to the first, or one number for all; by default 15, 10, and 5 for further layers. With ``exact_input``
            the number for the first layer is not used. Validation and test always use all neighbours.
        storage: Where the graph is stored while neighbours are sampled: on the device, in page-locked host memory that
            the GPU reads (pinned), in host memory where the CPU samples (host), or in files for graphs larger than
            memory (mmap).
        target_columns: For a graph of your own, the columns with the nodes' labels; by default label, y, target or
            class.
        feature_columns: Columns with the features of nodes or instances; all remaining columns of numbers by default.
        directed: For a graph of your own: whether to take the directions of edges as they are listed (true), or both
            directions of each (false). By default as the format says, and both for tables.
        edges: Table of edges, if the data set is a table of nodes rather than a folder with both.
    """

    kind: Kind = "node"
    fair_column: str | None = None
    num_neighbors: list[Annotated[int, Field(ge=-1, le=10**9)]] | None = None
    storage: Storage = "device"
    target_columns: list[str] | None = None
    feature_columns: list[str] | None = None
    directed: bool | None = None
    edges: str | None = None


class BagData(_Labelled):
    """Bags of instances.

    Args:
        bag_column: Column that names the bag of each row; with it the file holds bags. For a folder of bags, the
            column of its table of labels.
        labels: For a folder with a file per bag, the table of labels; by default labels.csv in it.
        case_column: For a folder of bags, the column of its table of labels that says which bags belong together, such
            as the slides of a patient; recognised by default. They stay in the same part of a split.
        feature_columns: Columns with the instances' features; all remaining columns by default.
        instances: Instances to sample from each bag in training, without replacement; all by default. With sampling,
            the model keeps a state per bag. Validation and test always use all instances.
    """

    kind: Kind = "bag"
    bag_column: str | None = None
    labels: str | None = None
    case_column: str | None = None
    feature_columns: list[str] | None = None
    instances: Count | None = None

    @model_validator(mode="after")
    def _columns_fit(self) -> "BagData":
        if self.smiles_column is not None and self.feature_columns:
            raise ValueError(
                f"feature_columns = {','.join(self.feature_columns)}: with smiles_column the instances are molecules, "
                "which take no feature columns; give one or the other"
            )
        if self.standardize and self.smiles_column is None:
            raise ValueError(
                "standardize = True: this setting is for molecules; give smiles_column if the instances are molecules"
            )
        return self
