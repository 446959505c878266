"""The data section of a run's settings, with one schema per kind of data set."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from xgraph.schema import Schema
from xgraph.storage import Storage

# The names are those of `xgraph.data.molecules.descriptor_kinds`, which takes RDKit to import.
Features = Literal["rdkit", "morgan", "maccs", "torsion"]
Count = Annotated[int, Field(ge=1, le=10**9)]


class Data(Schema):
    """What all kinds of items have.

    Args:
        dataset: Name of a data set (`xgraph data list`), or a CSV file with SMILES and 0/1 labels; with bag_column, a
            CSV file of bags, one row per instance.
        split: How a data set is divided, where it offers more than one way.
        fold: Fold of a data set that has several, counted from 0; `all`, or some such as `0-9` or `0,3`, train a run
            for each.
    """

    dataset: str = "nci-pains"
    split: Literal["scaffold", "stratified", "random", "given"] | None = None
    fold: int | list[int] | Literal["all"] | None = None

    @field_validator("fold", mode="before")
    @classmethod
    def _different_folds(cls, fold: object) -> object:
        if isinstance(fold, list) and (len(set(fold)) < len(fold) or not all(isinstance(one, int) for one in fold)):
            raise ValueError("expected different numbers, or all")
        return fold


class _Labelled(Data):
    """Items of tables, which say in columns what they are.

    Args:
        smiles_column: Column of a CSV file that holds SMILES; found by itself if not given. In one of bags it must be
            given if the instances are molecules.
        target_columns: Columns of a CSV file that hold labels; found by themselves if not given. Of a data set by name,
            a choice among its tasks.
        standardize: Keep the largest fragment of each molecule and neutralise its charges.
    """

    smiles_column: str | None = None
    target_columns: list[str] | None = None
    standardize: bool = False


class MoleculeData(_Labelled):
    """Molecules.

    Args:
        features: Numbers that the model gets of each molecule beside its graph: RDKit's descriptors, Morgan
            fingerprints, MACCS keys, topological torsions. By default none; of a model that is fitted in a single step
            rdkit,morgan,maccs, and of svm with kernel tanimoto morgan.
    """

    kind: Literal["graph"] = "graph"
    features: list[Features] | None = None

    @field_validator("features")
    @classmethod
    def _different_features(cls, features: list[Features] | None) -> list[Features] | None:
        if features and len(set(features)) < len(features):
            raise ValueError("expected different kinds")
        return features


class NodeData(Data):
    """Nodes of a graph.

    Args:
        num_neighbors: Neighbours that are sampled of a node in training, from the last layer to the first, or one
            number for all; -1 takes all neighbours. By default 15, 10, and 5 in further layers. The last number goes
            unused where the first layer has exact_input. Validation and test always take all.
        storage: Where the graph of nodes lies while neighbours are sampled: on the device; page-locked in host memory,
            from where the GPU reads; in host memory, where the CPU samples; or in files, for graphs larger than that.
    """

    kind: Literal["node"] = "node"
    num_neighbors: list[Annotated[int, Field(ge=-1, le=10**9)]] | None = None
    storage: Storage = "device"


class BagData(_Labelled):
    """Bags of instances.

    Args:
        bag_column: Column of a CSV file that names the bag of each row.
        feature_columns: Columns of a CSV file of bags that hold features; all others if not given.
        instances: Instances that are drawn of a bag each time it is trained on, without replacement; all if not given.
            Where they are drawn, the model keeps a state per bag. Validation and test always take all.
    """

    kind: Literal["bag"] = "bag"
    bag_column: str | None = None
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
