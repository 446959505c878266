"""The end of a run: score the kept epoch, and write metrics and predictions."""

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from xgraph.training.files.callback import CheckpointCallback
from xgraph.training.files.checkpoint import read_checkpoint
from xgraph.training.files.rundir import BEST, METRICS, PREDICTIONS
from xgraph.training.files.saved_model import load_model
from xgraph.training.files.writing import write_csv, write_json
from xgraph.training.scoring.details import (
    Decisions,
    add_calibration,
    constant_tasks,
    label_counts,
    number_counts,
    number_figures,
    part_details,
)
from xgraph.training.scoring.inference import as_scores, class_scores
from xgraph.training.scoring.metrics import score_all
from xgraph.training.scoring.scores import score_split
from xgraph.training.scoring.sweep import FloatArray

if TYPE_CHECKING:
    from xgraph.training.sources import Source


def write_results(source: "Source", link: str, callback: CheckpointCallback, device: str) -> dict[str, Any]:
    """Score the kept epoch on the parts that the run reports, and write metrics and predictions."""
    path, kept = callback.path, callback.best or {}
    selected = callback.keep == "best"
    if selected and math.isnan(kept[f"valid_{callback.metric}"]):
        warnings.warn(
            f"the validation part of {source.name!r} {_lacks(source)}, so {callback.metric} is undefined there and "
            "cannot select the best epoch; the last epoch is kept",
            stacklevel=4,
        )
    model = load_model(read_checkpoint(path / BEST))
    parts = source.scored
    metrics: dict[str, Any] = {name: {} for name in reversed(parts)}
    rates: dict[str, float] = {}
    details: dict[str, Any] = {}
    decisions: Decisions | None = None
    constant: list[str] = []
    valid: tuple[FloatArray, FloatArray] | None = None
    scored: list[tuple[str, Tensor, FloatArray]] = []
    for name in parts:
        positions = source.splits[name]
        logits = source.score(model, positions, device=device)
        y = source.targets(positions).numpy()
        metrics[name] = score_split(source.name, y, logits, several_classes=source.several_classes, link=link)
        between = as_scores(logits, link)  # 0 and 1, unless they are numbers
        if source.numbers:
            details[name] = number_figures(y, logits, source.task_names, valid)
            valid = (y, logits) if name == "valid" else valid
        else:
            scores = class_scores(logits) if link == "softmax" else logits
            details[name] = part_details(y, scores, source.task_names)
            if not constant and (constant := constant_tasks(scores, details[name], source.several_classes)):
                _warn_of_constant_scores(source, name, constant, fitted=kept["lr"] is None)
            if name == "valid" and not source.several_classes:
                decisions = Decisions.at_best_f1(y, between)
            if decisions is not None:
                decisions.add_to(details[name], y, between)
            add_calibration(details[name], valid, y, between, source.task_names, source.several_classes)
            valid = (y, between) if name == "valid" else valid
            rates[name] = score_all(y, np.zeros_like(y))["ap"]  # ties form one step: the precision of all items
        if name == "test" and math.isnan(metrics[name][callback.metric]):
            warnings.warn(
                f"the test part of {source.name!r} {_lacks(source)}, so {callback.metric} is undefined there",
                stacklevel=4,
            )
        scored.append((name, positions, between))
    rows = ([part, *row] for part, own, scores in scored for row in source.prediction_rows(own, scores))
    write_csv(path / PREDICTIONS, ["split", *source.prediction_columns()], rows)
    metrics |= {"metric": callback.metric, "keep": callback.keep}
    how = {"selected_by": callback.metric, "best_epoch": kept["epoch"]} if selected else {"last_epoch": kept["epoch"]}
    counts = number_counts if source.numbers else label_counts
    metrics |= {
        **how,
        "epochs": callback.epochs,
        "dataset": source.name,
        "classes" if source.several_classes else "tasks": source.task_names,
        "unreadable_rows": len(source.data.errors),
        **({"task": "regression"} if source.numbers else {"positive_rate": rates}),
        "train_labels": counts(source.targets(source.splits["train"]).numpy(), source.task_names),
        "details": details,
    }
    if pretrained := source.pretrained():
        metrics["pretrained"] = pretrained
    write_json(path / METRICS, metrics)
    return metrics


def _lacks(source: "Source") -> str:
    return "has no two different numbers" if source.numbers else "has only one class"


def _warn_of_constant_scores(source: "Source", part: str, tasks: Sequence[str], fitted: bool) -> None:
    """Warn that the kept model has collapsed: in these tasks, it gives all items of a part the same score."""
    where = "" if source.several_classes else f" in the task{'s' * (len(tasks) > 1)} {', '.join(tasks[:5])}"
    more = f" and {len(tasks) - 5} more" if len(tasks) > 5 and where else ""
    advice = "" if fitted else "; try a lower weight_decay or lr"
    warnings.warn(
        f"the kept model gives all items of the {part} part of {source.name!r} the same score{where}{more}, so its "
        f"metrics are those of no ranking at all{advice}",
        stacklevel=5,
    )
