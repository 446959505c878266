"""The figures of each task, or of each class."""

from typing import Any

import numpy as np

from xgraph.reports.figures.scores import against
from xgraph.reports.measures.names import PARTS, label
from xgraph.reports.page.blocks import Block, Figure, LeftOut, Section, Table
from xgraph.reports.source import Source

_ALL = ("ap", "roc_auc", "prc_auc", "ef_1", "bedroc", "f1", "mcc", "threshold")
_FEW = ("ap", "roc_auc", "f1")
_MANY, MOST = 300, 5000
"""Tasks of which fewer metrics are shown, and of which the rest is left out."""


def section(source: Source) -> Section | None:
    """Return a table of the tasks; None for a single task."""
    if len(source.tasks) < 2:
        return None
    details = source.metrics.get("details", {})
    part = next((name for name in ("test", "valid", "train") if name in details), None)
    what = "classes" if source.several_classes else "tasks"
    if part is None:
        source.left_out.append(LeftOut(f"table of {what}", "an older version of xgraph trained this run"))
        return None
    tasks: dict[str, dict[str, Any]] = details[part]["tasks"]
    if source.predicts_numbers:
        return _of_numbers(source, tasks, part)
    wanted = (source.metric, *(_ALL if len(tasks) <= _MANY else _FEW))
    names = [name for name in dict.fromkeys(wanted) if any(name in one for one in tasks.values())]
    rows = [
        [name, one["positives"], one["positives"] + one["negatives"], *(one.get(n) for n in names)]
        for name, one in tasks.items()
    ]
    if len(rows) > MOST:
        source.left_out.append(
            LeftOut(f"{len(rows) - MOST:,} {what} of the table", "only the first ones are shown; metrics.json has all")
        )
    noun = "class" if source.several_classes else "task"
    table = Table([noun, "positives", "labels", *map(label, names)], rows[:MOST], sortable=True)
    blocks: list[Block] = [*_scatter(tasks), table]
    note = f"{PARTS[part].capitalize()} part. Click on a header to sort." + (
        " Means over the folds." if source.folds else ""
    )
    return Section(what.capitalize(), blocks, note)


def _of_numbers(source: Source, tasks: dict[str, dict[str, Any]], part: str) -> Section:
    """Return the table of several targets."""
    names = list(dict.fromkeys((source.metric, "rmse", "mae", "r2", "spearman")))
    rows = [[name, one.get("numbers"), *(one.get(n) for n in names)] for name, one in list(tasks.items())[:MOST]]
    table = Table(["target", "numbers", *map(label, names)], rows, sortable=True)
    return Section("Targets", [table], f"{PARTS[part].capitalize()} part. Click on a header to sort.")


def _scatter(tasks: dict[str, dict[str, Any]]) -> list[Block]:
    """The average precision of each task against its number of positives, for many tasks."""
    known = [
        (one["positives"], one["ap"], one["roc_auc"]) for one in tasks.values() if "ap" in one and "roc_auc" in one
    ]
    if len(known) < 8:
        return []
    sample = np.random.default_rng(0).permutation(len(known))[:1000]
    positives, ap, auc = np.array(known, dtype=float)[np.sort(sample)].T
    more = f" A sample of 1,000 of {len(known):,}." if len(known) > 1000 else ""
    wide = positives.max() > 20 * max(positives.min(), 1)
    return [
        Figure(
            against(positives, ap, ("positives", label("ap")), log=wide),
            f"AP of each task and its number of positives.{more}",
        ),
        Figure(
            against(positives, auc, ("positives", label("roc_auc")), log=wide),
            f"ROC AUC of each task and its number of positives.{more}",
        ),
    ]
