"""Scores of nodes against their degree, and the error of the tables of feature momentum."""

from typing import Any

import numpy as np

from xgraph.reports.figures.scores import against
from xgraph.reports.measures.items import Items, binned, evenly, read_again
from xgraph.reports.measures.tables import table_errors
from xgraph.reports.page.blocks import Block, Figure, LeftOut, Section, Table
from xgraph.reports.source import Source
from xgraph.training.files.checkpoint import read_checkpoint
from xgraph.training.files.rundir import LAST

MOST_NODES = 500_000
"""Number of nodes up to which the graph is read again."""

POINTS = 1_000
"""Number of nodes that are drawn."""


def section(source: Source) -> Section | None:
    """Return scores and errors by degree; None for other items."""
    items = Items.of(source, "node", "scores of nodes by degree")
    if items is None:
        return None
    _, data = read_again(items.own, MOST_NODES, "nodes")
    degrees = np.diff(data.in_edges.colptr.numpy())[data.splits[items.part].numpy()].astype(np.float64)
    labels, values = items.labels, items.values
    rows = evenly(len(values), POINTS)
    some = f" {len(rows):,} of {len(values):,} nodes." if len(rows) < len(values) else ""
    blocks: list[Block] = [
        Figure(
            against(degrees[rows] + 1, values[rows], ("number of neighbours + 1", items.word), log=True),
            f"{items.word.capitalize()} against degree.{items.which}{some}",
        )
    ]
    known = np.isfinite(labels)
    if known.sum() > 1:
        errors = np.abs(labels - values)[known]
        blocks.append(
            Figure(
                against(*binned(degrees[known] + 1, errors), ("number of neighbours + 1", "mean error"), log=True),
                f"Mean difference between {items.word} and label, in bins of equal size by degree.",
            )
        )
    blocks += _momentum(source, items.own, data)
    return Section("Nodes", blocks, items.note)


def _momentum(source: Source, own: Source, data: Any) -> list[Block]:
    """Return the error of the tables, if the run has any."""
    try:
        errors = table_errors(read_checkpoint(own.path / LAST), data)
    except Exception as error:  # of many types: a report comes without what it cannot have
        source.left_out.append(LeftOut("error of the tables of feature momentum", str(error) or type(error).__name__))
        return []
    if not errors:
        return []
    rows = [[one.layer + 1, one.seen, one.median, one.high] for one in errors]
    columns = ["layer", "nodes in the table", "median relative error", "90th percentile"]
    about = (
        "Tables of feature momentum at the end of training: distance between a node's remembered aggregate and the "
        "exact one of the same weights over all neighbours, divided by the length of the exact one. The exact one is "
        "without dropout, which the tables have averaged over."
    )
    return [Table(columns, rows, caption=about)]
