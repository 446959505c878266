"""`xgraph embed`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from xgraph.cli.predict import check_output
from xgraph.cli.startup import announce_loading
from xgraph.cli.text_format import BagColumn, Device, Encoding, Separator, SmilesColumn


def embed(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="Run directory, also of a pretrained encoder; of a run over folds, a fold."),
    ],
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="[INPUT.csv]",
            help="What to embed, as for `xgraph predict`. Without a file, all nodes of the run's graph or all bags of "
            "its data.",
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="FILE", help="File to write: .npz, .parquet, .csv or .csv.gz."),
    ] = Path("vectors.npz"),
    smiles_column: SmilesColumn = None,
    bag_column: BagColumn = None,
    separator: Separator = None,
    encoding: Encoding = None,
    device: Device = "auto",
) -> None:
    """Write the vectors that a trained model has for molecules, nodes or bags before its head.

    There is one row per input, in the same order; a row that cannot be read has missing values, and the reason in
    `error`. An npz file holds `vectors`, an array with a row per input, and the other columns as arrays.
    """
    announce_loading()
    from xgraph.training.prediction.embed import embed as vectors_of
    from xgraph.training.prediction.vectors import vector_format, write_vectors

    vector_format(out)
    check_output(out, source)
    frame = vectors_of(
        run,
        source,
        smiles_column=smiles_column,
        bag_column=bag_column,
        separator=separator,
        encoding=encoding,
        device=device,
        progress=True,
    )
    write_vectors(frame, out)
    failed = int((frame["error"].fillna("") != "").sum())
    if failed:
        sys.stderr.write(f"{failed} of {len(frame)} rows have no vector: see `error`\n")
