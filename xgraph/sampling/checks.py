"""Arguments of samplers, checked."""

import operator
from typing import Any


def integer(name: str, value: Any, least: int, most: int | None = None) -> int:
    """Return `value` as an int.

    Args:
        name: What the error calls it.
        value: Anything.
        least: The smallest number allowed.
        most: The largest number allowed; None: any.

    Raises:
        TypeError: `value` is not an integer.
        ValueError: `value` is less than `least` or more than `most`.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    if most is not None and number > most:
        raise ValueError(f"{name} must be at most {most}, got {number}")
    return number


def share(name: str, value: Any) -> float:
    """Return `value` as a float between 0 and 1, both excluded.

    Args:
        name: What the error calls it.
        value: Anything.

    Raises:
        TypeError: `value` is not a number.
        ValueError: `value` is not between 0 and 1.
    """
    try:
        inside = bool(0 < value < 1)
    except (TypeError, ValueError, RuntimeError):  # the last two: an array or a tensor of several numbers
        raise TypeError(f"{name} must be a number between 0 and 1, got {value!r}") from None
    if not inside:
        raise ValueError(f"{name} must be between 0 and 1 (both excluded), got {value}")
    return float(value)


def num_positives(batch_size: int, sampling_rate: float) -> int:
    """Return how many of `batch_size` are positives: at least one, and at least one is a negative.

    Args:
        batch_size: Number of items, at least 2.
        sampling_rate: Share of positives among them.
    """
    return min(max(round(batch_size * sampling_rate), 1), batch_size - 1)
