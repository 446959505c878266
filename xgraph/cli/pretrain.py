"""`xgraph pretrain`."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from xgraph.cli.generated import pretraining_options
from xgraph.cli.tables import metrics_table
from xgraph.cli.train import _GIVEN, TrainCommand


class PretrainCommand(TrainCommand):
    """The command with the options of pretraining and of all models of molecules."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its own parameters and the generated ones.

        Args:
            ctx: The context of the call.
        """
        if self._generated is None:
            self._generated = pretraining_options()
        return super().get_params(ctx)


def pretrain(
    ctx: typer.Context,
    datasets: Annotated[
        str | None,
        typer.Argument(
            metavar="DATASETS",
            help="Data sets of molecules (xgraph data list) or CSV files with SMILES, with commas between them, such "
            "as hiv,tox21,my.csv.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with settings, such as the config.toml of such a run.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Directory of the run, new or empty. Default: a new one under runs/.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the interrupted run in --out.")] = False,
) -> None:
    """Pretrain an encoder of molecules on several data sets at once, to be reused by xgraph train --init RUN.

    With --objective multitask it learns all their labels, with --objective contrastive none: it learns to know a
    molecule again when atoms and bonds are hidden. The molecules of --exclude are left out, whatever data set has them.
    """
    from xgraph.training.fit.train import Interrupted
    from xgraph.training.pretraining import pretrain as run_pretraining

    try:
        run = run_pretraining(datasets, config=config, out=out, resume=resume, progress=True, **ctx.meta[_GIVEN])
    except Interrupted as stop:
        sys.stderr.write(
            f"interrupted: `xgraph pretrain --resume --out {stop.path}` goes on after the last epoch that was "
            "finished\n"
        )
        raise typer.Exit(130) from None
    typer.echo(metrics_table({"valid": run.metrics["valid"]}))
    typer.echo(f"run: {run.path}")
    typer.echo(f"next: xgraph train DATASET --init {run.path} with the same --model and its options")
