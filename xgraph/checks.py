"""Arguments, checked."""

from __future__ import annotations

import operator
from collections.abc import Collection
from numbers import Real
from typing import Literal, TypeVar

T = TypeVar("T")

SMALL, LARGE = 1e-6, 1e6
"""Scales, temperatures and the like lie between: their squares and quotients stay far from the ends of float32."""


def integer(name: str, value: object, least: int = 1, most: int | None = None) -> int:
    """An integer, if it is one.

    Args:
        name: what the error calls it.
        value: anything.
        least: the smallest allowed.
        most: the largest allowed; ``None`` = any.

    Raises:
        TypeError: if it is no integer.
        ValueError: if it is below ``least`` or above ``most``.
    """
    try:
        found = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if found < least:
        raise ValueError(f"{name} must be at least {least}, got {found}")
    if most is not None and found > most:
        raise ValueError(f"{name} must be at most {most}, got {found}")
    return found


def number(name: str, value: object, low: float, high: float, ends: Literal["[]", "(]", "[)", "()"] = "[]") -> float:
    """A number, if it is one and lies in an interval.

    Args:
        name: what the error calls it.
        value: anything.
        low: the interval's lower end.
        high: its upper end.
        ends: "[" or "]" where an end belongs to it.

    Raises:
        TypeError: if it is no number.
        ValueError: if it lies outside.

    Example:
        >>> number("max_fpr", 0.3, 0, 1, "(]")
        0.3
    """
    if not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    found = float(value)
    if not low <= found <= high or (ends[0] == "(" and found == low) or (ends[1] == ")" and found == high):
        raise ValueError(f"{name} must lie in {ends[0]}{low:g}, {high:g}{ends[1]}, got {value}")
    return found


def choice(name: str, value: T, words: Collection[object]) -> T:
    """A word, if it is one of some.

    Args:
        name: what the error calls it.
        value: anything.
        words: what is possible.

    Raises:
        ValueError: if it is another.

    Example:
        >>> choice("storage", "host", ("device", "host"))
        'host'
    """
    if value not in words:
        raise ValueError(f"{name} must be one of {', '.join(map(str, words))}, got {value!r}")
    return value
