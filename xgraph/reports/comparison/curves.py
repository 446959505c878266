"""The rankings of several runs in one figure."""

from xgraph.reports.comparison.runs import Comparison
from xgraph.reports.figures.ranking import Ranking, draw
from xgraph.reports.figures.svg import LINES
from xgraph.reports.measures.names import PARTS
from xgraph.reports.page.blocks import Figure, LeftOut, Section
from xgraph.training.scoring.sweep import sweep


def section(comparison: Comparison) -> Section | None:
    """Return precision-recall and ROC curves of runs with a single task and the same items."""
    if comparison.numbers:
        return None
    shared = comparison.shared
    why = shared if isinstance(shared, str) else ""
    if not why and len(comparison.sources[0].tasks) > 1:
        why = "the runs have several tasks; the report on each run has its curves"
    if not why and len(comparison.sources) > len(LINES):
        why = f"there are more than {len(LINES)} runs"
    if why or isinstance(shared, str):
        comparison.left_out.append(LeftOut("curves of the rankings", why))
        return None
    swept = [sweep(shared.labels[:, 0], own[:, 0]) for own in shared.scores]
    rankings = [Ranking(name, one) for name, one in zip(comparison.names, swept, strict=True) if one is not None]
    if not rankings:
        comparison.left_out.append(LeftOut("curves of the rankings", "the part has items of only one class"))
        return None
    part = PARTS[str(comparison.part)]
    figures = [
        Figure(draw("pr", rankings, "Precision and recall"), "Precision over recall. Dotted: a random order."),
        Figure(draw("roc", rankings, "ROC"), "True-positive over false-positive rate. Dotted: a random order."),
    ]
    return Section("Rankings", figures, f"{part.capitalize()} part.")
