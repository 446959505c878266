"""Paired differences of arms to the reference: means, intervals, and the share of tasks won."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import t as student

Scores = Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]]
"""Metrics by set, cell and arm."""
DRAWS = 10_000


def differences(scores: Scores, arm: str, against: str, metric: str, cells: Iterable[str] = ()) -> list[list[float]]:
    """Per set, what the arm gains over the other on each of its tasks; sets without a common task are left out."""
    chosen = set(cells)
    gains = (
        [
            arms[arm][metric] - arms[against][metric]
            for cell, arms in of_set.items()
            if (not chosen or cell in chosen) and arm in arms and against in arms
        ]
        for of_set in scores.values()
    )
    return [of_set for of_set in gains if of_set]


def summary(gains: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Mean over sets of each set's mean, with 95 % intervals over sets, p-value, and share of tasks won."""
    means = [statistics.mean(of_set) for of_set in gains]
    every = [gain for of_set in gains for gain in of_set]
    won = sum((gain > 0) + 0.5 * (gain == 0) for gain in every)
    low, high, p = interval(means)
    return {
        "mean": round(statistics.mean(means), 5),
        "low": round(low, 5),
        "high": round(high, 5),
        "bootstrap": [round(bound, 5) for bound in bootstrap(means)],
        "p": float(f"{p:.3g}"),
        "won": round(won / len(every), 3),
        "sets": len(means),
        "tasks": len(every),
    }


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The 95 % interval of a mean and the p-value of a mean of zero, by Student's t; NaN for a single value."""
    mean, count = statistics.mean(values), len(values)
    if count < 2:
        return math.nan, math.nan, math.nan
    error = statistics.stdev(values) / math.sqrt(count)
    half = float(student.ppf(0.975, count - 1)) * error
    p = 2 * float(student.sf(abs(mean) / error, count - 1)) if error else float(mean == 0)
    return mean - half, mean + half, p


def bootstrap(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """The 95 % percentile interval of a mean."""
    draws = np.random.default_rng(seed).choice(np.asarray(values), (DRAWS, len(values)))
    low, high = np.percentile(draws.mean(1), [2.5, 97.5])
    return float(low), float(high)


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """P-values after Holm's correction; NaN stays."""
    known = sorted((value, name) for name, value in p.items() if not math.isnan(value))
    corrected = dict.fromkeys(p, math.nan)
    highest = 0.0
    for place, (value, name) in enumerate(known):
        highest = max(highest, min(1.0, value * (len(known) - place)))
        corrected[name] = float(f"{highest:.3g}")
    return corrected
