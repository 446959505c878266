"""`xgraph reproduce`."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer


def reproduce(
    recipe: Annotated[
        str | None,
        typer.Argument(metavar="RECIPE|FILE.toml", help="A recipe by name, or a file of your own. None: list them."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A reduced version that takes minutes; the report says so.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Directory of all runs and the report; existing runs are kept or resumed. Default: under runs/."
        ),
    ] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads of torch; its own choice by default.")] = None,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="Where to train.")] = "auto",
) -> None:
    """Train and score all models of a recipe, and compare them with the published figures.

    Each run is an ordinary run directory below --out. Called again with the same --out, finished runs are kept and
    interrupted ones resume after their last epoch.
    """
    if recipe is None:
        if quick or out is not None:
            raise typer.BadParameter("expected the name of a recipe, or a TOML file", param_hint="RECIPE")
        _list()
        return
    from xgraph.cli.tables import aligned
    from xgraph.recipes.report.report import CUT_DOWN
    from xgraph.recipes.reproduce import reproduce as run_recipe
    from xgraph.training.fit.train import Interrupted

    try:
        report = run_recipe(recipe, out=out, quick=quick, threads=threads, device=device, progress=True)
    except Interrupted as stop:
        words = ["xgraph", "reproduce", recipe, *(["--quick"] if quick else []), "--out", str(stop.path)]
        words += [] if threads is None else ["--threads", str(threads)]
        words += [] if device == "auto" else ["--device", device]
        sys.stderr.write(f"interrupted: `{shlex.join(words)}` resumes after the last finished epoch\n")
        raise typer.Exit(130) from None
    if report.values["quick"]:
        typer.echo(f"{CUT_DOWN}\n")
    for table in report.tables:
        typer.echo(f"{table.heading}\n{aligned(table.rows)}")
        typer.echo(f"{table.note}\n" if table.note else "")
    if report.submission is not None:
        typer.echo(f"predictions: {report.submission.path}")
    typer.echo(f"report: {report.path / 'report.md'}")


def _list() -> None:
    from xgraph.recipes.schema.shipped import headlines

    if sys.stdout.isatty():
        for one in headlines():
            times = [one.time, f"--quick {one.quick}" if one.quick else ""]
            typer.echo(f"{one.name:<14}{one.title}\n{'':<14}{'; '.join(filter(None, times))}")
    else:
        for one in headlines():
            typer.echo("\t".join(one))
