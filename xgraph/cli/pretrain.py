"""`xgraph pretrain`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from xgraph.cli.generated import pretraining_options
from xgraph.cli.tables import metrics_table
from xgraph.cli.train import TrainCommand, generated_options, resumable


class PretrainCommand(TrainCommand):
    """The command with the options of pretraining and of all models of molecules."""

    def get_params(self, ctx: Any) -> list[Any]:
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
    resume: Annotated[bool, typer.Option("--resume", help="Resume the interrupted run in --out.")] = False,
) -> None:
    """Pretrain an encoder of molecules on several data sets at once, to be reused by xgraph train --init RUN.

    With --objective multitask it learns all their labels; with --objective contrastive none: it learns to recognise a
    molecule from a masked copy. The molecules of --exclude are left out of every data set.
    """
    from xgraph.training.pretraining import pretrain as run_pretraining

    with resumable("pretrain", "epoch"):
        options = generated_options(ctx)
        run = run_pretraining(datasets, config=config, out=out, resume=resume, progress=True, **options)
    typer.echo(metrics_table({"valid": run.metrics["valid"]}))
    typer.echo(f"run: {run.path}")
    typer.echo(f"next: xgraph train DATASET --init {run.path} with the same --model and its options")
