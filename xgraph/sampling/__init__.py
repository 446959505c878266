"""What enters a batch: samplers that control its composition."""

from xgraph.sampling.dual import DualSampler

__all__ = ["DualSampler"]
