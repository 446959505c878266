"""The sections of a report. Each is a function of a run, which returns None if it does not apply to it."""

from collections.abc import Callable

from xgraph.reports.page.blocks import Section
from xgraph.reports.sections import (
    bags,
    calibration,
    data,
    decisions,
    encoder,
    folds,
    molecules,
    nodes,
    numbers,
    overview,
    ranking,
    results,
    tasks,
    training,
    warnings,
)
from xgraph.reports.source import Source

SECTIONS: dict[str, Callable[[Source], Section | None]] = {
    "overview": overview.section,
    "warnings": warnings.section,
    "results": results.section,
    "data": data.section,
    "training": training.section,
    "predicted numbers": numbers.section,
    "ranking": ranking.section,
    "scores and calibration": calibration.section,
    "decisions": decisions.section,
    "tasks": tasks.section,
    "folds": folds.section,
    "molecules": molecules.section,
    "deciding instances": bags.section,
    "nodes": nodes.section,
}
"""The sections of the report on one run, in order; the names are those under which an omission is listed."""

ENCODER_SECTIONS: dict[str, Callable[[Source], Section | None]] = {
    "overview": encoder.overview,
    "results": encoder.results,
    "curves of pretraining": encoder.curves,
}
"""The sections of the report on a pretrained encoder."""
