"""Predicted numbers beside the measured ones."""

from typing import Any

import numpy as np

from xgraph.reports.figures.errors import histogram
from xgraph.reports.figures.scores import against
from xgraph.reports.measures.items import evenly
from xgraph.reports.measures.names import PARTS
from xgraph.reports.measures.rankings import shown
from xgraph.reports.page.blocks import Block, Figure, LeftOut, Section, Table
from xgraph.reports.source import Source

TARGETS = 6
"""Number of targets that have figures of their own."""

_POINTS = 2_000


def section(source: Source) -> Section | None:
    """Return figures of predicted numbers and of their errors; None for labels and classes."""
    if not source.predicts_numbers:
        return None
    members = shown(source)
    if not members:
        source.left_out.append(LeftOut("predicted numbers", "the run has no predictions.csv"))
        return None
    measured, predicted = (
        np.concatenate([getattr(one.scores, name) for one in members]) for name in ("labels", "scores")
    )
    blocks: list[Block] = []
    chosen = _targets(source, members[0].part)
    for task in chosen:
        name = source.tasks[task]
        known = np.flatnonzero(~np.isnan(measured[:, task]))
        if not len(known):
            continue
        rows = known[evenly(len(known), _POINTS)]
        some = f" {len(rows):,} of {len(known):,} items." if len(rows) < len(known) else ""
        x, y = measured[rows, task], predicted[rows, task]
        blocks += [
            Figure(against(x, y, ("measured", "predicted"), diagonal=True), f"{name}: predicted and measured.{some}"),
            Figure(against(y, y - x, ("predicted", "predicted − measured")), f"{name}: errors.{some}"),
            Figure(histogram(y - x, "predicted − measured"), f"{name}: distribution of the errors.{some}"),
        ]
    if not blocks:
        return None
    held = _intervals(source, members[0].part)
    blocks += [held] if held else []
    folds = ", all folds together." if source.folds else "."
    which = f" The targets with the highest, middle and lowest R² of {len(source.tasks):,}."
    note = f"{PARTS[members[0].part].capitalize()} part{folds}{which * (len(chosen) < len(source.tasks))}"
    return Section("Predicted numbers", blocks, note)


def _figures(source: Source, part: str) -> dict[str, dict[str, Any]]:
    tasks: dict[str, dict[str, Any]] = source.metrics.get("details", {}).get(part, {}).get("tasks", {})
    return tasks


def _targets(source: Source, part: str) -> list[int]:
    """Return the targets that are drawn: all of a few, otherwise the best, those in the middle and the worst by R²."""
    every = list(range(len(source.tasks)))
    if len(every) <= TARGETS:
        return every
    figures, third = _figures(source, part), TARGETS // 3
    ranked = sorted(
        (task for task in every if figures.get(source.tasks[task], {}).get("r2") is not None),
        key=lambda task: -figures[source.tasks[task]]["r2"],
    )
    if len(ranked) < TARGETS:
        return every[:TARGETS]
    middle = (len(ranked) - third) // 2
    return [*ranked[:third], *ranked[middle : middle + third], *ranked[-third:]]


def _intervals(source: Source, part: str) -> Table | None:
    """Return what the intervals of each target hold, which the validation part has chosen."""
    details = source.metrics.get("details", {}).get(part, {})
    if "intervals" not in details:
        return None
    share = 100 * (1 - details["intervals"].get("alpha", 0.1))
    rows = [[name, one["coverage"], one["width"]] for name, one in _figures(source, part).items() if "width" in one]
    caption = (
        f"Conformal intervals of {share:.0f} %, chosen by the errors of the validation part: the share that hold the "
        "measured number, and their width"
    )
    return Table(["target", "coverage", "width"], rows, sortable=len(rows) > 1, caption=caption, folded=len(rows) > 12)
