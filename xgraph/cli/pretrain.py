"""`xgraph pretrain`."""

from pathlib import Path
from typing import Annotated

import typer

from xgraph.cli.completion import complete_dataset
from xgraph.cli.help.catalogue_commands import HelpAll, catalogue_options
from xgraph.cli.startup import announce_loading
from xgraph.cli.tables import metrics_table
from xgraph.cli.train import resumable


def pretrain(
    ctx: typer.Context,
    datasets: Annotated[
        str | None,
        typer.Argument(
            metavar="DATASETS",
            help="Molecule data sets (`xgraph data list`) or CSV files with SMILES, separated by commas, such as "
            "hiv,tox21,my.csv.",
            autocompletion=complete_dataset,
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="TOML file with settings, such as config.toml of a pretraining run.",
            rich_help_panel="Run",
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
    help_all: HelpAll = False,
) -> None:
    """Pretrain a molecule encoder on several data sets, for `xgraph train --init RUN`.

    With --objective multitask the encoder learns all labels of the data sets. With --objective contrastive it needs no
    labels: it learns to recognise a molecule from a masked copy. With --objective two-tower --text-column C it learns
    to match molecules with the texts that describe them.
    """
    announce_loading()
    from xgraph.training.pretraining import pretrain as run_pretraining

    with resumable("pretrain", "saved step"):
        options = catalogue_options(ctx)
        run = run_pretraining(datasets, config=config, out=out, resume=resume, progress=True, **options)
    typer.echo(metrics_table({"valid": run.metrics["valid"]}))
    typer.echo(f"run: {run.path}")
    typer.echo(f"next: xgraph train DATASET --init {run.path}, with the same --model and model options")
