"""Compares trees and attention on the classic sets of bags: ``python -m benchmarks.bag_models`` (needs XGRAPH_MIRROR).

musk1, musk2, elephant and fox, as ``xgraph train`` trains on them: the ten given folds of the first repetition, each
with a tenth of its training part for validation. Attention has the defaults from before `benchmarks.bag_defaults`, and
the ones that this study chose on other sets. "all of the training part" adds the validation bags to the training bags;
a network then keeps its last epoch. Nothing was chosen on these sets. Results: ``docs/results/bags.md``.
"""

from __future__ import annotations

import json
import math
import statistics
import tempfile
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import torch
from scipy.stats import t

import xgraph
from benchmarks._jobs import Job, Result, results, work
from benchmarks._report import RESULTS, parser, report
from benchmarks.bag_defaults import ALL, BASE

DATASETS = ("musk1", "musk2", "elephant", "fox")
FOLDS = range(10)
BEFORE, NOW, TREES = "attention, before", "attention", "extra trees"
MORE = ", all of the training part"
PAIRS = [(NOW, BEFORE), (TREES, BEFORE), (TREES, NOW), (TREES + MORE, NOW + MORE)]


def arms() -> dict[str, dict[str, Any]]:
    """Return the settings of the arms, with the defaults that `benchmarks.bag_defaults` chose."""
    chosen = json.loads((RESULTS / "bag_defaults.json").read_text())["chosen"]
    now = {**BASE, **chosen}
    return {
        BEFORE: BASE,
        NOW: now,
        NOW + MORE: {**now, **ALL},
        "forest": {"model": "forest"},
        TREES: {"model": "extra-trees"},
        TREES + MORE: {"model": "extra-trees", "train_on": "train+valid"},
    }


def main() -> None:
    arguments = parser(__doc__)
    default = RESULTS.parent / "runs" / "bag_models"
    arguments.add_argument("out", nargs="?", type=Path, default=default, help="folder for runs (default: %(default)s)")
    arguments.add_argument("--folds", type=int, default=len(FOLDS), help="use only the first folds")
    options = arguments.parse_args()
    torch.set_num_threads(1)
    every = list(jobs(options.out, options.folds))
    work(lambda: every)
    scores: dict[str, dict[str, list[Result]]] = {arm: {data: [] for data in DATASETS} for arm in arms()}
    for one in results(every):
        scores[one["arm"]][one["settings"]["dataset"]].append(one)
    rows = [row(arm, data, of) for arm, by_data in scores.items() for data, of in by_data.items()]
    gains = [gain(*pair, scores) for pair in PAIRS]
    report("bag_models", rows, gains=gains, arms=arms(), protocol=" ".join((__doc__ or "").split()))


def jobs(out: Path, folds: int) -> Iterator[Job]:
    """Yield all runs, fold by fold."""
    for fold, data, (arm, settings) in product(FOLDS[:folds], DATASETS, arms().items()):
        whole = {"dataset": data, "fold": fold, "seed": fold, "metric": "roc_auc", **settings}
        path = out / f"{arm}-{data}-{fold}.json".replace(" ", "_")
        yield Job(path, whole, runner(arm, whole), lambda result: f"{result['roc_auc']:.3f}")


def runner(arm: str, settings: dict[str, Any]) -> Callable[[], Result]:
    """Return the function that trains and tests."""

    def run() -> Result:
        with tempfile.TemporaryDirectory() as folder:
            metrics = xgraph.train(out=Path(folder) / "run", **settings).metrics
        accuracy = metrics["details"]["test"].get("at_threshold", {}).get("accuracy")
        return {"arm": arm, "roc_auc": metrics["test"]["roc_auc"], "ap": metrics["test"]["ap"], "accuracy": accuracy}

    return run


def row(arm: str, data: str, finished: list[Result]) -> dict[str, Any]:
    """Return means and standard deviations over folds."""
    values: dict[str, Any] = {"arm": arm, "data": data, "folds": len(finished)}
    for metric in ("roc_auc", "ap", "accuracy"):
        each = [one[metric] for one in finished if one[metric] is not None]
        if each:
            values |= {metric: statistics.mean(each), f"{metric}_std": statistics.stdev(each)}
    return {**values, "seconds": statistics.median(one["seconds"] for one in finished)}


def gain(one: str, other: str, scores: dict[str, dict[str, list[Result]]]) -> dict[str, Any]:
    """Return the mean difference in ROC-AUC of two arms over folds, by data set and over all, with its interval."""
    each = {
        data: [a["roc_auc"] - b["roc_auc"] for a, b in zip(scores[one][data], scores[other][data], strict=True)]
        for data in DATASETS
    }
    each["all"] = [value for values in each.values() for value in values]
    found: dict[str, Any] = {"one": one, "other": other}
    for data, values in each.items():
        half = float(t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
        found[data] = {"mean": statistics.mean(values), "half": half, "ahead": sum(value > 0 for value in values)}
    return found


if __name__ == "__main__":
    main()
