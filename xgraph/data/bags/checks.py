"""Validation of a data set of bags: consistent parts and finite numbers."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from xgraph.data.storage.checks import check_splits


class Bags(Protocol):
    """The attributes of a data set of bags that are checked."""

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
    """Raise a ValueError if parts are inconsistent; `order` is the row of each instance in the store."""
    n, instances = len(data.bag_names), len(data.store)
    if data.y.size(1) != len(data.task_names):
        raise ValueError(
            f"y must have shape [{n}, {len(data.task_names)}], one column per task, got {list(data.y.shape)}"
        )
    if data.feature_names and len(data.feature_names) != data.num_features:
        raise ValueError(
            f"feature_names must have {data.num_features} names, one per feature, got {len(data.feature_names)}"
        )
    if data.instance_row is not None and len(data.instance_row) != instances:
        raise ValueError(f"instance_row must have {instances} entries, one per instance, got {len(data.instance_row)}")
    check_splits(data.splits, n, "bag")
    row = data.store.unusable()
    if row is not None:
        number = row if order is None else int((order == row).nonzero()[0])
        raise not_finite(data.bag_names[int(torch.searchsorted(data.bag_ptr, number, right=True)) - 1], row)


def not_finite(bag: str, row: int) -> ValueError:
    """Return the error for an instance with NaN or infinity."""
    return ValueError(f"instances must be finite, but row {row} (in bag {bag!r}) is not")
