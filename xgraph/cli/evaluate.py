"""`xgraph evaluate`."""

import json
from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    run: Annotated[Path, typer.Argument(help="Run directory.")],
    split: Annotated[str, typer.Option(metavar="train|valid|test", help="Which part of the data.")] = "test",
    max_fpr: Annotated[
        float | None, typer.Option(help="Give the partial areas under the ROC curve at this highest FPR too.")
    ] = None,
    min_tpr: Annotated[float | None, typer.Option(help="And the two-way one at this lowest TPR.")] = None,
    only_json: Annotated[bool, typer.Option("--json", help="Print JSON only, no table.")] = False,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="Where to compute.")] = "auto",
) -> None:
    """Score a run's best epoch anew: all metrics as a table and as JSON."""
    from xgraph.cli.tables import aligned
    from xgraph.training.evaluate import evaluate as score
    from xgraph.training.files import plain

    metrics = score(run, split, max_fpr=max_fpr, min_tpr=min_tpr, device=device, progress=True)
    if not only_json:
        rows = [["metric", split]] + [[name, f"{value:.4f}"] for name, value in metrics.items()]
        typer.echo(aligned(rows))
    typer.echo(json.dumps(plain({split: metrics})))
