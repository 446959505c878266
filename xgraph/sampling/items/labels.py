"""Checks of labels, and lists of positives and negatives."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

IntArray = NDArray[np.int64]


def check_not_data(name: str, values: Any, what: str) -> None:
    """Raise `TypeError` if a data set or loader was passed where its labels or groups are expected."""
    if hasattr(values, "__array__") or isinstance(values, list | tuple):
        return
    found = [attribute for attribute in ("y", "targets", "labels") if hasattr(values, attribute)]
    if not found and not isinstance(values, Dataset | DataLoader):
        return
    where = f"such as dataset.{found[0]}" if found else "such as [y for x, y in dataset]"
    raise TypeError(
        f"{name} must be {what}, got the data itself ({type(values).__name__}): pass the {name}, {where}; for a part "
        "of a data set, those of its items, and the batches are then positions in this part"
    )


def as_matrix(labels: Any) -> NDArray[Any]:
    """Return labels as an array ``[n, T]`` of zeros, ones and NaN, in their own type."""
    check_not_data("labels", labels, "one label 0, 1 or NaN (missing) per item")
    if isinstance(labels, torch.Tensor):
        labels = labels.detach().cpu()
        labels = labels.float() if labels.dtype == torch.bfloat16 else labels
    y = np.asarray(labels)
    if y.dtype.kind not in "biuf":
        raise TypeError(f"labels must be numbers (0, 1 or NaN), got an array of dtype {y.dtype}")
    if y.ndim not in (1, 2) or y.size == 0:
        raise ValueError(f"labels must have shape [n] or [n, num_tasks] and not be empty, got {list(y.shape)}")
    y = y.reshape(len(y), -1)
    valid = (y == 0) | (y == 1)
    if y.dtype.kind == "f":
        valid |= np.isnan(y)
    if not valid.all():
        row, task = np.unravel_index(int(np.argmin(valid)), y.shape)
        where = f"row {row}" + (f", task {task}" if y.shape[1] > 1 else "")
        raise ValueError(f"labels must be 0, 1 or NaN (missing), got {y[row, task]} in {where}")
    return y


def rows_with(y: NDArray[Any], label: int, dtype: Any = np.int64) -> list[NDArray[Any]]:
    """Return the rows that hold `label`, one list per task, as numbers of `dtype`."""
    # Transpose in blocks that fit in the cache: reading a column of a wide matrix touches all of its memory.
    columns = np.empty(y.shape[::-1], dtype=np.bool_)
    for begin in range(0, len(y), 1024):
        columns[:, begin : begin + 1024] = (y[begin : begin + 1024] == label).T
    return [np.flatnonzero(column).astype(dtype, copy=False) for column in columns]


def positives(y: NDArray[Any]) -> list[IntArray]:
    """Return the rows labelled 1, one list per task that has any."""
    return [rows for rows in rows_with(y, 1) if len(rows)]


def negatives(y: NDArray[Any]) -> IntArray:
    """Return the rows labelled 0 in at least one task."""
    return np.flatnonzero((y == 0).any(axis=1)).astype(np.int64, copy=False)


def num_positives(batch_size: int, sampling_rate: float) -> int:
    """Return the number of positives in a batch; there is at least one positive and one negative."""
    return min(max(round(batch_size * sampling_rate), 1), batch_size - 1)
