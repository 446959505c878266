"""`xgraph train`."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from xgraph.cli.generated import given, training_options
from xgraph.cli.tables import metrics_table

_GIVEN = "xgraph.options"


class TrainCommand(TyperCommand):
    """The command with the options of all losses and models, which are looked up only when it is used."""

    _generated: list[Any] | None = None

    def get_params(self, ctx: Any) -> list[Any]:
        """Its own parameters and the generated ones.

        Args:
            ctx: The context of the call.
        """
        if self._generated is None:
            self._generated = training_options()
        own = super().get_params(ctx)
        return [*own, *self._generated]

    def invoke(self, ctx: Any) -> Any:
        """Hand the generated options over beside the function's own arguments.

        Args:
            ctx: The context of the call.
        """
        ctx.meta[_GIVEN] = given(ctx.params)
        return super().invoke(ctx)


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
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the interrupted run in --out.")] = False,
) -> None:
    """Train a model, test its best epoch (or its last, with --keep last), and write all of it into a run directory.

    Without arguments: SOAP on the embedded data set, in under three minutes.

    An option that the loss and the model both have is the model's; --loss-gamma and --model-gamma say whose it is, and
    so for every option of theirs.
    """
    from xgraph.training.fit.train import Interrupted
    from xgraph.training.fit.train import train as run_training

    try:
        run = run_training(dataset, config=config, out=out, resume=resume, progress=True, **ctx.meta[_GIVEN])
    except Interrupted as stop:
        sys.stderr.write(
            f"interrupted: `xgraph train --resume --out {stop.path}` goes on after the last epoch that was finished\n"
        )
        raise typer.Exit(130) from None
    typer.echo(metrics_table(run.metrics))
    typer.echo(f"run: {run.path}")
