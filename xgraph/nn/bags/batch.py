"""Batches of bags, as models see them."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor


def bags_of(batch: Any, e: Tensor) -> tuple[Tensor, int | None]:
    """The bag of each instance, and the number of bags if the batch says it."""
    bag = getattr(batch, "bag", None)
    bag = getattr(batch, "batch", None) if bag is None else bag
    if bag is None:
        bag = torch.zeros(len(e), dtype=torch.long, device=e.device)
    if bag.shape != (len(e),):
        raise ValueError(
            f"the batch must name the bag of each of {len(e)} instances, got shape {list(bag.shape)} (of graphs as "
            "instances, in the attribute bag)"
        )
    size = getattr(batch, "num_bags", None)
    if size is None and isinstance(getattr(batch, "y", None), Tensor):
        size = len(batch.y)
    return bag, None if size is None else int(size)


def runs_of(bag: Tensor, size: int | None, limit: int) -> list[tuple[slice, slice]]:
    """Cut a batch into runs of whole bags."""
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
    """Go through the instances of one bag, some at a time."""
    if isinstance(instances, Tensor | np.ndarray):
        for begin in range(0, len(instances), size):
            part = instances[begin : begin + size]
            # Of an array a copy: it may be mapped to a file that is not to be written.
            yield part if isinstance(part, Tensor) else torch.from_numpy(np.array(part))
    elif isinstance(instances, Iterable) and not hasattr(instances, "x"):
        yield from instances
    else:
        raise TypeError(
            f"instances must be a tensor or an array, or an iterable of batches, got {type(instances).__name__}"
        )
