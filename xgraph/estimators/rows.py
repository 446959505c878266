"""Checks of an index into a table."""

from __future__ import annotations

import torch
from torch import Tensor

FEW = 512
"""Up to so many rows Python's own set finds duplicates faster than a sort."""


def check_rows(index: Tensor, num_items: int, hint: str = "") -> bool:
    """Check that ``index`` holds rows of a table.

    Args:
        index: ``[B]``.
        num_items: number of rows.
        hint: appended to the error about the range.

    Returns:
        True if a row stands more than once.

    Raises:
        TypeError: if ``index`` does not hold integers.
        IndexError: if one is negative or not below ``num_items``.

    Example:
        >>> check_rows(torch.tensor([3, 1, 3]), num_items=4)
        True
    """
    if index.dtype.is_floating_point or index.dtype.is_complex or index.dtype == torch.bool:
        raise TypeError(f"index must hold integers, got {index.dtype}")
    if not len(index):
        return False
    if len(index) <= FEW:
        rows = index.tolist()
        low, high, duplicates = min(rows), max(rows), len(set(rows)) < len(rows)
    else:
        ordered = index.sort().values
        repeated = ordered[1:].eq(ordered[:-1]).any()
        low, high, duplicates = torch.stack([ordered[0], ordered[-1], repeated.to(index.dtype)]).tolist()
    if low < 0 or high >= num_items:
        bad = low if low < 0 else high
        raise IndexError(f"index must lie in 0..{num_items - 1} (num_items={num_items}), got {bad}{hint}")
    return bool(duplicates)
