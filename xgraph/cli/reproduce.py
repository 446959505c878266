"""`xgraph reproduce`."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from xgraph.cli.completion import DEVICES, choice, complete_recipe
from xgraph.cli.startup import announce_loading


def reproduce(
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="RECIPE|FILE.toml",
            help="Name of a recipe, or your own recipe file. Without it, the recipes are listed.",
            autocompletion=complete_recipe,
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Run a reduced version that takes minutes; the report says so.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Directory of the runs and the report. [default: a new one in runs/]"),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(metavar="INT", help="CPU threads of each process. [default: 1 if there are several]")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            metavar="INT",
            help="Processes that the runs are spread over, with one thread each. [default: one per core; 1 with a GPU]",
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="Where to train.", **choice("device", *DEVICES))] = "auto",
) -> None:
    """Reproduce published results: train and test the models of a recipe, and compare them with the published figures.

    Each run is an ordinary run directory below --out. Repeat the command with the same --out to continue: finished runs
    are kept, and interrupted ones resume after their last saved step.
    """
    if recipe is None:
        if quick or out is not None:
            raise typer.BadParameter("expected the name of a recipe, or a TOML file", param_hint="RECIPE")
        _list()
        return
    announce_loading()
    from xgraph.cli.tables import aligned
    from xgraph.recipes.report.report import CUT_DOWN
    from xgraph.recipes.reproduce import reproduce as run_recipe
    from xgraph.signals import exit_code
    from xgraph.training.fit.train import Interrupted

    count = _usual_jobs(threads, device) if jobs is None else jobs
    try:
        report = run_recipe(recipe, out=out, quick=quick, threads=threads, device=device, progress=True, jobs=count)
    except Interrupted as stop:
        words = ["xgraph", "reproduce", recipe, *(["--quick"] if quick else []), "--out", str(stop.path)]
        words += [] if threads is None else ["--threads", str(threads)]
        words += [] if jobs is None else ["--jobs", str(jobs)]
        words += [] if device == "auto" else ["--device", device]
        sys.stderr.write(f"interrupted: `{shlex.join(words)}` resumes after the last saved step\n")
        raise typer.Exit(exit_code(stop.signum)) from None
    if report.values["quick"]:
        typer.echo(f"{CUT_DOWN}\n")
    for table in report.tables:
        typer.echo(f"{table.heading}\n{aligned(table.rows)}")
        typer.echo(f"{table.note}\n" if table.note else "")
    if report.values["claim"]:
        typer.echo(f"{' '.join(report.values['claim'])}\n")
    if report.submission is not None:
        typer.echo(f"predictions: {report.submission.path}")
    typer.echo(f"report: {report.path / 'report.md'}")
    if report.failed:
        sys.stderr.writelines(f"error: {name}: {error}\n" for name, error in report.failed.items())
        raise typer.Exit(1)


def _usual_jobs(threads: int | None, device: str) -> int:
    """Return one process per core, or per `threads` cores; a GPU is not shared."""
    from xgraph.data.storage.parallel import available_cores
    from xgraph.training.scoring.inference import choose_device

    if choose_device(device) == "cuda":
        return 1
    return max(1, available_cores() // max(threads or 1, 1))


def _list() -> None:
    from xgraph.recipes.schema.shipped import headlines

    if sys.stdout.isatty():
        for one in headlines():
            times = [one.time, f"--quick {one.quick}" if one.quick else ""]
            typer.echo(f"{one.name:<14}{one.title}\n{'':<14}{'; '.join(filter(None, times))}")
    else:
        for one in headlines():
            typer.echo("\t".join(one))
