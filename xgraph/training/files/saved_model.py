"""Rebuild the model of a checkpoint, to score with it or to start another run from it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from xgraph.nn.tables.rank_mean import RankMean
from xgraph.options import parse_options
from xgraph.training.config.build import registry
from xgraph.training.files.checkpoint import HEADER

if TYPE_CHECKING:
    from xgraph.training.sources import Source

TABLES = ("tables.", "pool.track.")
"""Name prefixes of a model's tables: the histories of feature momentum and the states of bags."""

AVERAGED = "average.module."
"""Name prefix of averaged weights."""

FEATURE_WEIGHTS = ("features.", "scale.")
"""Name prefixes of the weights that process extra molecular features."""

HEAD = ("head.", "target_scale.")
"""Name prefixes of the head, and of the units of its numbers."""

RANK_MEAN = "rank-mean"
"""The name of `RankMean` in checkpoints. Its arguments have those of each member, and the features that it takes."""

_SMALL = 1 << 20
"""So many numbers may be missing among the stored weights before the model is built; then it is an error."""

_TABLE_ARGUMENTS = ("num_nodes", "num_bags")


def load_model(state: Mapping[str, Any]) -> nn.Module:
    """Rebuild the model of a checkpoint, in evaluation mode, without its tables of nodes or bags."""
    header, weights = state[HEADER], model_weights(state)
    try:
        _check_sizes(header, weights)
        model = model_without_tables(header)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:  # what the header says is wrong
        what = f"the model has no {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"checkpoint: {what}") from None
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        first = " ".join(str(error).split("\n")[1:2]).strip() or str(error)
        raise ValueError(f"checkpoint: the weights do not fit model {header['model']!r}: {first}") from None
    return model.eval()


def _check_sizes(header: Mapping[str, Any], weights: Mapping[str, torch.Tensor]) -> None:
    """Raise `ValueError` if a model would be much larger than its stored weights, before memory is taken for it."""
    try:
        with torch.device("meta"):
            shapes = {name: own.shape for name, own in model_without_tables(header).state_dict().items()}
    except (NotImplementedError, RuntimeError):  # a model of one's own that computes with values while it is built
        return
    other = {name: shape for name, shape in shapes.items() if name not in weights or weights[name].shape != shape}
    if sum(shape.numel() for shape in other.values()) > _SMALL:
        name = max(other, key=lambda name: other[name].numel())
        stored = str(list(weights[name].shape)) if name in weights else "missing"
        raise ValueError(
            f"the model that it describes has a weight {name} of shape {list(other[name])}, which is {stored} among "
            "the stored ones"
        )


def model_without_tables(header: Mapping[str, Any]) -> nn.Module:
    """Build the model that a header describes, randomly initialised; torch's random state is not changed."""
    if header["model"] == RANK_MEAN:
        arguments = header["model_arguments"]
        members = [model_without_tables({**header, **member}) for member in arguments["members"]]
        return RankMean(members, arguments["columns"], arguments["num_references"])
    known = registry("model")
    if header["model"] not in known:
        raise ValueError(f"unknown model {header['model']!r}; choose from {', '.join(known)}")
    options = parse_options(known[header["model"]], header["model_options"], f"model {header['model']!r}")
    arguments = {name: value for name, value in header["model_arguments"].items() if name not in _TABLE_ARGUMENTS}
    with torch.random.fork_rng(devices=[]):
        model: Any = known[header["model"]](len(header["task_names"]), **arguments, **options)
    if predicts_numbers(header):
        model.predict_numbers()
    built: nn.Module = model
    return built


def check_scores(state: Mapping[str, Any], path: Path) -> None:
    """Raise `ValueError` if a model was trained without labels and so cannot score."""
    if state[HEADER].get("pretraining", {}).get("objective") in ("contrastive", "two-tower"):
        raise ValueError(
            f"run: {path} was pretrained without labels and cannot score; train a model from it with init first"
        )


def loss_link(state: Mapping[str, Any]) -> str:
    """Return the `link` of a checkpoint's loss, which turns logits into scores."""
    if predicts_numbers(state[HEADER]):
        return "identity"
    name, known = state[HEADER]["loss"], registry("loss")
    if name not in known:
        raise ValueError(f"checkpoint: unknown loss {name!r}; choose from {', '.join(known)}")
    return str(known[name].link)


def predicts_numbers(header: Mapping[str, Any]) -> bool:
    """Whether a model predicts numbers rather than labels."""
    return bool(header.get("task") == "regression")


def model_weights(state: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Return a checkpoint's model weights by their names in the model, without the tables of nodes or bags."""
    weights = state["state_dict"]
    prefix = AVERAGED if any(name.startswith(AVERAGED) for name in weights) else "model."
    named = {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}
    return {name: weight for name, weight in named.items() if not name.startswith(TABLES)}


def start_from(model: nn.Module, state: Mapping[str, Any], source: "Source", path: Path) -> bool:
    """Copy encoder weights from another run, but not its tables; return whether the head was copied too."""
    own, weights, header = model.state_dict(), model_weights(state), state[HEADER]
    same_features = source.kind != "graph" or (header.get("feature_names") or []) == source.feature_names
    keep_head = bool(same_features and header["task_names"] == source.task_names)
    keep_head = keep_head and predicts_numbers(header) == source.numbers
    skipped = (*TABLES, *(() if same_features else FEATURE_WEIGHTS), *(() if keep_head else HEAD))
    encoder = {name for name in own if not name.startswith(skipped)}
    if not encoder:
        theirs, now = (",".join(kinds or []) for kinds in (header["config"].get("features"), source.config.features))
        raise ValueError(
            f"init: nothing in {path} can be used: its features ({theirs}) are not those of this run ({now}), and "
            f"model {header['model']!r} reads nothing else"
        )
    for name in sorted(encoder | {name for name in weights if not name.startswith(skipped)}):
        saved, present = (str(tuple(w[name].shape)) if name in w else "missing" for w in (weights, own))
        if saved != present:
            raise ValueError(
                f"init: the model in {path} ({header['model']} with {header['model_options']}) differs from this "
                f"run's: {name} is {saved} there and {present} here; use the same model and options"
            )
    model.load_state_dict({name: weights[name] for name in encoder}, strict=False)
    return keep_head


def copy_head_of_shared_tasks(model: nn.Module, state: Mapping[str, Any], source: "Source") -> None:
    """Copy the head of another run but for its last layer, of which only the rows of the tasks that both runs have.

    A head of another size is left as it is.
    """
    weights, tasks = model_weights(state), list(state[HEADER]["task_names"])
    shared = [(own, tasks.index(name)) for own, name in enumerate(source.task_names) if name in tasks]
    ours, theirs = (torch.tensor(column, dtype=torch.long) for column in zip(*shared, strict=True))
    with torch.no_grad():
        for name, own in model.state_dict().items():
            other = weights.get(name)
            if not name.startswith("head.") or other is None or other.dim() != own.dim() or not own.dim():
                continue
            if (len(own), len(other)) == (source.num_tasks, len(tasks)) and own.shape[1:] == other.shape[1:]:
                own[ours] = other[theirs].to(own.dtype)
            elif own.shape == other.shape:
                own.copy_(other)
