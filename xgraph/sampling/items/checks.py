"""Arguments of samplers, checked."""

from typing import Any

from xgraph.checks import integer

__all__ = ["integer", "num_positives", "share"]


def share(name: str, value: Any) -> float:
    """Return `value` as a float between 0 and 1, both excluded."""
    try:
        inside = bool(0 < value < 1)
    except (TypeError, ValueError, RuntimeError):  # the last two: an array or a tensor of several numbers
        raise TypeError(f"{name} must be a number between 0 and 1, got {value!r}") from None
    if not inside:
        raise ValueError(f"{name} must be between 0 and 1 (both excluded), got {value}")
    return float(value)


def num_positives(batch_size: int, sampling_rate: float) -> int:
    """Return how many of `batch_size` are positives: at least one, and at least one is a negative."""
    return min(max(round(batch_size * sampling_rate), 1), batch_size - 1)
