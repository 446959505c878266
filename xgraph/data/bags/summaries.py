"""Statistics of the instances of each bag, as features of the bag."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from xgraph.data.bags.dataset import BagDataset
from xgraph.data.bags.passes import chunks, grouped, instances_per_pass

STATISTICS = ("mean", "max", "min", "std")
"""Statistics of a feature over the instances of a bag."""


def bag_statistics(
    data: BagDataset, positions: Tensor | None = None, *, progress: Callable[[int, int, str], None] | None = None
) -> Tensor:
    """Return mean, maximum, minimum and standard deviation of each feature over the instances of each bag.

    These describe a bag of any size by a row of fixed length, to which a forest or a support vector machine can be
    fitted. Bags are read one after another, and huge bags in chunks, so the instances may exceed memory. The row of a
    bag does not depend on the other bags. The values of an image are its pixels.

    Args:
        data: The data set of bags.
        positions: Positions of the bags, int64; by default all. Shape ``[m]``.
        progress: Called with ``(done, total, description)``.

    Returns:
        All means, then all maxima, minima and standard deviations, float32. Shape ``[m, 4 * C]`` for C values per
        instance.

    Raises:
        ValueError: If the instances are graphs, or a feature is not finite.
        IndexError: If a position is out of range.

    Example:
        >>> data = BagDataset(torch.tensor([[1.0, 5.0], [3.0, 5.0], [8.0, 5.0]]), [0, 2, 3])
        >>> bag_statistics(data)
        tensor([[2., 5., 3., 5., 1., 5., 1., 0.],
                [8., 5., 8., 5., 8., 5., 0., 0.]])
    """
    if not data.instance_shape:
        raise ValueError(f"instances of {data.name} are graphs, which have no statistics")
    bags = torch.arange(len(data)) if positions is None else positions
    most = instances_per_pass(data)
    rows = [torch.empty(0, len(STATISTICS) * int(np.prod(data.instance_shape)))]
    for group in grouped(data.sizes[bags], most):
        rows += [_statistics(parts).float()[None] for parts in _each(data, bags[group], most)]
        if progress is not None:
            progress(group[-1] + 1, len(bags), "describing bags")
    return torch.cat(rows)


def _each(data: BagDataset, bags: Tensor, most: int) -> Iterator[Iterable[Tensor]]:
    """Yield the instances of each bag of a group, in parts ``[n, C]``."""
    sizes = data.sizes[bags].tolist()
    if sizes[0] > most:
        yield (batch.x.flatten(1) for batch in chunks(data, int(bags[0]), most))
    else:
        yield from ([part] for part in data.batch(bags).x.flatten(1).split(sizes))


def _statistics(parts: Iterable[Tensor]) -> Tensor:
    """Return the statistics of one bag. Shape ``[4 * C]``, float64."""
    count, mean, square, largest, smallest = 0, *torch.zeros(2, 1, dtype=torch.float64), *torch.zeros(2, 1)
    for number, part in enumerate(parts):
        x = part.double()
        new, own, high, low = len(x), x.mean(0), part.amax(0), part.amin(0)
        # Chan, Golub and LeVeque's update, which needs one pass and avoids differences of large sums
        shift = own - mean
        square = square + (x - own).square().sum(0) + shift.square() * (count * new / (count + new))
        mean = mean + shift * (new / (count + new))
        largest, smallest = (torch.maximum(largest, high), torch.minimum(smallest, low)) if number else (high, low)
        count += new
    return torch.cat([mean, largest.double(), smallest.double(), (square / count).sqrt()])
