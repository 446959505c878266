"""Conversion of user-supplied numbers to tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from xgraph.messages import shown


def as_tensor(values: Any, what: str) -> Tensor:
    """Convert numbers to a tensor on the CPU."""
    if isinstance(values, Tensor):
        return values.detach().cpu()
    try:
        array = np.asarray(values)
        return torch.as_tensor(array if array.flags.writeable else array.copy())
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{what}, got {shown(values)}") from error


def labels_of(y: Any, what: str, n: int | None = None, *, numbers: bool = False) -> Tensor:
    """Convert labels, or numbers to predict, to float32; None in a list or an object column becomes NaN."""
    expected = f"{what} must be {'a finite number' if numbers else '0, 1'} or NaN (missing)"
    labels = as_tensor(_without_none(y), expected).float()
    labels = labels.unsqueeze(1) if labels.dim() == 1 and n is None else labels
    if n is not None and len(labels) != n:
        raise ValueError(f"{what} must have {n} rows, one per instance, got shape {list(labels.shape)}")
    if labels.dim() not in (1, 2):
        raise ValueError(f"{what} must have shape [n] or [n, T], got {list(labels.shape)}")
    wrong = labels.isinf() if numbers else ~((labels == 0) | (labels == 1) | labels.isnan())
    if bool(wrong.any()):
        first = f"{expected}; row {int(wrong.nonzero()[0, 0])} has {labels[wrong][0]:g}"
        raise ValueError(f"{first}{' in 32 bits' if numbers else '; for numbers to predict, set task to regression'}")
    return labels


def _without_none(y: Any) -> Any:
    """Replace None by NaN in a list or an object column."""
    if isinstance(y, Tensor):
        return y
    try:
        array = np.asarray(y)
        return array.astype(np.float64) if array.dtype == object else y
    except (TypeError, ValueError):  # rejected later
        return y
