"""`xgraph explain`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from xgraph.cli.completion import choice
from xgraph.cli.startup import announce_loading
from xgraph.cli.text_format import BagColumn, Device, Encoding, Separator, SmilesColumn
from xgraph.explanations.names import METHODS, STEPS


def explain(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN... [INPUT]",
            help="Run directories (several form an ensemble, averaged), then what to explain, as for "
            "`xgraph predict`. Without it, the bags or nodes of the run's own data.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="PATH",
            help="What to write: a table (.csv, .tsv, .parquet), a page with the molecules drawn (.html), or a folder "
            "(no ending) with the table and one SVG per molecule.",
        ),
    ] = Path("explanations.csv"),
    task: Annotated[
        list[str] | None,
        typer.Option("--task", metavar="TASK", help="Task or class to explain; may be repeated. [default: all]"),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(help="How to explain; by default what suits the model.", **choice("method", *METHODS)),
    ] = None,
    steps: Annotated[
        int, typer.Option(min=1, metavar="N", help="Number of points on the path of integrated gradients.")
    ] = STEPS,
    smiles_column: SmilesColumn = None,
    bag_column: BagColumn = None,
    separator: Separator = None,
    encoding: Encoding = None,
    device: Device = "auto",
) -> None:
    """Explain the scores of a run: which atoms, instances, neighbours or features they come from.

    The output has one row per atom, bond, instance, neighbour or feature, with its attribution. Which method was used
    is said at the end. Those of networks on molecules and nodes are integrated gradients, which add up to the
    difference of log-odds from a baseline; those of bags are attention times the instance's own log-odds; those of
    forests are SHAP values, if the package shap is installed. Where numbers are predicted, attributions are in their
    units instead of log-odds. The exit code is 1 if nothing can be explained.
    """
    from xgraph.cli.predict import check_output, is_run

    alone = is_run(paths[-1])
    runs, source = (paths, None) if alone else (paths[:-1], paths[-1])
    if not runs:
        raise typer.BadParameter("expected at least one run directory, then a CSV file")
    announce_loading()
    from xgraph.explanations import explain as explained
    from xgraph.explanations.writing import form_of, write_explanations
    from xgraph.training.prediction.predict import run_kind

    kind = run_kind(runs[0])
    if source is None and kind == "graph":
        raise typer.BadParameter("expected a CSV file with molecules after the run directory")
    form = form_of(out)
    if form != "folder":
        check_output(out, source)
    elif not out.resolve().parent.is_dir():
        raise typer.BadParameter(f"the folder {out.resolve().parent} does not exist", param_hint="--out")
    if form == "page" and kind != "graph":
        raise typer.BadParameter("only molecules are drawn; expected a table such as .csv", param_hint="--out")
    frame = explained(
        runs,
        source,
        task=task or None,
        method=method,
        steps=steps,
        smiles_column=smiles_column,
        bag_column=bag_column,
        separator=separator,
        encoding=encoding,
        device=device,
        progress=True,
    )
    failed = frame[frame["error"] != ""] if "error" in frame.columns else frame[:0]
    if len(failed) == len(frame):
        first = f"; the first is {failed.iloc[0, 0]}: {failed['error'].iloc[0]}" if len(failed) else ""
        raise ValueError(f"none of the {len(frame)} rows can be explained{first}")
    write_explanations(frame, out, title=f"{', '.join(run.name for run in runs)}: explanations")
    note = f"; {frame.attrs['note']}" if frame.attrs["note"] else ""
    sys.stderr.write(f"method: {frame.attrs['method']}, in {frame.attrs['unit']}{note}\n")
    if len(failed):
        sys.stderr.write(f"{len(failed)} row(s) cannot be explained: see the column `error`\n")
