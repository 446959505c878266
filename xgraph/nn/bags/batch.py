"""Batches of bags, as models see them."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor


def bags_of(batch: Any, e: Tensor) -> tuple[Tensor, int | None]:
    """The bag of each instance, and the number of bags if the batch says it.

    Args:
        batch: A PyG `Data` or `Batch` with `bag` or `batch`; without both it is one bag.
        e: Vectors of the instances. Shape ``[n, C]``.

    Returns:
        Positions of bags in the batch, int64 ``[n]``, and their number, from `num_bags` or the rows of `y`.

    Raises:
        ValueError: There is not a bag for each instance.
    """
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
    """Cut a batch into runs of whole bags.

    Args:
        bag: The bag of each instance. Shape ``[n]``.
        size: Number of bags, if known.
        limit: Most instances of a run of several bags.

    Returns:
        The instances and the bags of each run: one run of all if they are few, not in order, or not as they must be.

    Example:
        >>> runs_of(torch.tensor([0, 0, 1, 2, 2, 2, 3]), 4, 3)
        [(slice(0, 3, None), slice(0, 2, None)), (slice(3, 6, None), slice(2, 3, None)), (slice(6, 7, None), \
slice(3, 4, None))]
    """
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
    """Go through the instances of one bag, some at a time.

    Args:
        instances: A tensor or an array of all, or an iterable of batches, which are handed on.
        size: How many of a tensor or array.

    Raises:
        TypeError: `instances` is something else.

    Example:
        >>> [chunk.tolist() for chunk in chunks_of(np.arange(5), 2)]
        [[0, 1], [2, 3], [4]]
    """
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
