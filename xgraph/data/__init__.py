"""Data sets: molecules as graphs, nodes, bags; their labels and splits, and where they come from.

Everything is imported when first used, so that ``import xgraph.data`` is light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xgraph.data.augment import Augmentation as Augmentation
    from xgraph.data.bag_statistics import instance_statistics as instance_statistics
    from xgraph.data.bag_table import read_bags as read_bags
    from xgraph.data.bags import BagDataset as BagDataset
    from xgraph.data.cards import list_cards as list_cards
    from xgraph.data.cards import load_card as load_card
    from xgraph.data.collection import collect as collect
    from xgraph.data.conformers import conformer_bags as conformer_bags
    from xgraph.data.dataset import MoleculeDataset as MoleculeDataset
    from xgraph.data.descriptors import describe as describe
    from xgraph.data.descriptors import descriptor_names as descriptor_names
    from xgraph.data.feature_statistics import feature_statistics as feature_statistics
    from xgraph.data.files import fetch as fetch
    from xgraph.data.files import verify as verify
    from xgraph.data.graphs import GraphDataset as GraphDataset
    from xgraph.data.identity import identities as identities
    from xgraph.data.joined import JoinedDataset as JoinedDataset
    from xgraph.data.joined import join as join
    from xgraph.data.nodes import NodeDataset as NodeDataset
    from xgraph.data.registry import load as load
    from xgraph.data.schema import Card as Card
    from xgraph.data.splits import check_overlap as check_overlap
    from xgraph.data.splits import random_split as random_split
    from xgraph.data.splits import scaffold_split as scaffold_split
    from xgraph.data.table import RowError as RowError
    from xgraph.data.table import Table as Table
    from xgraph.data.table import read_table as read_table

_HOMES = {
    "Augmentation": "augment",
    "BagDataset": "bags",
    "Card": "schema",
    "GraphDataset": "graphs",
    "JoinedDataset": "joined",
    "MoleculeDataset": "dataset",
    "NodeDataset": "nodes",
    "RowError": "table",
    "Table": "table",
    "check_overlap": "splits",
    "collect": "collection",
    "conformer_bags": "conformers",
    "describe": "descriptors",
    "descriptor_names": "descriptors",
    "feature_statistics": "feature_statistics",
    "fetch": "files",
    "identities": "identity",
    "instance_statistics": "bag_statistics",
    "join": "joined",
    "list_cards": "cards",
    "load": "registry",
    "load_card": "cards",
    "random_split": "splits",
    "read_bags": "bag_table",
    "read_table": "table",
    "scaffold_split": "splits",
    "verify": "files",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
