"""Means and standard deviations of instance features, which may exceed memory."""

from __future__ import annotations

import torch
from torch import Tensor

from xgraph.data.bags.dataset import BagDataset
from xgraph.data.bags.layout import all_instances

_CHUNK = 1 << 16  # instances read together


def instance_statistics(data: BagDataset, positions: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return the mean and standard deviation of each feature, or image channel, over the instances of bags.

    Use the statistics of the training bags to standardise features. Instances are read in chunks.

    Args:
        data: The data set of bags.
        positions: Positions of the bags to use, int64; by default all.

    Returns:
        Mean and standard deviation, float32 ``[num_features]`` each. The standard deviation of a constant feature is 1.

    Raises:
        ValueError: If the instances are graphs, `positions` is empty, or a feature is not finite.
        IndexError: If a position is out of range.

    Example:
        >>> data = BagDataset(torch.tensor([[1.0, 5.0], [3.0, 5.0], [8.0, 5.0]]), [0, 2, 3], [0, 1])
        >>> instance_statistics(data, torch.tensor([0]))
        (tensor([2., 5.]), tensor([1., 1.]))
    """
    if not data.instance_shape:
        raise ValueError(f"instances of {data.name} are graphs, which have no feature statistics")
    bags = torch.arange(len(data)) if positions is None else positions
    known = data.store.moments(bags)
    if known is not None:
        return _combined(*known)
    number, bag = all_instances(data.bag_ptr, bags)
    count = 0
    mean, square = torch.zeros(2, data.num_features, dtype=torch.float64)
    for start in range(0, len(number), _CHUNK):
        rows, owners = number[start : start + _CHUNK], bag[start : start + _CHUNK]
        first, last = int(owners[0]), int(owners[-1])
        x = data.batch(bags[first : last + 1], (rows, owners - first)).x.double().transpose(0, 1).flatten(1).cpu()
        # Chan, Golub and LeVeque's update, which needs one pass and avoids differences of large sums
        new, part = x.size(1), x.mean(1)
        shift = part - mean
        square += (x - part[:, None]).square().sum(1) + shift.square() * (count * new / (count + new))
        mean += shift * (new / (count + new))
        count += new
    return _deviation(count, mean, square)


def _combined(counts: Tensor, means: Tensor, squares: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and deviation over bags from the moments of each."""
    count = int(counts.sum())
    share = counts.double()[:, None] / max(count, 1)
    mean = means[:1].sum(0) + (share * (means - means[:1])).sum(0)  # exact where a feature is constant
    return _deviation(count, mean, squares.sum(0) + (share * count * (means - mean).square()).sum(0))


def _deviation(count: int, mean: Tensor, square: Tensor) -> tuple[Tensor, Tensor]:
    if not count:
        raise ValueError("positions is empty: statistics need at least one bag")
    std = (square / count).sqrt().float()
    return mean.float(), torch.where(std > 0, std, 1.0)
