"""Figures of each task, and decisions at a threshold that the validation part has chosen."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xgraph.training.scoring.calibration import calibration_facts
from xgraph.training.scoring.intervals import ALPHA, Intervals
from xgraph.training.scoring.metrics import METRICS, Metric
from xgraph.training.scoring.numbers import score_numbers
from xgraph.training.scoring.sweep import FloatArray, columns, sweep

COUNTS = ("positives", "negatives")
KNOWN = "numbers"
"""How many numbers of a target are known."""


def task_figures(
    y: FloatArray, scores: FloatArray, names: Sequence[str], metrics: Mapping[str, Metric] | None = None
) -> dict[str, dict[str, float]]:
    """Return positives, negatives and all metrics of each task; no metrics for a task with one class only.

    Args:
        y: Labels 0 and 1, NaN for missing, shape [n, T].
        scores: Finite scores, shape [n, T].
        names: Names of the tasks.
        metrics: Metrics other than those of every run.
    """
    figures: dict[str, dict[str, float]] = {}
    for name, (labels, own) in zip(names, columns(y, scores), strict=True):
        swept = sweep(labels, own)
        figures[name] = {"positives": int((labels == 1).sum()), "negatives": int((labels == 0).sum())}
        if swept is not None:
            figures[name] |= {metric: value(swept) for metric, value in {**METRICS, **(metrics or {})}.items()}
    return figures


def number_figures(
    y: FloatArray,
    predicted: FloatArray,
    names: Sequence[str],
    valid: tuple[FloatArray, FloatArray] | None = None,
) -> dict[str, Any]:
    """Return the figures of each target of a part: how many numbers are known, their spread, and all metrics.

    Args:
        y: Numbers, NaN for missing, shape [n, T].
        predicted: Predicted numbers, shape [n, T].
        names: Names of the targets.
        valid: Numbers and predictions of the validation part, if the part is another: what intervals by it hold.
    """
    figures = number_counts(y, names)
    for target, own in enumerate(figures.values()):
        scores = score_numbers(y[:, target], predicted[:, target]).items()
        own |= {name: value for name, value in scores if not math.isnan(value)}
    if valid is None:
        return {"tasks": figures}
    for own, held in zip(figures.values(), Intervals(*valid).coverage(y, predicted, ALPHA), strict=True):
        own |= {name: value for name, value in held.items() if value is not None and math.isfinite(value)}
    held = {name: [own[name] for own in figures.values() if name in own] for name in ("coverage", "width")}
    means = {name: float(np.mean(values)) for name, values in held.items() if values}
    return {"tasks": figures, **({"intervals": {"alpha": ALPHA, **means}} if means else {})}


def number_counts(y: FloatArray, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return how many numbers of each target are known, and their mean, standard deviation, minimum and maximum.

    Args:
        y: Numbers, NaN for missing, shape [n, T].
        names: Names of the targets.
    """
    counts: dict[str, dict[str, float]] = {}
    for target, name in enumerate(names):
        known = y[~np.isnan(y[:, target]), target].astype(np.float64)
        counts[name] = {KNOWN: len(known)}
        if len(known):
            spread = {"mean": known.mean(), "std": known.std(), "min": known.min(), "max": known.max()}
            counts[name] |= {key: float(value) for key, value in spread.items()}
    return counts


