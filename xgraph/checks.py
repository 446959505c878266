"""Arguments, checked: numbers, words, and tensors of positions."""

from __future__ import annotations

import operator
from collections.abc import Collection
from numbers import Real
from typing import Literal, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")

SMALL, LARGE = 1e-6, 1e6
"""Scales, temperatures and the like lie between: their squares and quotients stay far from the ends of float32."""


def integer(name: str, value: object, least: int = 1, most: int | None = None) -> int:
    """An integer from `least` to `most`, whatever type it came in."""
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
    """A number in an interval; "[" or "]" where an end belongs to it."""
    if not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    result = float(value)
    if not low <= result <= high or (ends[0] == "(" and result == low) or (ends[1] == ")" and result == high):
        raise ValueError(f"{name} must lie in {ends[0]}{low:g}, {high:g}{ends[1]}, got {value}")
    return result


def choice(name: str, value: T, words: Collection[object]) -> T:
    """One of some words."""
    if value not in words:
        raise ValueError(f"{name} must be one of {', '.join(map(str, words))}, got {value!r}")
    return value


def holds_integers(tensor: Tensor) -> bool:
    """Whether a tensor's type is one of integers: truth values are none."""
    return not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool)


def outside(index: Tensor, size: int) -> int | None:
    """A position that is none of 0 to `size` - 1, if there is any; torch would count negative ones from the end."""
    if not index.numel():
        return None
    low, high = (int(bound) for bound in index.aminmax())
    return low if low < 0 else high if high >= size else None
