"""Training with several processes: losses of the rows of all processes, and tables that all of them share.

The processes are those of ``torch.distributed``; start them with ``torchrun`` or a cluster's scheduler. With a single
process, everything here does nothing, so the same script runs with one process and with many.
"""

from xgraph.distributed.gather import rank, world_size
from xgraph.distributed.loss import gathered
from xgraph.distributed.modules import synchronized
from xgraph.distributed.norm import SyncBatchNorm

__all__ = ["SyncBatchNorm", "gathered", "rank", "synchronized", "world_size"]
