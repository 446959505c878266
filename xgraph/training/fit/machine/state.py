"""Whether the state of a loss fits into memory."""

from collections.abc import Mapping
from typing import Any

import torch

from xgraph.options import OptionError
from xgraph.sampling.memory.memory import GIB, free_memory
from xgraph.training.config.build import registry


def check_state(loss: str, num_items: int, num_tasks: int, options: Mapping[str, Any]) -> None:
    """Raise `ValueError` if the state of a loss, some numbers per item and task, takes more than the free memory.

    Args:
        loss: Name of the loss.
        num_items: Number of items of the data set.
        num_tasks: Number of tasks.
        options: Options of the loss.
    """
    needed, free = num_items * _bytes_per_item(loss, num_tasks, options), free_memory(torch.device("cpu"))
    if needed > free:
        raise ValueError(
            f"loss = {loss!r}: it keeps numbers for each of {num_items:,} items and {num_tasks:,} tasks, which take "
            f"{needed / GIB:.1f} GiB, but {free / GIB:.1f} GiB of memory are free; choose a loss without such a state, "
            "such as bce, auc-margin or auc-pairwise, or fewer tasks (--target-columns)"
        )


def _bytes_per_item(loss: str, num_tasks: int, options: Mapping[str, Any]) -> int:
    """Return by how much the state of a loss grows with an item."""
    sizes = []
    for num_items in (1, 2):
        try:
            state = registry("loss")[loss](num_items, num_tasks, **options).buffers()
        except ValueError as error:  # an option is out of range
            raise OptionError(str(error)) from None
        sizes.append(sum(buffer.numel() * buffer.element_size() for buffer in state))
    return int(sizes[1] - sizes[0])
