"""Access to batches of bags."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor


def bags_of(batch: Any, e: Tensor) -> tuple[Tensor, int | None]:
    """Return the bag of each instance, and the number of bags if the batch has it."""
    bag = getattr(batch, "bag", None)
    bag = getattr(batch, "batch", None) if bag is None else bag
    if bag is None:
        bag = torch.zeros(len(e), dtype=torch.long, device=e.device)
    if bag.shape != (len(e),):
        raise ValueError(
            f"the batch must give the bag of each of its {len(e)} instances in 'batch' (or in 'bag' if instances are "
            f"graphs), got shape {list(bag.shape)}"
        )
    size = getattr(batch, "num_bags", None)
    if size is None and isinstance(getattr(batch, "y", None), Tensor):
        size = len(batch.y)
    return bag, None if size is None else int(size)


def runs_of(bag: Tensor, size: int | None, limit: int) -> list[tuple[slice, slice]]:
    """Split a batch into runs of whole bags, each of at most `limit` instances unless a single bag has more."""
    whole = [(slice(0, len(bag)), slice(0, size))]
    if len(bag) <= limit or bag.dtype != torch.long or not bool((bag[1:] >= bag[:-1]).all()):
        return whole
    size = int(bag[-1]) + 1 if size is None else size
    ends = torch.searchsorted(bag, torch.arange(size), right=True)
    if int(bag[0]) < 0 or int(bag[-1]) >= size or not bool(ends.diff(prepend=ends.new_zeros(1)).all()):
        return whole
    runs, first, begin, end = [], 0, 0, 0
    for number, after in enumerate([*ends.tolist(), len(bag) + limit + 1]):
        if after - begin > limit and end > begin:
            runs.append((slice(begin, end), slice(first, number)))
            first, begin = number, end
        end = after
    return runs


def chunks_of(instances: Any, size: int) -> Iterator[Any]:
    """Iterate over the instances of one bag in chunks."""
    if isinstance(instances, Tensor | np.ndarray):
        for begin in range(0, len(instances), size):
            part = instances[begin : begin + size]
            # Copy from an array: it may be a read-only memory map.
            yield part if isinstance(part, Tensor) else torch.from_numpy(np.array(part))
    elif isinstance(instances, Iterable) and not hasattr(instances, "x"):
        yield from instances
    else:
        raise TypeError(
            f"instances must be a tensor, an array or an iterable of batches, got {type(instances).__name__}"
        )
