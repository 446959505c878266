"""Metrics of predicted numbers of several runs in the same bootstrap samples of items."""

from collections.abc import Sequence

import numpy as np

from xgraph.reports.measures.curves import FloatArray
from xgraph.reports.measures.paired import draws_for

ERRORS = ("rmse", "mae", "r2")
"""The metrics of `bootstrap_numbers`."""


def bootstrap_numbers(numbers: FloatArray, predicted: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Return the metrics of several runs in the same bootstrap samples of items, and those of all items.

    Args:
        numbers: The measured numbers, or NaN, shape ``[N, T]``.
        predicted: The predictions of each run, shape ``[N, T]``.

    Returns:
        Root mean squared error, mean absolute error and R², each the mean over the targets, of shapes
        ``[draws, runs, 3]`` and ``[runs, 3]``. R² is NaN where all numbers of a sample are equal.
    """
    known = ~np.isnan(numbers)
    errors = np.where(known, np.stack(predicted) - numbers, 0.0)  # [runs, N, T]
    centre = np.array([own[mask].mean() if mask.any() else 0.0 for own, mask in zip(numbers.T, known.T, strict=True)])
    y = np.where(known, numbers - centre, 0.0)  # for the variance: no difference of large numbers

    def metrics(weight: FloatArray) -> FloatArray:
        count = weight @ known  # [T]
        squared, absolute = (np.einsum("n,rnt->rt", weight, own) for own in (np.square(errors), np.abs(errors)))
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = weight @ np.square(y) - np.square(weight @ y) / count
            spread = np.where(spread > 1e-12 * (weight @ np.square(y)), spread, np.nan)
            each = np.stack([np.sqrt(squared / count), absolute / count, 1 - squared / spread], axis=-1)
            shown = np.isfinite(each)
            mean: FloatArray = np.where(shown, each, 0.0).sum(axis=1) / shown.sum(axis=1)
        return mean

    random = np.random.default_rng(0)
    items = len(numbers)
    values = [
        metrics(np.bincount(random.integers(items, size=items), minlength=items).astype(np.float64))
        for _ in range(draws_for(numbers.size))
    ]
    return np.stack(values), metrics(np.ones(items))
