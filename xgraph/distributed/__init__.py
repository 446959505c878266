"""Training with several processes: losses of the rows of all processes, and tables that all of them share.

The processes are those of ``torch.distributed``; start them with ``torchrun`` or a cluster's scheduler. With a single
process, everything here does nothing, so the same script runs with one process and with many.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xgraph.distributed.gather import rank, world_size
    from xgraph.distributed.loss import gathered
    from xgraph.distributed.modules import synchronized
    from xgraph.distributed.norm import SyncBatchNorm

__all__ = ["SyncBatchNorm", "gathered", "rank", "synchronized", "world_size"]

_LAZY = {
    "SyncBatchNorm": "norm",
    "gathered": "loss",
    "rank": "gather",
    "synchronized": "modules",
    "world_size": "gather",
}


def __getattr__(name: str) -> Any:
    """Import on first use: the command looks at the environment before it imports torch."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
