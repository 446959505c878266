"""Checkpoints: one file with everything that a run needs to go on, and nothing that could run code."""

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from xgraph._version import __version__
from xgraph.options import parse_options
from xgraph.training.config import TrainConfig, registry
from xgraph.training.files import write_atomically
from xgraph.training.leaks import LEARNED, training_items

if TYPE_CHECKING:
    from xgraph.training.sources import Source

FORMAT = 1
HEADER = "xgraph"
TABLES = ("tables.", "pool.track.")
"""What the names of a model's tables begin with: of feature momentum, and of states of bags."""

AVERAGED = "average.module."
"""What the names of averaged weights begin with."""

BESIDE = ("features.", "scale.")
"""What the names of the weights begin with that take the numbers beside a molecule's graph."""

_OF_TABLES = ("num_nodes", "num_bags")

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
    """Save tensors and plain values; the file is there completely or not at all.

    Args:
        state: What to save.
        path: The file.
    """
    content = io.BytesIO()  # torch hides what goes wrong with a file, such as a full disk
    torch.save(dict(state), content)
    write_atomically(Path(path), lambda file: file.write(content.getbuffer()))


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Load a checkpoint to the CPU without running any code that it may contain.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is truncated, or not a checkpoint that this version of xgraph wrote or can read.
    """
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
    """The header of a checkpoint: what was trained, on which data, by which version.

    Args:
        config: Settings of the run.
        source: Its data set.
    """
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
    """Refuse to go on with another data set or another kind of run than the checkpoint's.

    Args:
        header: Header of the checkpoint.
        config: Settings to go on with.
        source: Data to go on with.
        path: The checkpoint, for the message.

    Raises:
        ValueError: If it does not fit, with what differs.
    """
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
    """Refuse to score on another data set than the checkpoint's.

    Args:
        header: Header of the checkpoint.
        source: The data.
        path: The run, for the message.

    Raises:
        ValueError: If contents, splits or features are not what they were.
    """
    if source.fingerprint() != header["fingerprint"]:
        raise ValueError(f"run: {source.name!r} has other {source.noun}, labels or splits than when {path} was trained")
    if source.featurizer != header["featurizer"]:
        raise ValueError(
            f"run: {path} was trained on features {header['featurizer']!r}, now there are {source.featurizer!r}"
        )
    if source.kind == "graph":
        check_feature_names(header, source.feature_names, path)


def load_model(state: Mapping[str, Any]) -> nn.Module:
    """Rebuild the model of a checkpoint, in evaluation mode, without its tables of nodes or bags: they serve training.

    Args:
        state: What `read_checkpoint` gave.

    Raises:
        ValueError: If this version does not know the model or its options, or the weights do not fit.
    """
    header = state[HEADER]
    try:
        model = model_without_tables(header)
    except (ValueError, TypeError) as error:
        raise ValueError(f"checkpoint: {error}") from None
    try:
        model.load_state_dict(model_weights(state))
    except RuntimeError as error:
        first = " ".join(str(error).split("\n")[1:2]).strip() or str(error)
        raise ValueError(f"checkpoint: its weights do not fit its model {header['model']!r}: {first}") from None
    return model.eval()


def model_without_tables(header: Mapping[str, Any]) -> nn.Module:
    """A model as the header describes it, with weights by chance; torch's random numbers are left as they were.

    Args:
        header: What `describe` gave.

    Raises:
        ValueError: If this version does not know the model or its options.
    """
    known = registry("model")
    if header["model"] not in known:
        raise ValueError(f"unknown model {header['model']!r}; there are {', '.join(known)}")
    options = parse_options(known[header["model"]], header["model_options"], f"model {header['model']!r}")
    arguments = {name: value for name, value in header["model_arguments"].items() if name not in _OF_TABLES}
    with torch.random.fork_rng(devices=[]):
        model: nn.Module = known[header["model"]](len(header["task_names"]), **arguments, **options)
    return model


def check_scores(state: Mapping[str, Any], path: Path) -> None:
    """Refuse to score with a model that has learned no labels.

    Args:
        state: What `read_checkpoint` gave.
        path: The checkpoint, for the message.

    Raises:
        ValueError: If it was pretrained by contrast.
    """
    if state[HEADER].get("pretraining", {}).get("objective") == "contrastive":
        raise ValueError(f"run: {path} was pretrained without labels, and scores nothing; a run starts from it by init")


def loss_link(state: Mapping[str, Any]) -> str:
    """What makes scores of a checkpoint's logits: the `link` of its loss.

    Args:
        state: What `read_checkpoint` gave.

    Raises:
        ValueError: If this version does not know the loss.
    """
    name, known = state[HEADER]["loss"], registry("loss")
    if name not in known:
        raise ValueError(f"checkpoint: unknown loss {name!r}; there are {', '.join(known)}")
    return str(known[name].link)  # type: ignore[attr-defined]


def model_weights(state: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """The model's part of a checkpoint's weights, named as in the model; not its tables of nodes or bags.

    Where weights were averaged, it is the average.

    Args:
        state: What `read_checkpoint` gave.
    """
    weights = state["state_dict"]
    prefix = AVERAGED if any(name.startswith(AVERAGED) for name in weights) else "model."
    named = {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}
    return {name: weight for name, weight in named.items() if not name.startswith(TABLES)}


def start_from(model: nn.Module, state: Mapping[str, Any], source: "Source", path: Path) -> bool:
    """Copy encoder weights from another run, but no tables of nodes or bags.

    Of a run on molecules with other features beside the graph, or with none, what takes these is not copied. The head
    is copied if tasks and features are the same.

    Args:
        model: The model to fill.
        state: The other run's checkpoint.
        source: The data of this run.
        path: The checkpoint, for messages.

    Returns:
        Whether the head was copied.

    Raises:
        ValueError: If the models differ.
    """
    own, weights, header = model.state_dict(), model_weights(state), state[HEADER]
    same_features = source.kind != "graph" or (header.get("feature_names") or []) == source.feature_names
    keep_head = bool(same_features and header["task_names"] == source.task_names)
    left = (*TABLES, *(() if same_features else BESIDE), *(() if keep_head else ("head.",)))
    encoder = {name for name in own if not name.startswith(left)}
    for name in sorted(encoder | {name for name in weights if not name.startswith(left)}):
        there, here = (tuple(w[name].shape) if name in w else None for w in (weights, own))
        if there != here:
            raise ValueError(
                f"init: {path} holds another model ({header['model']} with {header['model_options']}): {name} is "
                f"{there} there and {here} here"
            )
    model.load_state_dict({name: weights[name] for name in encoder}, strict=False)
    return keep_head


def check_feature_names(header: Mapping[str, Any], names: list[str], path: str | Path) -> None:
    """Refuse features beside the graph that are not those of the checkpoint: RDKit's descriptors vary with its version.

    Args:
        header: Header of the checkpoint.
        names: What the features are called now.
        path: The run, for the message.

    Raises:
        ValueError: If names or their order differ, with some that do.
    """
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
