"""`xgraph evaluate`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from xgraph.cli.completion import DEVICES, SPLITS, choice
from xgraph.cli.startup import announce_loading


def evaluate(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Run directories. The scores of several runs on the same data and splits are combined first, fold by "
            "fold if the runs have folds.",
        ),
    ],
    split: Annotated[str, typer.Option(help="Part of the data to evaluate on.", **choice("split", *SPLITS))] = "test",
    combine: Annotated[
        str,
        typer.Option(
            help="How to combine several runs: the mean of their scores, or of the ranks that they give.",
            **choice("combine", "mean", "rank"),
        ),
    ] = "mean",
    max_fpr: Annotated[
        float | None,
        typer.Option(metavar="FLOAT", help="Also report the partial AUC up to this false-positive rate."),
    ] = None,
    min_tpr: Annotated[
        float | None,
        typer.Option(metavar="FLOAT", help="With --max-fpr: also the two-way one from this true-positive rate."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
    device: Annotated[str, typer.Option(help="Where to compute.", **choice("device", *DEVICES))] = "auto",
) -> None:
    """Evaluate a run on a part of its data: all metrics, as a table or as JSON.

    For runs over folds, the metrics are means and standard deviations over the folds.
    """
    announce_loading()
    from xgraph.cli.tables import metrics_table
    from xgraph.training.files.writing import plain
    from xgraph.training.prediction.evaluate import evaluate_with_spread

    limits = {"max_fpr": max_fpr, "min_tpr": min_tpr}
    metrics = {split: evaluate_with_spread(runs, split, combine=combine, **limits, device=device, progress=True)}
    typer.echo(json.dumps(plain(metrics)) if as_json else metrics_table(metrics))
