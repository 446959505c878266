"""`xgraph evaluate`."""

import json
from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Run directory, or several on the same data and splits, whose scores are combined first (fold by fold "
            "for runs over folds).",
        ),
    ],
    split: Annotated[str, typer.Option(metavar="train|valid|test", help="Which part of the data.")] = "test",
    combine: Annotated[
        str,
        typer.Option(
            metavar="mean|rank",
            help="How several runs score an item: by the mean of their scores, or of the rank that each gives it.",
        ),
    ] = "mean",
    max_fpr: Annotated[
        float | None, typer.Option(help="Give the partial areas under the ROC curve at this highest FPR too.")
    ] = None,
    min_tpr: Annotated[float | None, typer.Option(help="And the two-way one at this lowest TPR.")] = None,
    only_json: Annotated[bool, typer.Option("--json", help="Print JSON only, no table.")] = False,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="Where to compute.")] = "auto",
) -> None:
    """Score a run's kept epoch again: all metrics as a table and as JSON; over folds mean ± standard deviation."""
    from xgraph.cli.tables import metrics_table
    from xgraph.training.files.writing import plain
    from xgraph.training.prediction.evaluate import evaluate_with_spread

    limits = {"max_fpr": max_fpr, "min_tpr": min_tpr}
    metrics = {split: evaluate_with_spread(runs, split, combine=combine, **limits, device=device, progress=True)}
    if not only_json:
        typer.echo(metrics_table(metrics))
    typer.echo(json.dumps(plain(metrics)))
