"""Passes over whole bags: small bags together in a batch, huge bags in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from xgraph.data.bags.dataset import BagDataset

NUMBERS = 2**21  # values of the instances that are read together: 8 MiB
INSTANCES = 4096  # instances read together, at most
GRAPHS = 512  # the same for instances that are graphs


def instances_per_pass(data: BagDataset) -> int:
    """Return how many instances to read together."""
    if not data.instance_shape:
        return GRAPHS
    return int(min(max(NUMBERS // int(np.prod(data.instance_shape)), 1), INSTANCES))


def grouped(sizes: Tensor, most: int) -> Iterator[list[int]]:
    """Group consecutive bags so that a group has at most `most` instances; a larger bag forms its own group."""
    group: list[int] = []
    total = 0
    for place, size in enumerate(sizes.tolist()):
        if group and total + size > most:
            yield group
            group, total = [], 0
        group.append(place)
        total += size
    if group:
        yield group


def chunks(data: BagDataset, bag: int, most: int) -> Iterator[Any]:
    """Yield the instances of one bag in batches of at most `most`."""
    begin, end = data.bag_ptr[bag].item(), data.bag_ptr[bag + 1].item()
    for start in range(int(begin), int(end), most):
        rows = torch.arange(start, min(start + most, int(end)))
        yield data.batch([bag], (rows, torch.zeros_like(rows)))
