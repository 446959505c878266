"""`xgraph export`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xgraph.cli.predict import check_output
from xgraph.cli.startup import announce_loading

if TYPE_CHECKING:
    from xgraph.training.export.run import Form


def export(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Run directory; of a run over folds, the directory of a fold.")
    ],
    state_dict: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the weights as torch.save does, for load_state_dict; any model."),
    ] = None,
    torchscript: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write TorchScript, which runs without Python.")
    ] = None,
    onnx: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write ONNX. It needs `pip install 'xgraph-pyg[onnx]'`."),
    ] = None,
) -> None:
    """Write the model of a run for use elsewhere. Give one option or several.

    Beside each file, FILE.json says how to rebuild or call the model: its class and arguments, tasks, features, inputs
    and outputs. What is written is compared with the model first, on inputs of several sizes. A model that cannot be
    written in a form is refused with the reason.
    """
    given: dict[Form, Path | None] = {"state-dict": state_dict, "torchscript": torchscript, "onnx": onnx}
    chosen = {form: path for form, path in given.items() if path is not None}
    if not chosen:
        raise typer.BadParameter("expected --state-dict, --torchscript or --onnx with a file")
    for form, path in chosen.items():
        check_output(path, None, f"--{form}")
    announce_loading()
    from xgraph.training.export.run import export_run

    for form, path in chosen.items():
        about = json.loads(export_run(run, path, form).read_text(encoding="utf-8"))
        typer.echo(f"{form}: {path}")
    for need in about["needs"]:
        sys.stderr.write(f"it needs {need}\n")
