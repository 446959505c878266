"""Which of two values of a metric is better: higher ones, except for errors."""

import math

LOWER_IS_BETTER = frozenset({"rmse", "mae"})


def higher_is_better(metric: str) -> bool:
    """Whether a higher value of a metric is better."""
    return metric not in LOWER_IS_BETTER


def better(metric: str, one: float, other: float) -> bool:
    """Whether the first of two values of a metric is better; NaN is better than nothing, and anything than NaN."""
    if math.isnan(one) or math.isnan(other):
        return math.isnan(other) and not math.isnan(one)
    return one > other if higher_is_better(metric) else one < other


def merit(metric: str, value: float) -> float:
    """Return a number that is higher for a better value of a metric, and −∞ for NaN."""
    if math.isnan(value):
        return -math.inf
    return value if higher_is_better(metric) else -value
