"""`xgraph predict`."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from xgraph.cli.completion import DEVICES, choice
from xgraph.cli.startup import announce_loading


def predict(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN... [INPUT.csv|FOLDER]",
            help="Run directories (several form an ensemble), then a CSV file, or a folder of bags. Without one, all "
            "nodes of the run's graph or all bags of its data are scored.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="CSV file to write. [default: standard output]"),
    ] = None,
    combine: Annotated[
        str,
        typer.Option(
            help="How to combine several runs: the mean of their scores, or of the ranks that they give to the rows "
            "of this input, from 0 to 1.",
            **choice("combine", "mean", "rank"),
        ),
    ] = "mean",
    smiles_column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column with SMILES; detected by default.")
    ] = None,
    bag_column: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column that names the bag of each row; detected by default."),
    ] = None,
    instances_out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="For a run on bags: CSV file to write with the weight and score of each instance."
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="Where to compute.", **choice("device", *DEVICES))] = "auto",
) -> None:
    """Predict with a run: one score per molecule, node or bag of a CSV file.

    The output has one row per input row. For molecules, the file has a column with SMILES; a row that cannot be read
    gets an empty score, and the reason in the column `error`. For nodes, it has a column `node`. For bags, it has one
    row per instance, with a column `bag` and the features of the run, or there is a folder with one file per bag; the
    output has one row per bag. With several runs, or a run over folds, the column <task>_std holds the standard
    deviation over them.
    """
    alone = _is_run(paths[-1]) or (len(paths) == 1 and os.path.isdir(paths[0]))
    runs, source = (paths, None) if alone else (paths[:-1], paths[-1])
    if not runs:
        raise typer.BadParameter("expected at least one run directory, then a CSV file")
    announce_loading()
    from xgraph.training.prediction.predict import predict as score
    from xgraph.training.prediction.predict import run_kind, write_predictions

    if source is None and run_kind(runs[0]) == "graph":
        if len(paths) < 2:
            raise typer.BadParameter("expected at least one run directory, then a CSV file")
        raise typer.BadParameter(f"expected a CSV file as the last argument, got the folder {paths[-1]}")
    if out is not None:
        check_output(out, source)
    if instances_out is not None:
        check_output(instances_out, source, "--instances-out")
        if out is not None and out.resolve() == instances_out.resolve():
            raise typer.BadParameter(f"{instances_out} is also the file of --out", param_hint="--instances-out")
    frame = score(
        runs,
        source,
        combine=combine,
        smiles_column=smiles_column,
        bag_column=bag_column,
        instances_out=instances_out,
        device=device,
        progress=True,
    )
    if out is None:
        frame.to_csv(sys.stdout, index=False, lineterminator="\n")
    else:
        write_predictions(frame, out)
    failed = int((frame["error"] != "").sum()) if "error" in frame else 0
    if failed:
        sys.stderr.write(f"{failed} of {len(frame)} rows have no score: see the column `error`\n")


def _is_run(path: Path) -> bool:
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
