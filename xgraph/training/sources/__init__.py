"""A common interface of training to data sets of molecules, nodes and bags."""

from typing import Any

from xgraph.training.config.build import TrainConfig
from xgraph.training.sources.base import Source

__all__ = ["Source", "make_source"]


def make_source(data: Any, config: TrainConfig) -> Source:
    """Wrap a data set in the `Source` of its kind."""
    from xgraph.data import BagDataset, MoleculeDataset, NodeDataset
    from xgraph.training.sources.bags import BagSource
    from xgraph.training.sources.molecules import MoleculeSource
    from xgraph.training.sources.nodes import NodeSource

    kinds: dict[type, type[Source]] = {MoleculeDataset: MoleculeSource, NodeDataset: NodeSource, BagDataset: BagSource}
    for kind, source in kinds.items():
        if isinstance(data, kind):
            return source(data, config)
    raise ValueError(f"dataset: {data.name!r} holds graphs that are not molecules, and no model supports these yet")
