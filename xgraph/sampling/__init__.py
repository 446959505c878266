"""What enters a batch: samplers that control its composition."""

from xgraph.sampling.distributed import DistributedBatches
from xgraph.sampling.dual import DualSampler
from xgraph.sampling.group import GroupSampler
from xgraph.sampling.tri import TriSampler

__all__ = ["DistributedBatches", "DualSampler", "GroupSampler", "TriSampler"]
