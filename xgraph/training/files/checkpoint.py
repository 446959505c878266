"""Checkpoints: one file with everything needed to resume a run, and nothing that could execute code."""

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from xgraph._version import __version__
from xgraph.data.storage.torch_files import check_sealed, seal
from xgraph.training.config.build import TrainConfig
from xgraph.training.files.content import HEADER, check_content
from xgraph.training.files.leaks import LEARNED, check_learned, training_items
from xgraph.training.files.rundir import config_values
from xgraph.training.files.writing import write_atomically

if TYPE_CHECKING:
    from xgraph.training.sources import Source

__all__ = [
    "FORMAT",
    "HEADER",
    "check_feature_names",
    "check_same_data",
    "check_same_run",
    "describe",
    "instance_shape",
    "read_checkpoint",
    "write_checkpoint",
]

FORMAT = 1
_REMEDY = "restore it from a copy, or train again"


def write_checkpoint(state: Mapping[str, Any], path: str | Path) -> None:
    """Save tensors and plain values atomically, with a checksum: an interrupted write leaves no partial file."""
    content = io.BytesIO()  # torch.save hides file errors such as a full disk
    torch.save(dict(state), content)
    write_atomically(Path(path), lambda file: file.writelines(seal(content.getbuffer())))


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Load a checkpoint to the CPU without executing any code that it may contain.

    Its checksums are compared before anything is made of it, and nothing is created that is larger than the file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, incomplete, or no checkpoint.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"checkpoint: no file {path}")
    content = path.read_bytes()
    try:
        check_sealed(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns about pickles that it then refuses
            state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types, by what is unusual about the file
        reason = str(error) if type(error) is ValueError else "torch cannot read it"
        raise ValueError(
            f"checkpoint: {path} is not an xgraph checkpoint, or is damaged: {reason}; {_REMEDY}"
        ) from None
    header = state.get(HEADER) if isinstance(state, dict) else None
    if not isinstance(header, dict):
        raise ValueError(f"checkpoint: {path} is not an xgraph checkpoint: it was written by another program")
    if header.get("format") != FORMAT:
        raise ValueError(
            f"checkpoint: {path} has format {header.get('format')} (written by xgraph {header.get('version')}), but "
            f"xgraph {__version__} reads format {FORMAT}; use the version that wrote it, or train again"
        )
    header.setdefault("kind", "graph")  # the first versions supported no other kind
    header.setdefault("model_arguments", {})
    try:
        check_content(state)
        if LEARNED in header:
            check_learned(header)
    except ValueError as error:
        raise ValueError(f"checkpoint: {path} is damaged: {error}; {_REMEDY}") from None
    return dict(state)


def describe(config: TrainConfig, source: "Source") -> dict[str, Any]:
    """Return the header of a checkpoint: what was trained, on which data, by which version."""
    return {
        "format": FORMAT,
        "version": __version__,
        "kind": source.kind,
        "model": config.model,
        "model_options": dict(config.model_options),
        "model_arguments": source.model_arguments,
        **({"instance_shape": list(source.data.instance_shape)} if source.kind == "bag" else {}),
        "loss": config.loss,
        "loss_options": dict(config.loss_options),
        "config": config_values(config),
        "dataset": source.name,
        "num_items": len(source),
        "task_names": source.task_names,
        **({"task": "regression"} if source.numbers else {}),
        "fingerprint": source.fingerprint(),
        "featurizer": source.featurizer,
        "feature_names": source.feature_names,
        "standardize": config.standardize,
        "smiles_column": config.smiles_column or source.smiles_column,
        LEARNED: training_items(source),
    }


def instance_shape(header: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the shape of the instances of the bags that a run was trained on; empty for graphs."""
    shape = header.get("instance_shape", header["model_arguments"].get("instance_shape", ()))  # there in old versions
    return tuple(shape)


def check_same_run(header: Mapping[str, Any], config: TrainConfig, source: "Source", path: Path) -> None:
    """Raise `ValueError` if a run cannot resume from a checkpoint because its data, model or loss differ."""
    now = describe(config, source)
    same = header["fingerprint"] == now["fingerprint"]  # the file may have another name now
    for name in ("dataset", "task_names", "num_items", "featurizer", "model", "loss"):
        if header[name] != now[name] and not (name == "dataset" and same):
            raise ValueError(
                f"resume: {path} was written with {name} = {header[name]!r}, but this run has {now[name]!r}"
            )
    if source.kind == "graph":
        check_feature_names(header, now["feature_names"], path)
    if not same:
        raise ValueError(
            f"resume: the {source.noun}, labels or splits of {source.name!r} have changed since {path} was written; "
            "restore the data, or start a new run"
        )


def check_same_data(header: Mapping[str, Any], source: "Source", path: Path) -> None:
    """Raise `ValueError` if the data set has changed since the checkpoint was written."""
    if source.fingerprint() != header["fingerprint"]:
        raise ValueError(
            f"run: the {source.noun}, labels or splits of {source.name!r} have changed since {path} was trained"
        )
    if source.featurizer != header["featurizer"]:
        raise ValueError(
            f"run: {path} was trained with features {header['featurizer']!r}, but the data now have "
            f"{source.featurizer!r}; train again"
        )
    if source.kind == "graph":
        check_feature_names(header, source.feature_names, path)


def check_feature_names(header: Mapping[str, Any], names: list[str], path: str | Path) -> None:
    """Raise `ValueError` if the extra molecular features are not those of the checkpoint."""
    before = header.get("feature_names") or []
    if before == names:
        return
    new, lost = ([name for name in one if name not in other] for one, other in ((names, before), (before, names)))
    changes = [f"{what} {', '.join(map(repr, some[:3]))}" for what, some in (("new:", new), ("missing:", lost)) if some]
    what = "; ".join(changes) or "in a different order"
    raise ValueError(
        f"run: {path} was trained with {len(before)} extra features, but the installed RDKit computes {len(names)} of "
        f"these kinds ({what}); install the RDKit version named in the run's env.json, or train again"
    )
