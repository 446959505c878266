"""Samplers and loaders: batches with a controlled composition, sampled neighbourhoods, clusters, and bags."""

from typing import TYPE_CHECKING, Any

from xgraph.sampling.bags.instances import InstanceSampler
from xgraph.sampling.bags.loader import BagLoader
from xgraph.sampling.clusters.partition import partition
from xgraph.sampling.engines.self_loops import self_loops
from xgraph.sampling.engines.topology import in_degree
from xgraph.sampling.items.distributed import DistributedBatches
from xgraph.sampling.items.dual import DualSampler
from xgraph.sampling.items.group import GroupSampler
from xgraph.sampling.items.lists import ListBatch, ListSampler
from xgraph.sampling.items.tri import TriSampler

if TYPE_CHECKING:
    from xgraph.sampling.clusters.loader import ClusterLoader
    from xgraph.sampling.neighbors.loader import NeighborLoader
    from xgraph.sampling.neighbors.sampler import NeighborSampler

__all__ = [
    "BagLoader",
    "ClusterLoader",
    "DistributedBatches",
    "DualSampler",
    "GroupSampler",
    "InstanceSampler",
    "ListBatch",
    "ListSampler",
    "NeighborLoader",
    "NeighborSampler",
    "TriSampler",
    "in_degree",
    "partition",
    "self_loops",
]

_LAZY = {
    "ClusterLoader": "clusters.loader",
    "NeighborLoader": "neighbors.loader",
    "NeighborSampler": "neighbors.sampler",
}


def __getattr__(name: str) -> Any:
    """Import the classes that are built on PyG on first use, because that import takes seconds."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
