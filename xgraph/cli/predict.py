"""`xgraph predict`."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def predict(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="RUN... INPUT.csv", help="Run directories (their mean is taken), then the CSV file."),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="CSV file to write. Default: standard output.")
    ] = None,
    smiles_column: Annotated[
        str | None, typer.Option(help="Column that holds SMILES; found by itself if not given.")
    ] = None,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="Where to compute.")] = "auto",
) -> None:
    """Score molecules: one row out for each row in, a blank line too.

    Rows that cannot be read have empty scores and say why under `error`.
    """
    if len(paths) < 2:
        raise typer.BadParameter("expected at least one run directory and then a CSV file")
    if out is not None and not out.resolve().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {out.resolve().parent} to write {out.name} to")
    from xgraph.training.predict import predict as score
    from xgraph.training.predict import write_predictions

    *runs, source = paths
    frame = score(runs, source, smiles_column=smiles_column, device=device, progress=True)
    if out is None:
        frame.to_csv(sys.stdout, index=False, lineterminator="\n")
    else:
        write_predictions(frame, out)
    failed = int((frame["error"] != "").sum())
    if failed:
        sys.stderr.write(f"{failed} of {len(frame)} rows have no score: see the column `error`\n")
