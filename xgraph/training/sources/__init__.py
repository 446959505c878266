"""Data sets as training sees them, whatever their items are."""

from typing import Any

from xgraph.training.config.build import TrainConfig
from xgraph.training.sources.base import Source

__all__ = ["Source", "make_source"]


def make_source(data: Any, config: TrainConfig) -> Source:
    """What training needs of a data set."""
    from xgraph.data import BagDataset, MoleculeDataset, NodeDataset
    from xgraph.training.sources.bags import BagSource
    from xgraph.training.sources.molecules import MoleculeSource
    from xgraph.training.sources.nodes import NodeSource

    kinds: dict[type, type[Source]] = {MoleculeDataset: MoleculeSource, NodeDataset: NodeSource, BagDataset: BagSource}
    for kind, source in kinds.items():
        if isinstance(data, kind):
            return source(data, config)
    raise ValueError(f"dataset: {data.name!r} holds graphs that are no molecules, and there is no model for them yet")
