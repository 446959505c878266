"""The rankings of a run: which part is shown, and the counts of each task."""

from typing import Any, NamedTuple

import numpy as np

from xgraph.reports.measures.curves import FloatArray
from xgraph.reports.predictions import Scores
from xgraph.reports.source import Source


class Shown(NamedTuple):
    """The predictions that the figures show.

    Args:
        part: The part: the test part, or the last one before it that has predictions.
        scores: Its predictions; for a run over folds, those of one fold.
        source: The run, or the fold.
    """

    part: str
    scores: Scores
    source: Source


def shown(source: Source) -> list[Shown]:
    """Return the predictions that figures show: of the run, or of each fold; empty if there are none."""
    members = source.folds or [source]
    for part in ("test", "valid", "train"):
        every = [(one, one.scores(part)) for one in members]
        known = [Shown(part, scores, one) for one, scores in every if scores is not None]
        if known:
            return known
    return []


def thresholds(source: Source) -> list[float | None]:
    """Return the threshold of each task that the validation part has chosen; None where there is none."""
    tasks: dict[str, Any] = source.of_scores.get("details", {}).get("valid", {}).get("tasks", {})
    return [tasks.get(name, {}).get("threshold") for name in source.tasks]


def confusion(labels: FloatArray, scores: FloatArray, threshold: float) -> FloatArray:
    """Count items by label and decision: rows negative, positive; columns the same, decided so.

    Args:
        labels: 0 and 1, or NaN for a missing label, shape ``[n]``.
        scores: Scores, shape ``[n]``.
        threshold: Items with at least this score are decided to be positive.
    """
    known = ~np.isnan(labels)
    actual, decided = labels[known] == 1, scores[known] >= threshold
    return np.array(
        [
            [(~actual & ~decided).sum(), (~actual & decided).sum()],
            [(actual & ~decided).sum(), (actual & decided).sum()],
        ],
        dtype=float,
    )
