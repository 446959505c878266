"""Several runs: side by side, paired differences, and the ensemble."""

from collections.abc import Callable

from xgraph.reports.comparison import curves, differences, ensemble, side
from xgraph.reports.comparison.runs import Comparison
from xgraph.reports.page.blocks import Section

__all__ = ["COMPARISONS", "Comparison"]

COMPARISONS: dict[str, Callable[[Comparison], Section | None]] = {
    "runs": side.section,
    "paired differences": differences.section,
    "curves of the rankings": curves.section,
    "ensemble": ensemble.section,
}
"""The sections of a comparison, in order."""
