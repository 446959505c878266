"""`xgraph.report`: a report on runs as one HTML file."""

from collections.abc import Sequence
from pathlib import Path

from xgraph.reports.page.blocks import LeftOut, Section
from xgraph.reports.page.render import render
from xgraph.reports.sections import SECTIONS
from xgraph.reports.source import Source
from xgraph.training import Run
from xgraph.training.files.writing import write_text

REPORT = "report.html"
"""The report of a run, in its directory."""


def report(runs: str | Path | Run | Sequence[str | Path | Run], out: str | Path | None = None) -> Path:
    """Write a report on a run: one HTML file that needs no network.

    Args:
        runs: A finished run, or its directory.
        out: The file to write; by default ``report.html`` in the run directory.

    Returns:
        The path of the report.
    """
    given = [runs] if isinstance(runs, str | Path | Run) else list(runs)
    paths = [one.path if isinstance(one, Run) else Path(one) for one in given]
    source = Source(paths[0])
    file = paths[0] / REPORT if out is None else Path(out)
    write_text(file, page(source))
    return file


def page(source: Source) -> str:
    """Return the page about one run. A section that fails is listed as left out, with the reason."""
    sections: list[Section] = []
    for name, section in SECTIONS.items():
        try:
            made = section(source)
        except Exception as error:  # of many types: one section is never worth losing the others for
            source.left_out.append(LeftOut(name, str(error) or type(error).__name__))
            continue
        if made is not None:
            sections.append(made)
    return render(f"{source.config.model} on {source.config.dataset}", sections, left_out=source.left_out)
