"""`xgraph train`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from xgraph.cli.generated import take_typed, training_options
from xgraph.cli.tables import metrics_table

_OPTIONS = "xgraph.options"


class TrainCommand(TyperCommand):
    """The command with the options of all losses and models, which are collected only when it is used."""

    _generated: list[Any] | None = None

    def get_params(self, ctx: Any) -> list[Any]:
        if self._generated is None:
            self._generated = training_options()
        own = super().get_params(ctx)
        return [*own, *self._generated]

    def invoke(self, ctx: Any) -> Any:
        """Pass the generated options on beside the function's own arguments."""
        ctx.meta[_OPTIONS] = take_typed(ctx.params)
        return super().invoke(ctx)


def generated_options(ctx: typer.Context) -> dict[str, Any]:
    """The generated options of a call, by name."""
    options: dict[str, Any] = ctx.meta[_OPTIONS]
    return options


@contextmanager
def resumable(command: str, unit: str) -> Iterator[None]:
    """When interrupted, say which command resumes, and exit with code 130."""
    from xgraph.training.fit.train import Interrupted

    try:
        yield
    except Interrupted as stop:
        again = f"xgraph {command} --resume --out {stop.path}"
        sys.stderr.write(f"interrupted: `{again}` resumes after the last finished {unit}\n")
        raise typer.Exit(130) from None


def train(
    ctx: typer.Context,
    dataset: Annotated[
        str | None,
        typer.Argument(
            metavar="DATASET|FILE.csv",
            help="A data set of molecules, of a graph's nodes or of bags (xgraph data list), or a CSV file with SMILES "
            "and 0/1 labels, or with --bag-column one of bags. \\[default: nci-pains]",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with settings, such as the config.toml of a run.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Directory of the run, new or empty. Default: a new one under runs/.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume the interrupted run in --out.")] = False,
) -> None:
    """Train a model, test its best epoch (or its last, with --keep last), and write all of it into a run directory.

    Without arguments: SOAP on the embedded data set, in under three minutes.

    An option that both the loss and the model have is the model's; any option of theirs can be written with its owner,
    as in --loss-gamma and --model-gamma.
    """
    from xgraph.training.fit.train import train as run_training

    with resumable("train", "epoch"):
        run = run_training(dataset, config=config, out=out, resume=resume, progress=True, **generated_options(ctx))
    typer.echo(metrics_table(run.metrics))
    typer.echo(f"run: {run.path}")
