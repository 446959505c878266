"""Paired comparison of two rows of a report: differences and an exact Wilcoxon signed-rank test."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Paired(NamedTuple):
    """Summary of the differences `one - other`."""

    pairs: int  # pairs in which both values are known
    mean: float
    std: float  # sample standard deviation; NaN for a single pair
    better: int
    worse: int
    p: float  # two-sided p of the Wilcoxon signed-rank test; NaN if all differences are zero


def paired(one: Sequence[float], other: Sequence[float]) -> Paired:
    """Compare paired values, such as those of the same folds."""
    if len(one) != len(other):
        raise ValueError(f"one and other: expected equally many values, got {len(one)} and {len(other)}")
    d = np.asarray(one, dtype=np.float64) - np.asarray(other, dtype=np.float64)
    d = d[~np.isnan(d)]
    if not d.size:
        return Paired(0, math.nan, math.nan, 0, 0, math.nan)
    std = float(d.std(ddof=1)) if d.size > 1 else math.nan
    return Paired(d.size, float(d.mean()), std, int((d > 0).sum()), int((d < 0).sum()), signed_rank_p(d))


def signed_rank_p(differences: Sequence[float] | np.ndarray) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test, which is exact even with tied differences."""
    from scipy.stats import rankdata

    # Differences that are equal up to rounding, such as 0.3 - 0.2 and 0.2 - 0.1, share a rank.
    d = np.round(np.asarray(differences, dtype=np.float64), 12)
    d = d[d != 0]
    if not d.size:
        return math.nan
    ranks = np.rint(2 * rankdata(np.abs(d))).astype(np.int64)
    counts = np.zeros(int(ranks.sum()) + 1)
    counts[0] = 1.0
    for rank in ranks:
        counts[rank:] += counts[:-rank].copy()
    sums = np.arange(counts.size)
    far = np.abs(2 * sums - ranks.sum()) >= abs(2 * int(ranks[d > 0].sum()) - int(ranks.sum()))
    return float(counts[far].sum() / counts.sum())
