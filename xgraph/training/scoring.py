"""Final metrics of a split: our own, and OGB's for its benchmarks."""

import contextlib
import io
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from xgraph.training.metrics import METRICS, Metric, score_all


def score_split(
    dataset: str, y: npt.NDArray[Any], logits: npt.NDArray[np.float64], further: Mapping[str, Metric] | None = None
) -> dict[str, float]:
    """All metrics of a split; NaN where it has one class only.

    Args:
        dataset: Name of the data set; for `ogbg-*`, OGB's own evaluator scores too.
        y: Labels, shape [n, T].
        logits: Scores, shape [n, T].
        further: Metrics beside those of every run.
    """
    values = score_all(y, logits, further)
    if dataset.startswith("ogbg-") and not any(np.isnan(values[name]) for name in METRICS):
        values |= ogb_scores(dataset, y, logits)
    return values


def ogb_scores(dataset: str, y: npt.NDArray[Any], logits: npt.NDArray[np.float64]) -> dict[str, float]:
    """The score that OGB's leaderboard would give, under `ogb_<metric>`.

    Args:
        dataset: Name of the benchmark.
        y: Labels, shape [n, T].
        logits: Scores, shape [n, T].
    """
    with _without_version_check(), contextlib.redirect_stdout(io.StringIO()):
        from ogb.graphproppred import Evaluator

        result: dict[str, float] = Evaluator(dataset).eval({"y_true": y, "y_pred": logits})
    return {f"ogb_{name}": float(value) for name, value in result.items()}


@contextlib.contextmanager
def _without_version_check() -> Iterator[None]:
    """Let `import ogb` find no `outdated`, with which it would ask the network for newer versions of itself."""
    name = "outdated"
    hidden = sys.modules.pop(name, None)
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]
        if hidden is not None:
            sys.modules[name] = hidden
