"""Metrics of a part of a data set: our own, and the Open Graph Benchmark's for its data sets."""

import contextlib
import io
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from xgraph.data.ogb.package import without_version_check
from xgraph.training.scoring.inference import class_scores
from xgraph.training.scoring.metrics import METRICS, Metric, accuracy, score_all
from xgraph.training.scoring.numbers import score_numbers
from xgraph.training.scoring.ranking import list_metrics

_OGB = ("ogbg-", "ogbn-")


def measure(
    y: npt.NDArray[Any],
    logits: npt.NDArray[np.float64],
    further: Mapping[str, Metric] | None = None,
    *,
    several_classes: bool = False,
    link: str = "sigmoid",
) -> dict[str, float]:
    """Return our metrics, of several tasks also those of ranked lists; NaN if there is only one class, or no number."""
    if link == "identity":
        return score_numbers(y, logits)
    values = score_all(y, class_scores(logits) if link == "softmax" else logits, further)
    if several_classes:
        return {"accuracy": accuracy(y, logits), **values}
    return values | list_metrics(y, logits) if y.ndim == 2 and y.shape[1] > 1 else values


def score_split(
    dataset: str,
    y: npt.NDArray[Any],
    logits: npt.NDArray[np.float64],
    further: Mapping[str, Metric] | None = None,
    *,
    several_classes: bool = False,
    link: str = "sigmoid",
) -> dict[str, float]:
    """Return all metrics; NaN if there is only one class, or no number."""
    values = measure(y, logits, further, several_classes=several_classes, link=link)
    needed = ("rmse",) if link == "identity" else ("accuracy",) if several_classes else tuple(METRICS)
    if dataset.startswith(_OGB) and not any(math.isnan(values[name]) for name in needed):
        if several_classes:
            known = (y == 1).any(1)
            values |= ogb_scores(dataset, *(a[known].argmax(1)[:, None] for a in (y, logits)))
        else:
            values |= ogb_scores(dataset, y, logits)
    return values


def ogb_scores(dataset: str, y: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> dict[str, float]:
    """Return the score of OGB's evaluator as `ogb_<metric>`."""
    with without_version_check(), contextlib.redirect_stdout(io.StringIO()):
        if dataset.startswith("ogbn-"):
            from ogb.nodeproppred import Evaluator
        else:
            from ogb.graphproppred import Evaluator

        result: dict[str, float] = Evaluator(dataset).eval({"y_true": y, "y_pred": predicted})
    return {f"ogb_{name}": float(value) for name, value in result.items()}
