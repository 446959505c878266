"""Compares trees with attention on the classic sets of bags: ``python -m benchmarks.bag_models`` (needs XGRAPH_MIRROR).

Random forests and extra trees with their default settings, on the mean, maximum, minimum and standard deviation of the
instances' features, in the protocol of `benchmarks.mil`: the 50 given folds (five repetitions of ten-fold
cross-validation), nine parts to fit to and the tenth to score. They are paired with attention of ``mil.json``, whose
learning rate was chosen on other sets. Nothing was chosen for the trees.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import torch

from benchmarks._jobs import Job, Result, missing, results
from benchmarks._report import RESULTS, parser, report
from xgraph.data import bag_statistics, load
from xgraph.nn import ExtraTrees, RandomForest
from xgraph.training.scoring.inference import score_table
from xgraph.training.scoring.metrics import average_precision, roc_auc

DATASETS = ("musk1", "musk2", "elephant", "fox", "protein")
MODELS = {"extra-trees": ExtraTrees, "forest": RandomForest}
NETWORKS = ("attention-bce", "attention-aucm")
"""Arms of ``mil.json`` that the trees are compared with."""
REPETITIONS, PARTS = 5, 10
METRICS: dict[str, Callable[[Any, Any], float]] = {"ROC-AUC": roc_auc, "AP": average_precision}


def main() -> None:
    arguments = parser(__doc__)
    default = RESULTS.parent / "runs" / "bag_models"
    arguments.add_argument("out", nargs="?", type=Path, default=default, help="folder for runs (default: %(default)s)")
    arguments.add_argument("--report", action="store_true", help="report the finished models, without fitting")
    options = arguments.parse_args()
    every = {model: [job for job in jobs(options.out) if job.settings["model"] == model] for model in MODELS}
    lacking = [model for model, own in every.items() if options.report and missing(own)]
    finished = results(job for model, own in every.items() if model not in lacking for job in own)
    models = [model for model in MODELS if model not in lacking]
    scores = {
        f"{data} {model}": {metric: of(finished, data, model, metric) for metric in METRICS}
        for data, model in product(DATASETS, models)
    }
    networks = json.loads((RESULTS / "mil.json").read_text())["folds"]
    for data, arm in product(DATASETS, NETWORKS):
        known = {metric: [float(one) for one in networks[f"{data} {arm}"][metric].split()] for metric in METRICS}
        scores[f"{data} {arm}"] = known
    rows = [row(data, arm, scores[f"{data} {arm}"]) for data, arm in product(DATASETS, (*models, *NETWORKS))]
    code = {one["code"] for one in finished} - {None}
    report(
        "bag_models",
        rows,
        **({"commit": ", ".join(sorted(code))} if code else {}),
        folds=scores,
        not_run=lacking,
        seconds_per_fold=statistics.median(one["seconds"] / PARTS for one in finished),
        protocol=" ".join((__doc__ or "").split()),
    )


def jobs(out: Path) -> Iterator[Job]:
    """Yield the repetitions of each model on each set."""
    for model, repetition, data in product(MODELS, range(REPETITIONS), DATASETS):
        settings = {"data": data, "model": model, "repetition": repetition}
        yield Job(out / f"{model}-{data}-{repetition}.json", settings, runner(data, model, repetition))


def runner(data: str, model: str, repetition: int) -> Callable[[], Result]:
    """Return the function that fits and scores the folds of a repetition."""

    def run() -> Result:
        found: dict[str, list[float]] = {metric: [] for metric in METRICS}
        for fold in range(repetition * PARTS, (repetition + 1) * PARTS):
            splits = load(data, fold=fold).splits
            train, test = torch.cat([splits["train"], splits["valid"]]), splits["test"]
            x, y = described(data)
            trees = MODELS[model](1, x.size(1))
            trees.fit(x[train], y[train], seed=fold, threads=1)
            logits = score_table(trees, x[test])[:, 0]
            for metric, value in METRICS.items():
                found[metric].append(value(y[test].numpy(), logits))
        return found

    return run


@cache
def described(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return statistics and labels of the bags of a set."""
    data: Any = load(name, fold=0)
    return bag_statistics(data), data.y[:, 0]


def of(finished: list[Result], data: str, model: str, metric: str) -> list[float]:
    """Return a metric of all folds in order."""
    own = [one for one in finished if (one["settings"]["data"], one["settings"]["model"]) == (data, model)]
    own.sort(key=lambda one: one["settings"]["repetition"])
    return [value for one in own for value in one[metric]]


def row(data: str, arm: str, of: dict[str, list[float]]) -> dict[str, Any]:
    """Return means and standard deviations over folds."""
    known = {metric: [value for value in values if value == value] for metric, values in of.items()}
    spreads = {name: f"{statistics.mean(each):.3f} ± {statistics.stdev(each):.3f}" for name, each in known.items()}
    return {"data": data, "arm": arm, "folds": len(known["ROC-AUC"]), **spreads}


if __name__ == "__main__":
    main()
