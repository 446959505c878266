"""Checks of relevance labels and scores."""

from __future__ import annotations

from torch import Tensor

from xgraph.losses.batch import check_finite, within_limit
from xgraph.relevance import check_relevance


def check_graded(scores: Tensor, labels: Tensor, most: float) -> None:
    """Raise if a label is negative, infinite or above ``most``, or a score is not finite."""
    check_relevance("target", labels, most)
    if not within_limit(scores):
        check_finite("logits", scores)
