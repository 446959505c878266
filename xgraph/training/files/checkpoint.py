"""Checkpoints: one file with everything that a run needs to go on, and nothing that could run code."""

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from xgraph._version import __version__
from xgraph.training.config.build import TrainConfig
from xgraph.training.files.leaks import LEARNED, training_items
from xgraph.training.files.writing import write_atomically

if TYPE_CHECKING:
    from xgraph.training.sources import Source

FORMAT = 1
HEADER = "xgraph"

_HEADER_TYPES = {
    "version": str,
    "model": str,
    "model_options": dict,
    "model_arguments": dict,
    "loss": str,
    "config": dict,
    "kind": str,
    "dataset": str,
    "num_items": int,
    "task_names": list,
    "fingerprint": str,
    "featurizer": str,
    "standardize": bool,
}
_STATE_TYPES = {"state_dict": dict, "epochs_done": int, "sampler": dict, "random_state": dict}


def write_checkpoint(state: Mapping[str, Any], path: str | Path) -> None:
    """Save tensors and plain values; the file is there completely or not at all."""
    content = io.BytesIO()  # torch hides what goes wrong with a file, such as a full disk
    torch.save(dict(state), content)
    write_atomically(Path(path), lambda file: file.write(content.getbuffer()))


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Load a checkpoint to the CPU without running any code that it may contain."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"checkpoint: no file {path}")
    content = io.BytesIO(path.read_bytes())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch muses about pickles that it then refuses
            state = torch.load(content, map_location="cpu", weights_only=True)
    except Exception:  # what a wrong file raises depends on where it is wrong
        raise ValueError(
            f"checkpoint: {path} is not a checkpoint of xgraph: it is truncated, or was made by another program"
        ) from None
    header = state.get(HEADER) if isinstance(state, dict) else None
    if not isinstance(header, dict):
        raise ValueError(f"checkpoint: {path} is not a checkpoint of xgraph: another program made it")
    if header.get("format") != FORMAT:
        raise ValueError(
            f"checkpoint: {path} has format {header.get('format')}, written by xgraph {header.get('version')}; "
            f"this is xgraph {__version__}, which reads format {FORMAT}"
        )
    header.setdefault("kind", "graph")  # there was no other at first
    header.setdefault("model_arguments", {})
    _check_content(state, header, path)
    return dict(state)


def _check_content(state: Mapping[str, Any], header: Mapping[str, Any], path: Path) -> None:
    """Refuse a checkpoint that lacks something, so that nobody who reads it has to ask."""
    for part, types in ((header, _HEADER_TYPES), (state, _STATE_TYPES)):
        for name, kind in types.items():
            if not isinstance(part.get(name), kind):
                raise ValueError(
                    f"checkpoint: {path} is damaged: {name} should be of type {kind.__name__}, "
                    f"got {type(part.get(name)).__name__}"
                )
    if LEARNED in header:
        learned, size = header[LEARNED], -(-header["num_items"] // 8)
        if not (torch.is_tensor(learned) and learned.dtype == torch.uint8 and learned.shape == (size,)):
            raise ValueError(f"checkpoint: {path} is damaged: {LEARNED} should be a bit for each item")
    if not all(isinstance(name, str) for name in header["task_names"]):
        raise ValueError(f"checkpoint: {path} is damaged: task_names should be strings")
    if not all(isinstance(n, str) and isinstance(w, torch.Tensor) for n, w in state["state_dict"].items()):
        raise ValueError(f"checkpoint: {path} is damaged: not all of its weights are tensors")


def describe(config: TrainConfig, source: "Source") -> dict[str, Any]:
    """The header of a checkpoint: what was trained, on which data, by which version."""
    return {
        "format": FORMAT,
        "version": __version__,
        "kind": source.kind,
        "model": config.model,
        "model_options": dict(config.model_options),
        "model_arguments": source.model_arguments,
        "loss": config.loss,
        "loss_options": dict(config.loss_options),
        "config": config.to_dict(),
        "dataset": source.name,
        "num_items": len(source),
        "task_names": source.task_names,
        "fingerprint": source.fingerprint(),
        "featurizer": source.featurizer,
        "feature_names": source.feature_names,
        "standardize": config.standardize,
        LEARNED: training_items(source),
    }


def check_same_run(header: Mapping[str, Any], config: TrainConfig, source: "Source", path: Path) -> None:
    """Refuse to go on with another data set or another kind of run than the checkpoint's."""
    now = describe(config, source)
    for name in ("dataset", "task_names", "num_items", "featurizer", "model", "loss"):
        if header[name] != now[name]:
            raise ValueError(f"resume: {path} was made with {name} = {header[name]!r}, this run has {now[name]!r}")
    if source.kind == "graph":
        check_feature_names(header, now["feature_names"], path)
    if header["fingerprint"] != now["fingerprint"]:
        raise ValueError(
            f"resume: {path} was made with other {source.noun}, labels or splits of {source.name!r} than there are now"
        )


def check_same_data(header: Mapping[str, Any], source: "Source", path: Path) -> None:
    """Refuse to score on another data set than the checkpoint's."""
    if source.fingerprint() != header["fingerprint"]:
        raise ValueError(f"run: {source.name!r} has other {source.noun}, labels or splits than when {path} was trained")
    if source.featurizer != header["featurizer"]:
        raise ValueError(
            f"run: {path} was trained on features {header['featurizer']!r}, now there are {source.featurizer!r}"
        )
    if source.kind == "graph":
        check_feature_names(header, source.feature_names, path)


def check_feature_names(header: Mapping[str, Any], names: list[str], path: str | Path) -> None:
    """Refuse features beside the graph that are not those of the checkpoint."""
    before = header.get("feature_names") or []
    if before == names:
        return
    new, lost = ([name for name in one if name not in other] for one, other in ((names, before), (before, names)))
    changes = [f"{what} {', '.join(map(repr, some[:3]))}" for what, some in (("new:", new), ("gone:", lost)) if some]
    what = "; ".join(changes) or "in another order"
    raise ValueError(
        f"run: {path} was trained on {len(before)} features beside the graph, and RDKit here makes {len(names)} of the "
        f"same kinds ({what}); use the version of RDKit that its env.json names, or train again"
    )
