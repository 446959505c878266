"""Data sets of molecules, nodes and bags, with their labels and splits.

Names are imported on first use, so ``import xgraph.data`` is fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xgraph.data.bags.conformers import conformer_bags as conformer_bags
    from xgraph.data.bags.dataset import BagDataset as BagDataset
    from xgraph.data.bags.folder.read import read_bag_folder as read_bag_folder
    from xgraph.data.bags.statistics import instance_statistics as instance_statistics
    from xgraph.data.bags.summaries import bag_statistics as bag_statistics
    from xgraph.data.bags.table import read_bags as read_bags
    from xgraph.data.cards.files import fetch as fetch
    from xgraph.data.cards.files import verify as verify
    from xgraph.data.cards.named import list_cards as list_cards
    from xgraph.data.cards.named import load_card as load_card
    from xgraph.data.cards.schema import Card as Card
    from xgraph.data.collection import collect as collect
    from xgraph.data.graphs.several import read_graphs as read_graphs
    from xgraph.data.labels.rules import LabelRules as LabelRules
    from xgraph.data.molecules.augment import Augmentation as Augmentation
    from xgraph.data.molecules.dataset import MoleculeDataset as MoleculeDataset
    from xgraph.data.molecules.features.describe import describe as describe
    from xgraph.data.molecules.features.describe import descriptor_names as descriptor_names
    from xgraph.data.molecules.identity import identities as identities
    from xgraph.data.molecules.joined import JoinedDataset as JoinedDataset
    from xgraph.data.molecules.joined import join as join
    from xgraph.data.molecules.splits import check_overlap as check_overlap
    from xgraph.data.molecules.splits import random_split as random_split
    from xgraph.data.molecules.splits import scaffold_split as scaffold_split
    from xgraph.data.molecules.table import RowError as RowError
    from xgraph.data.molecules.table import Table as Table
    from xgraph.data.molecules.table import read_table as read_table
    from xgraph.data.nodes.dataset import NodeDataset as NodeDataset
    from xgraph.data.ogb.graphs import GraphDataset as GraphDataset
    from xgraph.data.pairs.dataset import PairDataset as PairDataset
    from xgraph.data.registry import load as load
    from xgraph.data.storage.statistics import feature_statistics as feature_statistics
    from xgraph.data.tables.ngrams import Ngrams as Ngrams
    from xgraph.relevance import RelevanceLists as RelevanceLists

_MODULES = {
    "Augmentation": "molecules.augment",
    "BagDataset": "bags.dataset",
    "Card": "cards.schema",
    "GraphDataset": "ogb.graphs",
    "LabelRules": "labels.rules",
    "JoinedDataset": "molecules.joined",
    "MoleculeDataset": "molecules.dataset",
    "Ngrams": "tables.ngrams",
    "NodeDataset": "nodes.dataset",
    "PairDataset": "pairs.dataset",
    "RelevanceLists": "",
    "RowError": "molecules.table",
    "Table": "molecules.table",
    "bag_statistics": "bags.summaries",
    "check_overlap": "molecules.splits",
    "collect": "collection",
    "conformer_bags": "bags.conformers",
    "describe": "molecules.features.describe",
    "descriptor_names": "molecules.features.describe",
    "feature_statistics": "storage.statistics",
    "fetch": "cards.files",
    "identities": "molecules.identity",
    "instance_statistics": "bags.statistics",
    "join": "molecules.joined",
    "list_cards": "cards.named",
    "load": "registry",
    "load_card": "cards.named",
    "random_split": "molecules.splits",
    "read_bag_folder": "bags.folder.read",
    "read_bags": "bags.table",
    "read_graphs": "graphs.several",
    "read_table": "molecules.table",
    "scaffold_split": "molecules.splits",
    "verify": "cards.files",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = f"{__name__}.{_MODULES[name]}" if _MODULES[name] else "xgraph.relevance"
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
