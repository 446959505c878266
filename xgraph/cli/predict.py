"""`xgraph predict`."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def predict(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN... [INPUT.csv]",
            help="Run directories (several form an ensemble), then the CSV file; without it, all nodes of a run's "
            "graph, or all bags of its data.",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="CSV file to write. Default: standard output.")
    ] = None,
    combine: Annotated[
        str,
        typer.Option(
            metavar="mean|rank",
            help="How several runs score a row: by the mean of their scores, or of the rank that each gives it among "
            "all rows of this input, from 0 to 1 (so it depends on what else is in the input).",
        ),
    ] = "mean",
    smiles_column: Annotated[str | None, typer.Option(help="Column that holds SMILES; detected by default.")] = None,
    bag_column: Annotated[
        str | None, typer.Option(help="Column that names the bag of each row; detected by default.")
    ] = None,
    instances_out: Annotated[
        Path | None,
        typer.Option(help="For a run on bags, CSV file to write: weight in its bag and score of each instance."),
    ] = None,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="Where to compute.")] = "auto",
) -> None:
    """Score molecules, or nodes of the graph that a run was trained on, one row out per row in; or bags.

    The CSV file has a column of SMILES, or a column `node`. Rows whose SMILES cannot be read, and blank lines, have
    empty scores and the reason under `error`. For bags the file has one row per instance: a column `bag` and the
    features that the run was trained on; the output has one row per bag. With several runs, or a run over folds, the
    column <task>_std holds the standard deviation over them.
    """
    runs, source = (paths, None) if paths[-1].is_dir() else (paths[:-1], paths[-1])
    if not runs:
        raise typer.BadParameter("expected at least one run directory and then a CSV file")
    from xgraph.training.prediction.predict import predict as score
    from xgraph.training.prediction.predict import run_kind, write_predictions

    if source is None and run_kind(runs[0]) == "graph":
        if len(paths) < 2:
            raise typer.BadParameter("expected at least one run directory and then a CSV file")
        raise typer.BadParameter(f"expected a CSV file as the last argument, got the folder {paths[-1]}")
    if out is not None:
        _check_output(out, source)
    if instances_out is not None:
        _check_output(instances_out, source, "--instances-out")
        if out is not None and out.resolve() == instances_out.resolve():
            raise typer.BadParameter(f"{instances_out} is the file of --out too", param_hint="--instances-out")
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


def _check_output(out: Path, source: Path | None, option: str = "--out") -> None:
    """Refuse a path that the predictions cannot be written to, before they are computed."""
    if out.is_dir():
        raise typer.BadParameter(f"{out} is a folder; expected a file to write", param_hint=option)
    if not out.resolve().parent.is_dir():
        text = f"there is no folder {out.resolve().parent} to write {out.name} to"
        raise typer.BadParameter(text, param_hint=option)
    if source is not None and out.is_file() and source.is_file() and out.samefile(source):
        text = f"{out} is the input file, whose other columns would be lost; choose another"
        raise typer.BadParameter(text, param_hint=option)
