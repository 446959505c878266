"""`xgraph report`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from xgraph.cli.startup import announce_loading


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Finished run directories. Several runs are compared with each other.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="HTML file to write. [default: report.html in the run directory; comparison.html in the first one's "
            "parent folder for several runs]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a report on a run as one HTML file that needs no network: curves, figures and tables.

    `xgraph train` writes it too, unless --no-report is given.
    """
    announce_loading()
    from xgraph.messages import legible
    from xgraph.reports.write import write_report

    file, left_out = write_report(runs, out)
    for one in left_out:
        sys.stderr.write(f"left out: {legible(one.what)}: {legible(one.why)}\n")
    typer.echo(f"report: {file}")
