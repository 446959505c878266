"""Predicted numbers beside the measured ones."""

import numpy as np

from xgraph.reports.figures.scores import against
from xgraph.reports.measures.items import evenly
from xgraph.reports.measures.names import PARTS
from xgraph.reports.measures.rankings import shown
from xgraph.reports.page.blocks import Block, Figure, LeftOut, Section
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
    for task, name in enumerate(source.tasks[:TARGETS]):
        known = np.flatnonzero(~np.isnan(measured[:, task]))
        if not len(known):
            continue
        rows = known[evenly(len(known), _POINTS)]
        some = f" {len(rows):,} of {len(known):,} items." if len(rows) < len(known) else ""
        x, y = measured[rows, task], predicted[rows, task]
        blocks += [
            Figure(against(x, y, ("measured", "predicted"), diagonal=True), f"{name}: predicted and measured.{some}"),
            Figure(against(y, y - x, ("predicted", "predicted − measured")), f"{name}: errors.{some}"),
        ]
    if not blocks:
        return None
    if len(source.tasks) > TARGETS:
        source.left_out.append(
            LeftOut(f"figures of {len(source.tasks) - TARGETS:,} targets", "the first ones are shown")
        )
    folds = ", all folds together." if source.folds else "."
    return Section("Predicted numbers", blocks, f"{PARTS[members[0].part].capitalize()} part{folds}")
