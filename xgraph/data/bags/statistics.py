"""Means and standard deviations of the features of instances, which may be more than memory holds."""

from __future__ import annotations

import torch
from torch import Tensor

from xgraph.data.bags.dataset import BagDataset
from xgraph.data.bags.layout import all_instances

_CHUNK = 1 << 16  # instances that are read together


def instance_statistics(data: BagDataset, positions: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each feature (of images, each channel) over the instances of bags.

    Take those of the training bags to standardise features. The instances are read in pieces.

    Args:
        data: The bags.
        positions: Which bags, int64; by default all.

    Returns:
        Two float32 tensors ``[num_features]``; a feature that does not vary has the deviation 1.

    Raises:
        ValueError: If the instances are graphs, there are no bags, or a feature is not finite.
        IndexError: If a position is out of range.

    Example:
        >>> data = BagDataset(torch.tensor([[1.0, 5.0], [3.0, 5.0], [8.0, 5.0]]), [0, 2, 3], [0, 1])
        >>> instance_statistics(data, torch.tensor([0]))
        (tensor([2., 5.]), tensor([1., 1.]))
    """
    if not data.instance_shape:
        raise ValueError(f"{data.name} has graphs as instances: there are no statistics of them")
    bags = torch.arange(len(data)) if positions is None else positions
    number, bag = all_instances(data.bag_ptr, bags)
    count = 0
    mean, square = torch.zeros(2, data.num_features, dtype=torch.float64)
    for start in range(0, len(number), _CHUNK):
        rows, owners = number[start : start + _CHUNK], bag[start : start + _CHUNK]
        first, last = int(owners[0]), int(owners[-1])
        x = data.batch(bags[first : last + 1], (rows, owners - first)).x.double().transpose(0, 1).flatten(1).cpu()
        # Chan, Golub and LeVeque's update: one pass, and no difference of large sums
        new, part = x.size(1), x.mean(1)
        shift = part - mean
        square += (x - part[:, None]).square().sum(1) + shift.square() * (count * new / (count + new))
        mean += shift * (new / (count + new))
        count += new
    if not count:
        raise ValueError("positions is empty: statistics need at least one bag")
    std = (square / count).sqrt().float()
    return mean.float(), torch.where(std > 0, std, 1.0)
