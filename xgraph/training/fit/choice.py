"""`--model auto`: keep the network, its baseline or the mean of their ranks, whichever validation prefers."""

import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from xgraph.nn.tables.rank_mean import RankMean
from xgraph.training.config.build import TrainConfig
from xgraph.training.files.callback import CheckpointCallback
from xgraph.training.files.checkpoint import HEADER, describe, read_checkpoint, write_checkpoint
from xgraph.training.files.rundir import BASELINE, BEST, LAST, METRICS, NETWORK
from xgraph.training.files.saved_model import RANK_MEAN, load_model, loss_link
from xgraph.training.files.writing import write_json
from xgraph.training.fit.results import write_results
from xgraph.training.scoring.direction import merit
from xgraph.training.scoring.scores import measure

if TYPE_CHECKING:
    from xgraph.training.sources import Source

MEAN = "rank mean"


def check_choice(config: TrainConfig, source: "Source") -> None:
    """Raise `ValueError` if there is no validation part to choose by."""
    if config.choose and "valid" not in source.scored:
        raise ValueError(
            f"model = 'auto': the model is chosen by validation, but {source.name!r} has no validation part; name one "
            "(--valid FILE), draw it from the training part (--valid-fraction 0.1), or choose a model"
        )


def restore_network(path: Path) -> None:
    """Make the network the kept model of a run again, before it is trained further or chosen anew."""
    if (path / NETWORK).exists():
        os.replace(path / NETWORK, path / BEST)


def choose(
    config: TrainConfig, source: "Source", path: Path, metrics: dict[str, Any], *, device: str, progress: bool = False
) -> dict[str, Any]:
    """Choose among the network, its baseline and the mean of their ranks, and write the results of the best one.

    There is no mean of ranks for classes that exclude each other, nor for numbers, whose units it would lose.

    The kept model is ``best.ckpt``, and unless it is the network, the network is ``network.ckpt``.

    Args:
        config: The settings of the run.
        source: Its data.
        path: The run directory, which holds the network and its baseline.
        metrics: Their metrics.
        device: Where to score.
        progress: Whether to show the choice.

    Returns:
        The metrics of the run, with those of the network under `network`, and what was chosen under `chosen`.
    """
    metric = metrics["metric"]
    network: dict[str, Any] = {
        "model": config.model,
        **{part: metrics[part] for part in ("valid", "test") if part in metrics},
    }
    baseline = metrics["baseline"]
    states = {config.model: read_checkpoint(path / BEST)}
    scores = {config.model: network["valid"][metric]}
    own = {config.model: source}
    if "skipped" not in baseline:
        model = baseline["model"]
        states[model] = read_checkpoint(path / BASELINE / BEST)
        settings = config.replace(features=states[model][HEADER]["config"].get("features"))
        own[model] = source.with_settings(settings)
        scores[model] = baseline["valid"][metric]
        if not source.several_classes and not source.numbers:
            states[MEAN], own[MEAN] = _rank_mean(config, source, [*states.values()], device)
            scores[MEAN] = _value(metric, states[MEAN], own[MEAN], device)
    best = max(scores, key=lambda name: merit(metric, scores[name]))  # the first if equal
    if best != config.model:
        write_checkpoint(states[config.model], path / NETWORK)
        write_checkpoint(states[best], path / BEST)
        callback = CheckpointCallback(path, metric, config.keep)
        callback.load_state_dict(read_checkpoint(path / LAST)["callbacks"][callback.state_key])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they were given for the network
            chosen = write_results(own[best], loss_link(states[best]), callback, device)
        metrics = {**metrics, **chosen}
    if progress:
        values = " ".join(f"valid_{metric}[{name}]={value:.4f}" for name, value in scores.items())
        sys.stderr.write(f"chosen={best} {values}\n")
    metrics |= {"network": network, "chosen": best, "choice": scores}
    write_json(path / METRICS, metrics)
    return metrics


def _value(metric: str, state: dict[str, Any], source: "Source", device: str) -> float:
    """Return the metric of a model on the validation part."""
    valid = source.splits["valid"]
    logits = source.score(load_model(state), valid, device=device)
    return measure(source.targets(valid).numpy(), logits)[metric]


def _rank_mean(
    config: TrainConfig, source: "Source", states: list[dict[str, Any]], device: str
) -> "tuple[dict[str, Any], Source]":
    """Return the checkpoint of the mean of ranks among the validation items, and the data with all features."""
    kinds = [state[HEADER]["config"].get("features") or [] for state in states]
    every = list(dict.fromkeys(kind for some in kinds for kind in some))
    settings = config.replace(features=every or None)
    joined = source.with_settings(settings)
    columns: list[list[int] | None] = [None] * len(states)  # those of bags are of instances
    if source.kind == "graph":
        place = {name: column for column, name in enumerate(joined.feature_names)}
        columns = [[place[name] for name in state[HEADER]["feature_names"]] or None for state in states]
    valid = source.splits["valid"]
    models = [load_model(state) for state in states]
    scores: list[Tensor] = []
    for model, some in zip(models, kinds, strict=True):
        own = source.with_settings(config.replace(features=some or None))
        scores.append(torch.from_numpy(own.score(model, valid, device=device)))
    mean = RankMean([model.cpu() for model in models], columns, len(valid))
    mean.refer(scores)
    header = describe(settings, joined)
    arguments = ("model", "model_options", "model_arguments")
    header |= {
        "model": RANK_MEAN,
        "model_options": {},
        "model_arguments": {
            "members": [{name: state[HEADER][name] for name in arguments} for state in states],
            "columns": columns,
            "num_references": len(valid),
        },
        "loss": "bce",
        "loss_options": {},
    }
    first = states[0]
    kept = {name: first[name] for name in ("epochs_done", "sampler", "random_state")}
    weights = {f"model.{name}": value.cpu() for name, value in mean.state_dict().items()}
    return {HEADER: header, "state_dict": weights, **kept}, joined