def label_counts(y: FloatArray, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the number of positives and of negatives of each task.

    Args:
        y: Labels 0 and 1, NaN for missing, shape [n, T].
        names: Names of the tasks.
    """
    counts = zip(names, (y == 1).sum(axis=0).tolist(), (y == 0).sum(axis=0).tolist(), strict=True)
    return {name: dict(zip(COUNTS, own, strict=True)) for name, *own in counts}


def choose_thresholds(y: FloatArray, scores: FloatArray) -> list[float | None]:
    """Return the threshold of each task with the best F1; None for a task with one class only.

    It lies between two scores, in the middle, or at the lowest score if all items are positive then.
    """
    thresholds: list[float | None] = []
    for labels, own in columns(y, scores):
        swept = sweep(labels, own)
        if swept is None:
            thresholds.append(None)
            continue
        known = own[~np.isnan(labels)]
        distinct = np.unique(known)[::-1]
        best = int(np.argmax(2 * swept.tp / (swept.tp + swept.fp + swept.tp[-1])))
        below = distinct[best + 1] if best + 1 < len(distinct) else distinct[best]
        thresholds.append(float((distinct[best] + below) / 2))
    return thresholds


def at_thresholds(y: FloatArray, scores: FloatArray, thresholds: Sequence[float | None]) -> list[dict[str, float]]:
    """Return accuracy, balanced accuracy, F1 and Matthews' correlation of each task; nothing without a threshold.

    The balanced accuracy is the mean of the shares of positives and of negatives that are decided rightly, where there
    are both.
    """
    figures: list[dict[str, float]] = []
    for task, threshold in enumerate(thresholds):
        known = ~np.isnan(y[:, task])
        if threshold is None or not known.any():
            figures.append({})
            continue
        actual, predicted = y[known, task] == 1, scores[known, task] >= threshold
        tp, fp = float((actual & predicted).sum()), float((~actual & predicted).sum())
        fn, tn = float((actual & ~predicted).sum()), float((~actual & ~predicted).sum())
        root = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
        one = {"accuracy": (tp + tn) / len(actual)}
        if tp + fn and tn + fp:
            one["balanced_accuracy"] = (tp / (tp + fn) + tn / (tn + fp)) / 2
        one["f1"] = 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0
        one["mcc"] = float((tp * tn - fp * fn) / root) if root else 0.0
        figures.append(one)
    return figures


def mean_figures(tasks: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each figure over the tasks that have it."""
    names = dict.fromkeys(name for one in tasks for name in one)
    return {name: float(np.mean([one[name] for one in tasks if name in one])) for name in names}


class Decisions:
    """Decisions of the tasks at thresholds.

    Args:
        thresholds: The threshold of each task, for scores as `xgraph.predict` returns them; None where there is none.
    """

    def __init__(self, thresholds: Sequence[float | None]) -> None:
        self.thresholds = thresholds

    @classmethod
    def at_best_f1(cls, y: FloatArray, scores: FloatArray) -> "Decisions":
        """Choose the thresholds on the validation part."""
        return cls(choose_thresholds(y, scores))

    @classmethod
    def of_run(cls, metrics: Mapping[str, Any], names: Sequence[str]) -> "Decisions":
        """Take the thresholds that a finished run has chosen."""
        tasks = metrics.get("details", {}).get("valid", {}).get("tasks", {})
        return cls([tasks.get(name, {}).get("threshold") for name in names])

    def add_to(self, details: dict[str, Any], y: FloatArray, scores: FloatArray) -> None:
        """Add the figures of a part at the thresholds to its details."""
        tasks = at_thresholds(y, scores, self.thresholds)
        for figures, threshold, one in zip(details["tasks"].values(), self.thresholds, tasks, strict=True):
            if one:
                figures |= {"threshold": threshold, **one}
        if any(tasks):
            details["at_threshold"] = mean_figures(tasks)


def part_details(
    y: FloatArray, scores: FloatArray, names: Sequence[str], metrics: Mapping[str, Metric] | None = None
) -> dict[str, Any]:
    """Return the figures of each task of a part, and how many tasks have both classes, over which the means are."""
    figures = task_figures(y, scores, names, metrics)
    both = sum(one["positives"] > 0 < one["negatives"] for one in figures.values())
    return {"tasks_with_both_classes": both, "tasks": figures}


def add_calibration(
    details: dict[str, Any],
    valid: tuple[FloatArray, FloatArray] | None,
    y: FloatArray,
    scores: FloatArray,
    names: Sequence[str],
    several_classes: bool = False,
) -> None:
    """Add to the details of a part how far its scores are probabilities, and what its conformal sets hold.

    Args:
        details: The details of the part.
        valid: Labels and scores of the validation part, if there is one and the part is another.
        y: Labels of the part.
        scores: Its scores between 0 and 1.
        names: Names of the columns.
        several_classes: Whether the columns are classes that exclude each other.
    """
    y_valid, s_valid = valid or (None, None)
    facts = calibration_facts(y_valid, s_valid, y, scores, names=names, several_classes=several_classes)
    for name, figures in facts.pop("tasks").items():
        details["tasks"][name] |= figures
    if facts:
        details["calibration"] = facts


def constant_tasks(scores: FloatArray, details: Mapping[str, Any], several_classes: bool = False) -> list[str]:
    """Return the tasks with both classes in which all items have the same score, so that nothing is ranked.

    Args:
        scores: Scores of a part, shape [n, T].
        details: The details of the part.
        several_classes: The tasks are the classes of a single one, all of which must be constant.
    """
    if several_classes:
        return list(details["tasks"]) if len(scores) > 1 and (scores == scores[0]).all() else []
    figures = zip(details["tasks"].items(), scores.T, strict=True)
    return [name for (name, one), own in figures if "tied" in one and (own == own[0]).all()]


def mean_details(folds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the means over folds; positives and negatives are their sums."""
    tasks: dict[str, dict[str, float]] = {}
    for name in folds[0]["tasks"]:
        of_task = [fold["tasks"][name] for fold in folds]
        counted = [key for key in (*COUNTS, KNOWN) if key in of_task[0]]
        tasks[name] = mean_figures(of_task) | {key: sum(one[key] for one in of_task) for key in counted}
    means = {
        key: mean_figures([fold[key] for fold in folds if key in fold])
        for key in ("at_threshold", "calibration", "intervals")
    }
    both = "tasks_with_both_classes"
    least = {both: min(fold[both] for fold in folds)} if both in folds[0] else {}
    return {**least, "tasks": tasks} | {key: one for key, one in means.items() if one}
