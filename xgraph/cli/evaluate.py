"""`xgraph evaluate`."""

import json
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from xgraph.cli.completion import SPLITS, choice
from xgraph.cli.startup import announce_loading
from xgraph.cli.text_format import Device


def evaluate(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Run directories. The scores of several runs on the same data and splits are combined first, fold by "
            "fold if the runs have folds.",
        ),
    ],
    split: Annotated[
        str | None,
        typer.Option(
            help="Part of the data to evaluate on. [default: test]", show_default=False, **choice("split", *SPLITS)
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Evaluate on the labelled rows of this table of molecules or bags instead, with all runs and folds as "
            "one ensemble. With --split: the run's own data, which have moved to FILE.",
        ),
    ] = None,
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
    smiles_column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column with SMILES in --data, if not that of the run.")
    ] = None,
    target_columns: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="Columns with labels in --data, in the order of the run's tasks, if not called like them.",
        ),
    ] = None,
    bag_column: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column that names the bag of each row of --data, if not that of the run."),
    ] = None,
    separator: Annotated[
        str | None,
        typer.Option(
            metavar="CHAR",
            help="What separates the cells of --data: a character, or comma, tab, semicolon, space; else detected.",
        ),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(metavar="NAME", help="Encoding of --data, such as cp1252; UTF-8 by default.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for metrics and predictions of --data. [default: that of the run; none for several runs]",
            show_default=False,
        ),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(metavar="K", help="Also report how many of the K items with the highest scores are positive."),
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(
            metavar="FLOAT",
            help="Also report how many conformal sets with this share of errors, such as 0.1, hold the true class "
            "(coverage), and their size. They are calibrated on the validation part.",
        ),
    ] = None,
    calibrate: Annotated[
        str | None,
        typer.Option(
            help="Also report Brier score and calibration error of the scores, and of probabilities made of them "
            "by the validation part.",
            **choice("calibrate", "temperature", "isotonic"),
        ),
    ] = None,
    all_metrics: Annotated[
        bool, typer.Option("--all-metrics", help="Show all metrics, not just four, and all tasks.")
    ] = False,
    ties: Annotated[
        bool,
        typer.Option(
            "--ties",
            help="Also show what ties do to the area under the precision-recall curve: logits, float32 sigmoids of the "
            "logits × 1, 10 and 100, and a constant score.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
    device: Device = "auto",
) -> None:
    """Evaluate a run on a part of its data or on a new table: metrics as a table, or all as JSON.

    For runs over folds, the metrics are means and standard deviations over the folds. On a new table, they are those of
    the combined scores; DIR gets them as evaluation-NAME.json, and the scores as predictions-NAME.csv.
    """
    announce_loading()
    from xgraph.cli.tables import details_text, metrics_table, pretrained_lines, ties_text
    from xgraph.options import OptionError
    from xgraph.training.files.writing import plain
    from xgraph.training.prediction.evaluate import baselines, evaluate_in_detail, evaluate_new
    from xgraph.training.scoring.metrics import METRICS
    from xgraph.training.scoring.ranking import LIST_METRICS

    def show(
        name: str,
        metrics: dict[str, Any],
        details: dict[str, Any],
        seen: dict[str, Any],
        kind: str,
        counts: dict[str, Any],
        beside: dict[str, Any],
    ) -> None:
        if as_json:
            encoders = {"pretrained": seen} if seen else {}
            typer.echo(json.dumps(plain({name: metrics, **counts, "details": {name: details}, **encoders, **beside})))
            return
        asked = [one for one in metrics if one not in {*METRICS, *LIST_METRICS, "accuracy", "mean", "std"}]
        typer.echo(metrics_table({name: metrics, **beside}, all_metrics=all_metrics, also=asked))
        seen_text = "\n\n".join(pretrained_lines(seen))
        for more in (details_text(details, None, all_metrics, decided=kind == "bag"), ties_text(details), seen_text):
            if more:
                typer.echo(f"\n{more}")

    how: dict[str, Any] = {"combine": combine, "max_fpr": max_fpr, "min_tpr": min_tpr, "top": top, "device": device}
    how |= {"alpha": alpha, "calibrate": calibrate}
    columns: dict[str, Any] = {"smiles_column": smiles_column, "bag_column": bag_column, "target_columns": None}
    columns |= {"separator": separator, "encoding": encoding}
    if target_columns is not None:
        columns["target_columns"] = [name.strip() for name in target_columns.split(",")]
    if data is None or split is not None:
        unused = [name for name, value in {**columns, "out": out}.items() if value is not None]
        if unused:
            option = unused[0].replace("_", "-")
            raise OptionError(f"--{option}: this option is for a new table; give --data without --split")
        part = split or "test"
        own = evaluate_in_detail(runs, part, **how, progress=True, data=data, ties=ties)
        fitted = baselines(runs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are about the same data
            beside = evaluate_in_detail(runs, part, **how, data=data, groups=fitted).metrics if fitted else {}
        show(part, *own, {}, _beside(fitted, part, beside))
        return
    if ties:
        raise OptionError("--ties: this option is for the run's own data; give --split, or leave out --data")
    labelled = evaluate_new(runs, data, **how, **columns, progress=True)
    fitted = baselines(runs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        every = [folder for group in fitted for folder in group]
        beside = evaluate_new(every, data, **how, **columns).metrics if fitted else {}
    typer.echo(labelled.summary(), err=True)
    others = _beside(fitted, labelled.name, beside)
    show(labelled.name, labelled.metrics, labelled.details, labelled.pretrained, labelled.kind, labelled.counts, others)
    folder = out or (runs[0] if len(runs) == 1 else None)
    if folder is not None:
        typer.echo("written: {} and {}".format(*labelled.write(folder, runs)), err=True)


def _beside(fitted: list[list[Path]], part: str, metrics: dict[str, Any]) -> dict[str, Any]:
    """The metrics of a baseline as in `metrics.json`."""
    from xgraph.training.files.rundir import Run

    return {"baseline": {"model": Run.open(fitted[0][0]).config.model, part: metrics}} if fitted else {}
