"""Labels of objects in memory: whether a tensor holds numbers to predict, and the check of these."""

from __future__ import annotations

import torch
from torch import Tensor

_LARGEST = torch.finfo(torch.float32).max
_FEW = 12  # different whole numbers, which may be meant as classes

MINUS_ONE = "; -1 is a number, not a missing one"
"""What is said of numbers where −1 would be a missing class."""


def holds_numbers(y: Tensor) -> bool:
    """Whether labels are floats with other values than 0 and 1, and −1 or NaN for missing ones."""
    return y.is_floating_point() and not bool(((y == 0) | (y.abs() == 1) | y.isnan()).all())


def checked_numbers(y: Tensor) -> Tensor:
    """Return numbers to predict as float32, NaN for missing.

    Args:
        y: Numbers of any type. Shape ``[n, T]``.

    Raises:
        ValueError: If a number is not finite in 32 bits, or a column holds nothing to learn.
    """
    wrong = (~y.isnan() & ~(y.double().abs() <= _LARGEST)).nonzero()
    if len(wrong):
        item, task = wrong[0].tolist()
        raise ValueError(
            f"y must hold finite numbers of 32 bits, or NaN (missing), for regression; got {float(y[item, task]):g} "
            f"for item {item}"
        )
    numbers = y.detach().cpu().float()
    for task, column in enumerate(numbers.T):
        known = column[~column.isnan()]
        if not len(known) or bool((known == known[0]).all()):
            what = f"is {float(known[0]):g} for all {len(known)} labelled items" if len(known) else "has no numbers"
            which = "y" if numbers.size(1) == 1 else f"column {task} of y"
            raise ValueError(f"{which} {what}, so that there is nothing to learn")
    return numbers


def note_of(y: Tensor) -> str:
    """Return what is said of numbers that were taken for regression without being asked."""
    known = y[~y.isnan()]
    note = f"numbers from {float(known.min()):.4g} to {float(known.max()):.4g}: regression"
    different = torch.unique(known)
    if 2 < len(different) <= _FEW and bool((different == different.round()).all()):
        note += (
            f"; if its {len(different)} different whole numbers are classes, give task 'multiclass', or y as integers"
        )
    return note
