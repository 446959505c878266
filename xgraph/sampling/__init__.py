"""What enters a batch: samplers that control its composition, and neighbour sampling."""

from typing import TYPE_CHECKING, Any

from xgraph.sampling.bag_loader import BagLoader
from xgraph.sampling.distributed import DistributedBatches
from xgraph.sampling.dual import DualSampler
from xgraph.sampling.group import GroupSampler
from xgraph.sampling.instances import InstanceSampler
from xgraph.sampling.partition import partition
from xgraph.sampling.topology import in_degree
from xgraph.sampling.tri import TriSampler

if TYPE_CHECKING:
    from xgraph.sampling.cluster_loader import ClusterLoader
    from xgraph.sampling.neighbor_loader import NeighborLoader
    from xgraph.sampling.neighbor_sampler import NeighborSampler

__all__ = [
    "BagLoader",
    "ClusterLoader",
    "DistributedBatches",
    "DualSampler",
    "GroupSampler",
    "InstanceSampler",
    "NeighborLoader",
    "NeighborSampler",
    "TriSampler",
    "in_degree",
    "partition",
]

_LAZY = {"ClusterLoader": "cluster_loader", "NeighborLoader": "neighbor_loader", "NeighborSampler": "neighbor_sampler"}


def __getattr__(name: str) -> Any:
    """Import what is built on PyG when it is asked for: that import takes seconds."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
