"""Evaluation of a run, or an ensemble of runs on the same items, on a part of their data set."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from xgraph.options import OptionError
from xgraph.training.files.checkpoint import HEADER, check_same_data, read_checkpoint
from xgraph.training.files.rundir import BEST, Run
from xgraph.training.files.saved_model import load_model, loss_link
from xgraph.training.fit.loading import load_again
from xgraph.training.prediction.ensemble import check_for_numbers, check_members
from xgraph.training.prediction.uncertainty import without_validation
from xgraph.training.scoring.calibrators import asked_figures
from xgraph.training.scoring.details import Decisions, add_calibration, number_figures, part_details
from xgraph.training.scoring.ensemble import Ensemble
from xgraph.training.scoring.inference import as_scores, class_scores
from xgraph.training.scoring.intervals import interval_figures
from xgraph.training.scoring.metrics import Metric
from xgraph.training.scoring.scores import score_split
from xgraph.training.scoring.ties import tie_effects


class Evaluation(NamedTuple):
    """Metrics of a part of a data set.

    Args:
        metrics: Means over the tasks; over folds also `mean` and `std`, as in `metrics.json`.
        details: The number of tasks with both classes (`tasks_with_both_classes`), the figures of each task
            (`tasks`), decisions at thresholds chosen on the validation part (`at_threshold`), and on demand what ties
            do to the areas (`ties`).
        pretrained: What the pretrained encoders among the features may have seen of the data set (`seen_by`).
        kind: "graph", "node" or "bag".
    """

    metrics: dict[str, Any]
    details: dict[str, Any]
    pretrained: dict[str, Any]
    kind: str


def evaluate_part(
    runs: list[Path],
    split: str,
    combine: str,
    further: Mapping[str, Metric],
    device: str,
    progress: bool,
    data: Any = None,
    ties: bool = False,
    alpha: float | None = None,
    calibrate: str | None = None,
) -> Evaluation:
    """Return the metrics of the combined scores of runs on the same split."""
    configs = [Run.open(run).config for run in runs]
    states = [read_checkpoint(run / BEST) for run in runs]
    check_members(states, runs, same_split=True)
    ensembles: dict[str, Ensemble] = {}
    scored: list[torch.Tensor] = []
    logits: dict[str, npt.NDArray[np.float64]] = {}
    pretrained: dict[str, Any] = {}
    for run, config, state in zip(runs, configs, states, strict=True):
        moved = isinstance(data, str | Path)
        now = config.replace(dataset=str(data)) if moved else config
        if now.choose:  # the kept model may take other features than the network
            now = now.replace(features=state[HEADER]["config"].get("features"))
        source = load_again(now, run, progress, None if moved else data)
        if split not in source.splits:
            raise OptionError(f"split = {split!r}: expected a part of {source.name!r}: {', '.join(source.splits)}")
        check_same_data(state[HEADER], source, run)
        pretrained |= source.pretrained()
        own = [source.splits[split], source.targets(source.splits[split])]
        scored = scored or own
        if not all(map(_same, scored, own)):
            raise ValueError(
                f"run: runs that are evaluated together must have the same split, but the {split} parts of {run} and "
                f"{runs[0]} differ"
            )
        # The validation part has chosen the thresholds for decisions, unless the run was trained on it.
        parts = [split, *({"valid"} & set(source.scored) - {split})]
        model, link = load_model(state), loss_link(state)
        for part in parts:
            ensemble = ensembles.setdefault(
                part, Ensemble(combine, several_classes=source.several_classes, numbers=source.numbers)
            )
            logits[part] = source.score(model, source.splits[part], device=device)
            if len(runs) > 1:
                ensemble.add(as_scores(logits[part], link))
                logits[part] = ensemble.score  # monotone, so the scores rank items as they are
    if len(runs) > 1 and link != "identity":
        link = "sigmoid"
    y, own_logits = scored[1].numpy(), logits[split]
    if source.numbers:
        check_for_numbers({**further, "calibrate": calibrate, "ties": ties})
    metrics = score_split(source.name, y, own_logits, further, several_classes=source.several_classes, link=link)
    if source.numbers:
        known = None
        if split != "valid" and "valid" in parts:
            known = source.targets(source.splits["valid"]).numpy(), logits["valid"]
        if alpha is not None:
            metrics |= interval_figures(_validation(known, "alpha", split, runs[0]), y, own_logits, alpha)
        details = number_figures(y, own_logits, source.task_names, known)
        return Evaluation(metrics, details, pretrained, source.kind)
    ranked = class_scores(own_logits) if link == "softmax" else own_logits
    details = part_details(y, ranked, source.task_names, further)
    between = logits if len(runs) > 1 else {part: as_scores(values, link) for part, values in logits.items()}
    valid = None
    if split != "valid" and "valid" in parts:
        valid = source.targets(source.splits["valid"]).numpy(), between["valid"]
    if combine == "mean" or len(runs) == 1:  # ranks are no probabilities
        add_calibration(details, valid, y, between[split], source.task_names, source.several_classes)
    if alpha is not None or calibrate is not None:
        valid = _validation(valid, "calibrate" if alpha is None else "alpha", split, runs[0])
        kinds: dict[str, Any] = {"several_classes": source.several_classes, "classes": source.task_names}
        metrics |= asked_figures(valid, y, between[split], alpha, calibrate, **kinds)
    if "valid" in parts and not source.several_classes:
        decisions = Decisions.at_best_f1(source.targets(source.splits["valid"]).numpy(), between["valid"])
        decisions.add_to(details, y, between[split])
    if ties:
        if source.several_classes:
            raise OptionError(f"ties: expected a run with labels 0 and 1; {source.name!r} has several classes")
        details["ties"] = tie_effects(y, own_logits)
    return Evaluation(metrics, details, pretrained, source.kind)


def _validation(valid: Any, name: str, split: str, run: Path) -> Any:
    """Return labels and scores of the validation part, or raise if there is none to calibrate on."""
    if split == "valid":
        raise OptionError(f"{name}: the validation part calibrates, so measure on another one (--split test)")
    if valid is None:
        raise without_validation(name, run)
    return valid


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors are equal, including missing labels."""
    return one.shape == other.shape and torch.equal(one.nan_to_num(-1), other.nan_to_num(-1))
