"""Write the model of a run as a state dict, TorchScript or ONNX."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch

import xgraph.nn
from xgraph._version import __version__
from xgraph.data.bags.summaries import STATISTICS
from xgraph.data.cards.pretrained import ENCODERS
from xgraph.options import OptionError
from xgraph.training.config.build import registry
from xgraph.training.export.formats import Call, check_same, to_onnx, to_torchscript
from xgraph.training.export.tensors import Function, as_function
from xgraph.training.files.checkpoint import HEADER, read_checkpoint
from xgraph.training.files.members import check_single
from xgraph.training.files.rundir import BASELINE, NETWORK
from xgraph.training.files.saved_model import RANK_MEAN, load_model, loss_link, predicts_numbers
from xgraph.training.files.writing import write_atomically, write_text
from xgraph.training.prediction.members import checkpoints

Form = Literal["state-dict", "torchscript", "onnx"]
_RECORD: dict[str, Callable[[Function], tuple[bytes, Call]]] = {"torchscript": to_torchscript, "onnx": to_onnx}


def export_run(run: str | Path, path: str | Path, form: Form) -> Path:
    """Write the model of a run to a file, and beside it a JSON file that says how to rebuild or call it.

    What is written is read again and compared with the model on inputs of several sizes first.

    Args:
        run: A run directory, or a checkpoint; of a run over folds or seeds, one of them.
        path: The file to write. The JSON file has the same name with ``.json`` appended.
        form: "state-dict", "torchscript" or "onnx".

    Returns:
        The JSON file.

    Raises:
        FileNotFoundError: If there is no such run.
        OptionError: If the packages for ONNX are not installed.
        ValueError: If the run has several folds or seeds, or the model cannot be exported in this form, with the
            reason.
    """
    check_single(Path(run))
    found = checkpoints(run)
    state = read_checkpoint(found[0])
    if state[HEADER]["model"] == RANK_MEAN:
        raise ValueError(
            f"run: {run} keeps the mean of the ranks of two models, which cannot be exported; export its network, "
            f"{found[0].with_name(NETWORK)}, and its baseline, {found[0].with_name(BASELINE)}"
        )
    header, model = state[HEADER], load_model(state)
    path, about = Path(path), _about(header, loss_link(state), form)
    if form == "state-dict":
        content = io.BytesIO()
        torch.save(model.state_dict(), content)
        _check_rebuilt(content, about, model)
        write_atomically(path, lambda file: file.write(content.getbuffer()))
    else:
        written, function = _recorded(model, header, form)
        about |= {"inputs": list(function.inputs), "outputs": list(function.outputs), "notes": function.notes}
        write_atomically(path, lambda file: file.write(written))
    beside = path.with_name(f"{path.name}.json")
    write_text(beside, json.dumps(about, indent=2) + "\n")
    return beside


def _recorded(model: Any, header: dict[str, Any], form: str) -> tuple[bytes, Function]:
    try:
        if registry("model")[header["model"]].fitted:
            raise ValueError("it is computed outside of PyTorch's operations")
        function = as_function(model, header)
        if predicts_numbers(header):
            outputs = tuple("numbers" if name == "logits" else name for name in function.outputs)
            function = function._replace(outputs=outputs, notes=function.notes.replace("logits", "numbers"))
        written, call = _RECORD[form](function)
        check_same(function, call)
    except OptionError:
        raise
    except Exception as error:  # the exporters raise many types
        reason = str(error) if isinstance(error, ValueError) else _reason(error)
        raise ValueError(
            f"run: model {header['model']!r} cannot be exported as {form}: {reason}; its state dict can (--state-dict)"
        ) from error
    return written, function


def _reason(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {(lines or ['no message'])[0][:160]}"


def _about(header: dict[str, Any], link: str, form: str) -> dict[str, Any]:
    """Return how to rebuild the model, and what its inputs and outputs are."""
    cls = registry("model")[header["model"]]
    statistics = STATISTICS if header["kind"] == "bag" and cls.fitted else ()
    public = hasattr(xgraph.nn, cls.__name__)
    tables = ("num_nodes", "num_bags")
    arguments = {name: value for name, value in header["model_arguments"].items() if name not in tables}
    return {
        "xgraph": __version__,
        "form": form,
        "model": header["model"],
        "class": f"{'xgraph.nn' if public else cls.__module__}.{cls.__name__}",
        "arguments": {"num_tasks": len(header["task_names"]), **arguments, **header["model_options"]},
        "kind": header["kind"],
        "tasks": header["task_names"],
        **({"before_loading": "call predict_numbers() on the model"} if link == "identity" else {}),
        "scores": "the outputs, in the units of the targets" if link == "identity" else f"{link} of the logits",
        "features": list(statistics) or header["config"].get("features") or [],
        "feature_names": header.get("feature_names") or [],
        "featurizer": header["featurizer"],
        "standardize": header["standardize"],
        "dataset": header["dataset"],
        "needs": _needs(header),
    }


def _needs(header: dict[str, Any]) -> list[str]:
    """Return what whoever calls an exported model needs beside its file: the encoders of its features."""
    versions = {part.partition("/")[0]: part for part in header["featurizer"].split("+")}
    return [
        f"{kind}: features by {encoder.name}, version {versions.get(kind, 'unknown')}, as "
        f"xgraph.data.describe(smiles, [{kind!r}]) computes them; {encoder.install}"
        for kind, encoder in ENCODERS.items()
        if kind in (header["config"].get("features") or [])
    ]


def _check_rebuilt(content: io.BytesIO, about: dict[str, Any], model: Any) -> None:
    """Raise `ValueError` if the model cannot be rebuilt from the files."""
    module, _, name = about["class"].rpartition(".")
    values = json.loads(json.dumps(about))["arguments"]
    cls = getattr(__import__(module, fromlist=[name]), name)
    rebuilt = cls(**values)
    if "before_loading" in about:
        rebuilt.predict_numbers()
    content.seek(0)
    rebuilt.load_state_dict(torch.load(content, weights_only=True))
    same = {key: torch.equal(value, rebuilt.state_dict()[key]) for key, value in model.state_dict().items()}
    if not all(same.values()):
        raise ValueError(f"run: the state dict of model {about['model']!r} does not rebuild it")
