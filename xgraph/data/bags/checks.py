"""Checks of a data set of bags: that its parts fit together, and that its numbers are finite."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from xgraph.data.storage.checks import check_splits


class Bags(Protocol):
    """What is checked of a data set of bags."""

    store: Any
    y: Tensor
    bag_ptr: Tensor
    bag_names: list[str]
    task_names: list[str]
    feature_names: list[str]
    instance_row: Tensor | None
    splits: dict[str, Tensor]

    @property
    def num_features(self) -> int: ...


def check_bags(data: Bags, order: Tensor | None) -> None:
    """Raise a ValueError if the parts of a data set do not fit; `order` is the row of each instance in the store."""
    n, instances = len(data.bag_names), len(data.store)
    if data.y.size(1) != len(data.task_names):
        raise ValueError(f"y must have shape [{n}, {len(data.task_names)}] for the tasks, got {list(data.y.shape)}")
    if data.feature_names and len(data.feature_names) != data.num_features:
        raise ValueError(f"feature_names has {len(data.feature_names)} names for {data.num_features} features")
    if data.instance_row is not None and len(data.instance_row) != instances:
        raise ValueError(f"instance_row has {len(data.instance_row)} numbers for {instances} instances")
    check_splits(data.splits, n, "bag")
    row = data.store.unusable()
    if row is not None:
        number = row if order is None else int((order == row).nonzero()[0])
        raise not_finite(data.bag_names[int(torch.searchsorted(data.bag_ptr, number, right=True)) - 1], row)


def not_finite(bag: str, row: int) -> ValueError:
    """The error of an instance with NaN or infinity."""
    return ValueError(f"row {row} of the instances, of bag {bag!r}, has a number that is not finite")
