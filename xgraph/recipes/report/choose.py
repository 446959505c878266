"""Choose among candidates: the best one, or a mean of ranks to which they are added one by one."""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from xgraph.recipes.schema.entries import Choice

Scores = npt.NDArray[np.float64]
MOST = 20  # candidates that are added to a greedy mean


class Chosen(NamedTuple):
    """What was chosen, and by which figures.

    Args:
        weights: How often each chosen candidate is in the mean.
        score: The metric of this mean on the items that it was chosen by.
        scores: The metric of each candidate alone on these items.
        note: Why nothing could be chosen, so that all candidates have the same weight; empty if it could.
    """

    weights: dict[str, int]
    score: float
    scores: dict[str, float]
    note: str = ""


def choose(choice: Choice, ranks: Mapping[str, Scores], measure: Callable[[Scores], float]) -> Chosen:
    """Choose among candidates; among equals, the first.

    Args:
        choice: How to choose.
        ranks: The ranks of the items that are chosen by, for each candidate.
        measure: Returns the metric of scores for these items, or NaN.
    """
    scores = {name: measure(own) for name, own in ranks.items()}
    if len(ranks) < 2:
        (name,) = ranks
        return Chosen({name: 1}, scores[name], scores, "there is only one candidate")
    if any(math.isnan(score) for score in scores.values()):
        weights = dict.fromkeys(ranks, 1)
        return Chosen(weights, math.nan, scores, "the metric is undefined, so it is the mean rank of all candidates")
    best = max(scores, key=lambda name: scores[name])
    if choice.how == "best":
        return Chosen({best: 1}, scores[best], scores)
    weights = dict.fromkeys(ranks, 1) if choice.start == "all" else {best: 1}
    total: Scores = sum((ranks[name] * weight for name, weight in weights.items()), np.zeros(()))
    score = measure(rounded(total / sum(weights.values())))
    for _ in range(MOST):
        count = sum(weights.values()) + 1
        tried = {name: measure(rounded((total + own) / count)) for name, own in ranks.items()}
        name = max(tried, key=lambda name: tried[name])
        if not tried[name] > score:
            break
        score, total = tried[name], total + ranks[name]
        weights[name] = weights.get(name, 0) + 1
    return Chosen({name: weights[name] for name in ranks if name in weights}, score, scores)


def rounded(ranks: Scores) -> Scores:
    """Round mean ranks, which are often tied; rounding errors must not order them."""
    return np.round(ranks, 12)
