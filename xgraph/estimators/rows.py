"""Checks of a batch's row numbers and estimates, and the numbering of distinct rows."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

INTEGERS = frozenset({torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8})

FEW = 512
"""Up to this many rows, a Python set finds duplicates faster than sorting does."""


def check_rows(index: Tensor, num_items: int, hint: str = "", *, once: bool = True) -> bool:
    """Check that ``index`` holds valid row numbers of a table, and look for duplicates.

    Args:
        index: ``[B]`` row numbers.
        num_items: Number of rows.
        hint: Text appended to the error message about the range.
        once: Whether to look for duplicates, which takes sorting.

    Returns:
        True if a row occurs more than once; also if duplicates were not looked for.

    Raises:
        TypeError: If ``index`` is not a tensor of integers.
        IndexError: If a row number is negative or not below ``num_items``.

    Example:
        >>> check_rows(torch.tensor([3, 1, 3]), num_items=4)
        True
    """
    if not isinstance(index, Tensor) or index.dtype not in INTEGERS:
        got = index.dtype if isinstance(index, Tensor) else type(index).__name__
        raise TypeError(f"index must be a tensor of integers, got {got}")
    if not len(index):
        return False
    if len(index) <= FEW:
        rows = index.tolist()
        low, high, duplicates = min(rows), max(rows), len(set(rows)) < len(rows)
    else:
        low, high, duplicates = _range_sorted(index) if once else (*torch.stack(index.aminmax()).tolist(), True)
    if low < 0 or high >= num_items:
        bad = low if low < 0 else high
        raise IndexError(f"index must lie in 0..{num_items - 1} (num_items={num_items}), got {bad}{hint}")
    return bool(duplicates)


def _range_sorted(index: Tensor) -> tuple[int, int, bool]:
    """Return the lowest and the highest row number, and whether one occurs more than once."""
    if index.device.type == "cpu" and not torch.compiler.is_compiling():  # NumPy sorts ten times faster there
        rows = np.sort(index.numpy())
        return int(rows[0]), int(rows[-1]), bool((rows[1:] == rows[:-1]).any())
    ordered = index.sort().values
    repeated = ordered[1:].eq(ordered[:-1]).any()
    low, high, duplicates = torch.stack([ordered[0], ordered[-1], repeated.to(index.dtype)]).tolist()
    return low, high, bool(duplicates)


def check_estimate(estimate: Tensor, shape: tuple[int, ...], hint: str = "") -> None:
    """Check that estimates have the shape of a table's rows and are finite."""
    if estimate.shape != shape:
        raise ValueError(f"estimate must have the shape {list(shape)}, got {list(estimate.shape)}")
    finite = estimate.isfinite()
    if not finite.all():
        position = finite.logical_not_().nonzero()[0].tolist()
        raise ValueError(f"estimate must be finite, got {estimate[tuple(position)].item()} in row {position[0]}{hint}")


def slots(index: Tensor) -> Tensor:
    """Number the distinct rows of an index in ascending order (shapes do not depend on the data)."""
    order = index.argsort()
    ordered = index[order]
    first = torch.ones_like(ordered)
    first[1:] = (ordered[1:] != ordered[:-1]).to(first.dtype)
    return torch.empty_like(index).index_copy_(0, order, first.cumsum(0) - 1)
