"""What was trained, on what, and with which command."""

from xgraph.reports.page.blocks import Facts, Section
from xgraph.reports.source import Source


def section(source: Source) -> Section | None:
    """Return the overview of a run."""
    config = source.config
    pairs = [("data set", config.dataset), ("model", config.model), ("run directory", str(source.path))]
    return Section("Overview", [Facts(pairs)])
