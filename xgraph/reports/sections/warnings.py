"""The warnings of a run."""

from xgraph.reports.page.blocks import LeftOut, Section, Text
from xgraph.reports.source import Source


def section(source: Source) -> Section | None:
    """Return the warnings; None if there were none, or if the run has not recorded them."""
    texts = source.warnings
    if not texts and not source.records_all:
        source.left_out.append(
            LeftOut("warnings of the run", "an older version of xgraph trained this run and did not record them")
        )
        return None
    return Section("Warnings", [Text(text) for text in texts]) if texts else None
