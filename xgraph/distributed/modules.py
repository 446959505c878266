"""Models whose tables and normalisation are those of all processes."""

from __future__ import annotations

from typing import Any, TypeVar

from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from xgraph.distributed.gather import gather_rows, world_size
from xgraph.distributed.norm import SyncBatchNorm
from xgraph.estimators import StateTable

Module = TypeVar("Module", bound=nn.Module)


def synchronized(model: Module, *, batch_norm: bool = True) -> Module:
    """Make all processes share a model's tables, and the statistics of its batch normalisation.

    In each step, the rows that a process writes to a table (of feature momentum, or the states of a pooling) are sent
    to all others, so that every process has the same tables. Items that occur in several processes are updated once,
    by the mean, like items that occur several times in a batch.

    Call it after ``torch.distributed.init_process_group`` and before ``DistributedDataParallel``. The tables are
    excluded from its ``broadcast_buffers``, which would otherwise send them in every step.

    Every process must run the model in every step, if need be on a batch without items.

    Args:
        model: The model; it is changed in place. Its ``state_dict`` keeps its names and shapes.
        batch_norm: Whether to replace layers of batch normalisation by :class:`SyncBatchNorm`. If not, each process
            normalises its own share of the batch, and results differ from those of a single process.

    Returns:
        The model; it is unchanged if there is only one process.

    Example:
        >>> from xgraph.nn import GraphSAGEFM
        >>> model = synchronized(GraphSAGEFM(num_tasks=1, in_channels=8, num_nodes=100))
    """
    if world_size() == 1:
        return model
    if batch_norm:
        model = _with_shared_norms(model)
    kept = set()
    for name, module in model.named_modules():
        if hasattr(module, "exchange"):
            module.exchange = Exchange(name)
        if isinstance(module, StateTable):
            kept |= {f"{name}.{buffer}".lstrip(".") for buffer, _ in module.named_buffers()}
    ignore: Any = DistributedDataParallel._set_params_and_buffers_to_ignore_for_model
    ignore(model, kept)
    return model


class Exchange:
    """Sends a process's rows of a table to all others, and returns the rows of all.

    Args:
        name: Name of the table, for messages.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, index: Tensor, estimate: Tensor) -> tuple[Tensor, Tensor]:
        """Return the indices and the estimates of all processes, in the order of the ranks."""
        if world_size() == 1:
            return index, estimate
        indices, estimates = gather_rows(f"table {self.name}", [index, estimate])
        return indices, estimates


def _with_shared_norms(module: Module) -> Module:
    """Replace layers of batch normalisation, and return the module or its replacement."""
    if isinstance(module, nn.modules.batchnorm._BatchNorm) and not isinstance(module, SyncBatchNorm | nn.SyncBatchNorm):
        return SyncBatchNorm.like(module)  # type: ignore[return-value]
    for name, child in module.named_children():
        new = _with_shared_norms(child)
        if new is not child:
            setattr(module, name, new)
    return module
