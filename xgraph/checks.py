"""Checks of arguments: numbers, words, and tensors of positions."""

from __future__ import annotations

import operator
from collections.abc import Collection
from numbers import Real
from typing import Literal, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")

SMALL, LARGE = 1e-6, 1e6
"""Limits for scales, temperatures and the like: their squares and quotients stay well within the range of float32."""

MOST_LAYERS = 1000
"""Layers of a network at most: a number by mistake, or of a damaged file, is refused before memory ends."""


def integer(name: str, value: object, least: int = 1, most: int | None = None) -> int:
    """Return an integer of any type as `int`, or raise if it is not between `least` and `most`."""
    try:
        result = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if result < least:
        raise ValueError(f"{name} must be at least {least}, got {result}")
    if most is not None and result > most:
        raise ValueError(f"{name} must be at most {most}, got {result}")
    return result


def number(name: str, value: object, low: float, high: float, ends: Literal["[]", "(]", "[)", "()"] = "[]") -> float:
    """Return a number as `float`, or raise if it is outside an interval; "[" and "]" include its ends."""
    if not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    result = float(value)
    if not low <= result <= high or (ends[0] == "(" and result == low) or (ends[1] == ")" and result == high):
        raise ValueError(f"{name} must lie in {ends[0]}{low:g}, {high:g}{ends[1]}, got {value}")
    return result


def positive(name: str, value: object) -> float:
    """Return a number as `float`, or raise if it is not positive and finite."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a positive number, got {value!r}")
    result = float(value)
    if not 0 < result < float("inf"):
        raise ValueError(f"{name} must be a positive number, got {value}")
    return result


def choice(name: str, value: T, words: Collection[object]) -> T:
    """Return `value`, or raise if it is not one of `words`."""
    if value not in words:
        raise ValueError(f"{name} must be one of {', '.join(map(str, words))}, got {value!r}")
    return value


def holds_integers(tensor: Tensor) -> bool:
    """Return whether a tensor has an integer type; booleans do not count."""
    return not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool)


def outside(index: Tensor, size: int) -> int | None:
    """Return a position outside 0 to `size` - 1, or None; negative ones count as outside, unlike in torch."""
    if not index.numel():
        return None
    low, high = (int(bound) for bound in index.aminmax())
    return low if low < 0 else high if high >= size else None
