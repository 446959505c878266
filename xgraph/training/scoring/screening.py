"""Metrics of the top of a ranking, as screening reports them. Items with equal scores count as if in random order."""

import math

import numpy as np

from xgraph.training.scoring.sweep import FloatArray, Sweep

ALPHA = 20.0
"""The weight of BEDROC: 80 % of it comes from the first 8 % of the ranking."""


def hits(swept: Sweep, k: float) -> float:
    """Return the expected number of positives among the first k items, or among all if there are fewer."""
    tp, total = (np.append(0.0, counts) for counts in (swept.tp, swept.tp + swept.fp))
    return float(np.interp(k, total, tp))


def precision_at(swept: Sweep, k: int) -> float:
    """Return the share of positives among the first k items, or among all if there are fewer."""
    return hits(swept, k) / min(k, _size(swept))


def enrichment(swept: Sweep, share: float) -> float:
    """Return the enrichment factor: the share of positives at the top over that among all items.

    The top is ``share`` of the items, rounded up.
    """
    n = _size(swept)
    top = math.ceil(share * n)
    return float(hits(swept, top) / top * n / swept.tp[-1])


def bedroc(swept: Sweep, alpha: float = ALPHA) -> float:
    """Return BEDROC, in which the rank r of n weighs exp(−α r / n), from 0 to 1.

    From Truchon and Bayly, J. Chem. Inf. Model. 47 (2007), equation 36.
    """
    n, positives = _size(swept), float(swept.tp[-1])
    total = swept.tp + swept.fp
    sizes, found = np.diff(total, prepend=0.0), np.diff(swept.tp, prepend=0.0)
    weights = _weight_up_to(total, n, alpha)
    mean_weight = np.diff(weights, prepend=0.0) / sizes
    rie = float(found @ mean_weight) / (positives * float(weights[-1]) / n)
    share = positives / n
    most = (1 - math.exp(-alpha * share)) / (share * (1 - math.exp(-alpha)))
    least = (1 - math.exp(alpha * share)) / (share * (1 - math.exp(alpha)))
    return (rie - least) / (most - least)


def _weight_up_to(rank: FloatArray, n: float, alpha: float) -> FloatArray:
    """Return Σ exp(−α r / n) over the ranks r from 1 to each of some ranks."""
    result: FloatArray = np.expm1(-alpha * rank / n) / np.expm1(-alpha / n) * math.exp(-alpha / n)
    return result


def _size(swept: Sweep) -> float:
    return float(swept.tp[-1] + swept.fp[-1])
