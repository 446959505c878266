"""`xgraph train`."""

import shlex
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from xgraph.cli.checks import check_dataset
from xgraph.cli.completion import complete_dataset
from xgraph.cli.help.catalogue_commands import HelpAll, catalogue_options
from xgraph.cli.startup import announce_loading
from xgraph.cli.streams import keep_input
from xgraph.cli.tables import closing_lines, constraints_text, details_text, metrics_table

_DEMO = {"epochs": 25}
"""Fewer epochs than usual, so that it takes about a minute."""

_WITH_THE_DEMO = {"seed", "device", "threads"}
"""Options that the demo can have."""


@contextmanager
def resumable(command: str, unit: str) -> Iterator[None]:
    """When stopped, say which command resumes, and exit with the signal's code: 130 for Ctrl-C, 143 for SIGTERM.

    Args:
        command: The command of `xgraph`.
        unit: What it has finished when it resumes.
    """
    from xgraph.signals import exit_code
    from xgraph.training.fit.train import Interrupted

    try:
        yield
    except Interrupted as stop:
        again = f"`xgraph {command} --resume --out {stop.path}`"
        if stop.lacking:
            text = f"the network is trained and kept; {again} adds {stop.lacking}"
        elif stop.saved:
            text = f"{again} resumes after the last {unit}"
        else:
            text = "nothing has been saved; run the command again"
        sys.stderr.write(f"interrupted: {text}\n")
        raise typer.Exit(exit_code(stop.signum)) from None
    except KeyboardInterrupt as stop:
        sys.stderr.write("interrupted before the first step; run the command again\n")
        raise typer.Exit(exit_code(getattr(stop, "signum", signal.SIGINT))) from None


def train(
    ctx: typer.Context,
    dataset: Annotated[
        str | None,
        typer.Argument(
            metavar="DATASET|PATH",
            help="A data set (`xgraph data list`), or your own table, graph or folder of bags; - is standard input. "
            "[default: nci-pains]",
            autocompletion=complete_dataset,
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="TOML file with settings, such as config.toml of a run.", rich_help_panel="Run"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Run directory. [default: a new one in runs/]",
            rich_help_panel="Run",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume the interrupted run in --out.", rich_help_panel="Run")
    ] = False,
    all_metrics: Annotated[
        bool, typer.Option("--all-metrics", help="Show all metrics, not just four.", rich_help_panel="Run")
    ] = False,
    report: Annotated[
        bool,
        typer.Option(
            "--report/--no-report",
            envvar="XGRAPH_REPORT",
            show_envvar=False,
            help="Write report.html, a page about the run with its figures, to the run directory. XGRAPH_REPORT=0 "
            "leaves it out for all runs.",
            rich_help_panel="Run",
        ),
    ] = True,
    help_all: HelpAll = False,
) -> None:
    """Train a model, test its best epoch, and write everything to a run directory.

    Without arguments it runs a demo of about a minute on the embedded data set nci-pains.
    """
    if dataset == "-":
        dataset = keep_input()
    check_dataset(dataset)
    options = catalogue_options(ctx)
    demo = dataset is None and config is None and not resume and options.keys() <= _WITH_THE_DEMO
    if demo:
        options |= _DEMO
        sys.stderr.write("demo: the same as `xgraph train nci-pains --epochs 25`\n")
    announce_loading()
    from xgraph.training.fit.train import train as run_training

    if config is None and not resume:
        options |= usual_baseline({**options, **({} if dataset is None else {"dataset": dataset})})
    with resumable("train", "saved step"):
        run = run_training(dataset, config=config, out=out, resume=resume, progress=True, **options)
    typer.echo(metrics_table(run.metrics, all_metrics=all_metrics))
    details, of_bags = run.metrics.get("details", {}).get("test"), run.config.data.kind == "bag"
    if more := details_text(details, run.metrics.get("metric"), all_metrics, decided=of_bags):
        typer.echo(f"\n{more}\n")
    if more := constraints_text(run.metrics.get("constraints")):
        typer.echo(f"\n{more}\n")
    typer.echo("\n".join(closing_lines(run, demo)))
    if report:
        write_report(run.path)


def write_report(path: Path) -> None:
    """Write the report of a finished run. What keeps it from being written is a warning, since the run is finished."""
    from xgraph.distributed.environment import place
    from xgraph.messages import legible
    from xgraph.signals import exit_code

    here = place()
    if here is not None and here.rank > 0:
        return
    again = f"`xgraph report {shlex.quote(str(path))}` writes it"
    try:
        from xgraph.reports import report
        from xgraph.training.loggers.logbook import attach

        file = Path(report(path))
        typer.echo(f"report: {file}")
        attach(path, file)
    except KeyboardInterrupt as stop:
        sys.stderr.write(f"interrupted: the run is finished, but not its report; {again}\n")
        raise typer.Exit(exit_code(getattr(stop, "signum", signal.SIGINT))) from None
    except Exception as error:  # of many types: a report is never worth losing a run for
        reason = " ".join(str(error).split()) or type(error).__name__
        sys.stderr.write(f"warning: the run is finished, but its report was not written ({legible(reason)}); {again}\n")


def usual_baseline(settings: Mapping[str, Any]) -> dict[str, bool]:
    """The setting that the command adds to those that were typed: a baseline, where there is one."""
    from xgraph.training.config.baseline import has_baseline
    from xgraph.training.config.build import build_config

    typed = build_config(settings)
    return {"baseline": True} if typed.baseline is None and has_baseline(typed) else {}
