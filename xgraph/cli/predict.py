"""`xgraph predict`."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from xgraph.cli.completion import choice
from xgraph.cli.startup import announce_loading
from xgraph.cli.text_format import BagColumn, Device, Encoding, Separator, SmilesColumn

STANDARD = "-"


def predict(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN... [INPUT]",
            help="Run directories (several form an ensemble), then a table, such as a CSV file, or a folder of bags; "
            "- is standard input. Without it, all nodes of the run's graph or all bags of its data are scored.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="File to write: .csv, .tsv (also .gz or .zst) or .parquet; - is standard output. "
            "[default: standard output]",
        ),
    ] = None,
    only_scores: Annotated[
        bool,
        typer.Option("--only-scores", help="Write smiles (node, bag), TASK and error only, without other columns."),
    ] = False,
    combine: Annotated[
        str,
        typer.Option(
            help="How to combine several runs: the mean of their scores, or of the ranks that they give to the rows "
            "of this input, from 0 to 1.",
            **choice("combine", "mean", "rank"),
        ),
    ] = "mean",
    shard: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="Score block I of N of the rows, with I from 1 to N (molecules only)."),
    ] = None,
    smiles_column: SmilesColumn = None,
    bag_column: BagColumn = None,
    instances_out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="For a run on bags: file to write with the weight and score of each instance."
        ),
    ] = None,
    nodes: Annotated[
        str | None,
        typer.Option(metavar="A,B,...", help="For a graph: names of the nodes to score; by default all of its table."),
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(
            metavar="FLOAT",
            help="Add conformal p-values of each class and sets that hold the true class with a probability of 1 - "
            "ALPHA, such as 0.1, calibrated on the validation part.",
        ),
    ] = None,
    calibrate: Annotated[
        str | None,
        typer.Option(
            help="Add probabilities TASK_prob, made of the scores by the validation part.",
            **choice("calibrate", "temperature", "isotonic"),
        ),
    ] = None,
    separator: Separator = None,
    encoding: Encoding = None,
    device: Device = "auto",
) -> None:
    """Predict with a run: scores for the molecules, nodes or bags of a table.

    The output has one row per input row, with all of its columns, and after them TASK_score for each task and the
    column error. For molecules, the table has a column with SMILES; a row that cannot be read gets an empty score and
    an error. For nodes, it has a column `node`, or there is a folder with nodes.csv and edges.csv: another graph, or
    new nodes with edges to that of the run. For bags, it has one row per instance, with a column `bag` and the features
    of the run, or there is a folder with one file per bag; the output has one row per bag. With several runs, or a run
    over folds or seeds, TASK_std holds the standard deviation over them; if classes exclude each other, `predicted` is
    the one with the highest score.

    Tables of any length are scored in bounded memory. The exit code is 1 if no row has a score.
    """
    alone = is_run(paths[-1]) or (len(paths) == 1 and os.path.isdir(paths[0]))
    runs, source = (paths, None) if alone else (paths[:-1], paths[-1])
    if not runs:
        raise typer.BadParameter("expected at least one run directory, then a CSV file")
    if source is not None and str(source) == STANDARD and sys.stdin.isatty():
        raise typer.BadParameter("- is standard input, but nothing is piped to it")
    part = None if shard is None else _part(shard)
    announce_loading()
    from xgraph.training.prediction.predict import run_kind
    from xgraph.training.prediction.predict_file import predict_file

    if source is None and run_kind(runs[0]) == "graph":
        if len(paths) < 2:
            raise typer.BadParameter("expected at least one run directory, then a CSV file")
        raise typer.BadParameter(f"expected a CSV file as the last argument, got the folder {paths[-1]}")
    if out is not None and str(out) != STANDARD:
        check_output(out, source)
    if instances_out is not None:
        check_output(instances_out, source, "--instances-out")
        if out is not None and out.resolve() == instances_out.resolve():
            raise typer.BadParameter(f"{instances_out} is also the file of --out", param_hint="--instances-out")
    done = predict_file(
        runs,
        source,
        STANDARD if out is None else out,
        combine=combine,
        only_scores=only_scores,
        shard=part,
        smiles_column=smiles_column,
        bag_column=bag_column,
        instances_out=instances_out,
        separator=separator,
        encoding=encoding,
        device=device,
        progress=True,
        nodes=None if nodes is None else [name.strip() for name in nodes.split(",")],
        alpha=alpha,
        calibrate=calibrate,
    )
    if done.failed == done.rows > 0:
        column = "" if done.column is None else f" (SMILES from column {done.column!r})"
        others = f"; SMILES are in {', '.join(map(repr, done.others))} (--smiles-column)" if done.others else ""
        raise ValueError(f"none of the {done.rows} rows has a score{column}; the first is {done.first}{others}")
    if done.failed:
        sys.stderr.write(f"{done.failed} of {done.rows} rows have no score: see the column `error`\n")


def _part(shard: str) -> tuple[int, int]:
    number, slash, parts = shard.partition("/")
    if not (slash and number.isdecimal() and parts.isdecimal() and 1 <= int(number) <= int(parts)):
        raise typer.BadParameter(
            f"expected I/N with I from 1 to N, such as 1/8 to 8/8, got {shard!r}", param_hint="--shard"
        )
    return int(number), int(parts)


def is_run(path: Path) -> bool:
    """Whether a folder is a run, rather than one of bags to score."""
    return any(os.path.isfile(path / name) for name in ("config.toml", "best.ckpt"))


def check_output(out: Path, source: Path | None, option: str = "--out") -> None:
    """Refuse a path that cannot be written to, before anything is computed."""
    if out.is_dir():
        raise typer.BadParameter(f"{out} is a folder; expected a file to write", param_hint=option)
    if not out.resolve().parent.is_dir():
        text = f"the folder {out.resolve().parent} does not exist"
        raise typer.BadParameter(text, param_hint=option)
    if source is not None and out.is_file() and source.is_file() and out.samefile(source):
        text = f"{out} is the input file and would be overwritten; choose another file"
        raise typer.BadParameter(text, param_hint=option)
