"""Validation of positions, edges and splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xgraph.checks import holds_integers, outside
from xgraph.metric_names import NUMBER_METRICS

METRICS = ("ap", "prc_auc", "roc_auc")
_CHUNK = 1 << 24  # edges checked together


def checked_index(index: Tensor, n: int, what: str) -> Tensor:
    """Return positions as int64 after checking that each is in 0 to n - 1; torch would accept negative ones."""
    if not holds_integers(index):
        raise ValueError(f"index must hold integers, got {index.dtype}")
    index = index.long()
    wrong = outside(index, n)
    if wrong is not None:
        raise IndexError(f"{what} {wrong} is out of range: there are {n} {what}s, numbered from 0")
    return index


def positions_of(positions: Sequence[int] | Tensor | NDArray[np.integer], n: int, name: str, what: str) -> Tensor:
    """Return positions in a data set as int64 ``[m]``; negative positions count from the end."""
    index = torch.as_tensor(positions, dtype=torch.long).reshape(-1).cpu()
    wrong = index[(index < -n) | (index >= n)]
    if len(wrong):
        raise IndexError(f"position {int(wrong[0])} is out of range: {name} has {n} {what}s")
    return torch.where(index < 0, index + n, index)


def check_edges(name: str, edges: Tensor | None, num_src: int, num_dst: int) -> None:
    """Check that edges refer to existing nodes."""
    if edges is None:
        raise ValueError(f"{name} is missing")
    if edges.dim() != 2 or edges.size(0) != 2 or edges.dtype != torch.int64:
        raise ValueError(f"{name} must be int64 of shape [2, E], got {edges.dtype} {list(edges.shape)}")
    for ids, n, end in ((edges[0], num_src, "source"), (edges[1], num_dst, "target")):
        for start in range(0, len(ids), _CHUNK):  # they may be memory-mapped and larger than memory
            wrong = outside(ids[start : start + _CHUNK], n)
            if wrong is not None:
                raise ValueError(f"{name} has {end} {wrong}, but nodes are numbered 0 to {n - 1}")


def check_splits(splits: Mapping[str, Tensor], n: int, what: str) -> None:
    """Check that the parts of a split refer to existing items."""
    for part, items in splits.items():
        if items.dtype != torch.int64 or items.dim() != 1:
            raise ValueError(
                f"split {part!r} must be int64 of shape [n], got {items.dtype} of shape {list(items.shape)}"
            )
        if outside(items, n) is not None:
            raise ValueError(f"split {part!r} refers to a {what} outside 0 to {n - 1}")


def check_classes(y: Tensor, classes: int) -> None:
    """Check that rows of labels hold a single 1, or NaN throughout."""
    labelled = ~y.isnan().any(1)
    wrong = torch.where(labelled, y.sum(1) != 1, ~y.isnan().all(1))
    if classes < 2 or bool(wrong.any()):
        got = f"{classes} classes" if classes < 2 else f"{y[int(wrong.nonzero()[0])].tolist()}"
        raise ValueError(
            f"y must hold one column per class, with a single 1 (or NaN throughout) in each row, got {got}"
        )


def check_numbers(y: Tensor) -> None:
    """Check that numbers to predict are finite, or NaN for missing."""
    wrong = y.isinf().nonzero()
    if len(wrong):
        item, task = wrong[0].tolist()
        raise ValueError(
            f"y must hold finite numbers of 32 bits, or NaN for missing ones, got {float(y[item, task])} for item "
            f"{item}, task {task}"
        )


def item_weights(weight: Tensor | None, n: int) -> Tensor | None:
    """Return the weights of items as float32 ``[n]`` after checking them."""
    if weight is None:
        return None
    weight = torch.as_tensor(weight).float()
    if weight.shape != (n,) or not bool((weight.isfinite() & (weight >= 0)).all()):
        got = f"shape {list(weight.shape)}" if weight.shape != (n,) else "other numbers"
        raise ValueError(f"weight must hold {n} finite numbers of 0 or more, one per item, got {got}")
    return weight


def check_metric(metric: str, metrics: Sequence[str] = METRICS) -> None:
    """Check that a metric can be used for model selection."""
    if metric not in metrics:
        raise ValueError(f"metric must be one of {', '.join(metrics)}, got {metric!r}")


def metrics_of(task: str) -> tuple[str, ...]:
    """Return the metrics by which a model for a kind of labels can be selected, such as "multiclass"."""
    if task == "regression":
        return NUMBER_METRICS
    return (*METRICS, "accuracy") if task == "multiclass" else METRICS


def check_fractions(fractions: tuple[float, float, float]) -> None:
    """Check the fractions of train, valid and test."""
    if len(fractions) != 3 or not all(0 <= f <= 1 for f in fractions) or abs(sum(fractions) - 1) > 1e-6:
        raise ValueError(f"fractions must be three numbers between 0 and 1 that sum to 1, got {fractions}")
