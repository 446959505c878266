"""The ensemble of runs: the mean of their scores."""

from typing import Any

import numpy as np

from xgraph.reports.comparison.runs import Comparison, Shared, shared_items
from xgraph.reports.measures.curves import FloatArray
from xgraph.reports.measures.names import PARTS, label
from xgraph.reports.page.blocks import LeftOut, Section, Table
from xgraph.training.scoring.metrics import accuracy, score_all
from xgraph.training.scoring.numbers import score_numbers

_METRICS = ("accuracy", "ap", "roc_auc", "prc_auc", "ef_1", "bedroc", "rmse", "mae", "r2", "spearman")


def section(comparison: Comparison) -> Section | None:
    """Return the metrics of the mean score beside those of the runs."""
    part, sources = comparison.part, comparison.sources
    if comparison.obstacle or part is None:
        why = comparison.obstacle or "the runs report no part in common"
        comparison.left_out.append(LeftOut("ensemble", why))
        return None
    several = sources[0].several_classes
    groups = zip(*(source.folds for source in sources), strict=True) if sources[0].folds else [tuple(sources)]
    every: list[list[dict[str, float]]] = []
    for members in groups:
        shared = shared_items(members, comparison.names, part)
        if isinstance(shared, str):
            comparison.left_out.append(LeftOut("ensemble", shared))
            return None
        every.append(_numbers(shared) if comparison.numbers else _metrics(shared, several))
    who = [f"ensemble, mean of the {'predictions' if comparison.numbers else 'scores'}", *comparison.names]
    names = [name for name in _METRICS if name in every[0][0]]
    rows: list[list[Any]] = []
    for at, name in enumerate(who):
        values = [[fold[at][metric] for metric in names] for fold in every]
        rows.append([name, *(float(value) for value in np.mean(values, axis=0))])
    note = f"{PARTS[part].capitalize()} part"
    note += f", means over {len(every)} folds." if len(every) > 1 else "."
    return Section("Ensemble", [Table(["", *map(label, names)], rows)], note)


def _numbers(shared: Shared) -> list[dict[str, float]]:
    """Return the metrics of the mean of predicted numbers, and of each run, on the same items."""
    return [score_numbers(shared.labels, own) for own in (np.mean(shared.scores, axis=0), *shared.scores)]


def _metrics(shared: Shared, several_classes: bool) -> list[dict[str, float]]:
    """Return the metrics of the mean of the scores, and of each run, on the same items."""
    mean: FloatArray = np.mean(shared.scores, axis=0)
    values = []
    for scores in (mean, *shared.scores):
        own = {"accuracy": accuracy(shared.labels, scores)} if several_classes else {}
        values.append({**own, **score_all(shared.labels, scores)})
    return values
