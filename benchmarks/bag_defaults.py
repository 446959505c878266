"""Which defaults suit bag networks: ``python -m benchmarks.bag_defaults`` (needs XGRAPH_MIRROR).

Twelve tasks that docs/results/bags.md does not report: newsgroups2, mutagenesis1, five kinds of corel and five species
of birds; of corel and birds 100 positive and 100 negative bags each, drawn with seed 0. Every task is split twice
60/20/20, stratified, by seeds 0 and 1. Each arm changes one setting of the defaults as of `BASE`, and is compared with
them by the test ROC-AUC, averaged over the splits and paired over the tasks, with a 95 % t-interval over tasks.

The rule was fixed before the first run. `combined` has the best value of each setting whose mean difference is above 0
(`train_on` aside: without validation bags a run has neither a selected epoch nor thresholds, so that arm is only
reported). The defaults become those of `combined` if its interval lies above 0; otherwise those of the best single arm
whose interval does; otherwise they stay. The trees, and `combined` on all of the training part, are for orientation.

Thresholds for decisions: the test accuracy of `combined` and of the trees at .5, and at the thresholds that have the
best F1, accuracy or balanced accuracy on the validation bags.
"""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

import xgraph
from benchmarks._jobs import Job, Result, missing, results, work
from benchmarks._report import RESULTS, parser, report
from xgraph.data import BagDataset, load

BASE: dict[str, Any] = {
    "model": "attention",
    "loss": "auc-margin",
    "epochs": 40,
    "pretrain_epochs": 20,
    "batch_size": 16,
    "lr": 1e-3,
    "weight_decay": 0.0,
    "dropout": 0.0,
    "norm": "none",
    "keep": "best",
}
"""The defaults of `xgraph train` for bags when the study began."""
ALL: dict[str, Any] = {"train_on": "train+valid", "keep": "last"}
ARMS: dict[str, dict[str, Any]] = {
    "base": {},
    "bce": {"loss": "bce", "pretrain_epochs": 0},
    "weight decay 1e-4": {"weight_decay": 1e-4},
    "weight decay 1e-3": {"weight_decay": 1e-3},
    "weight decay 1e-2": {"weight_decay": 1e-2},
    "dropout .2": {"dropout": 0.2},
    "dropout .5": {"dropout": 0.5},
    "20 epochs": {"epochs": 20, "pretrain_epochs": 10},
    "80 epochs": {"epochs": 80, "pretrain_epochs": 40},
    "last epoch": {"keep": "last"},
    "rate 3e-4": {"lr": 3e-4},
    "rate 3e-3": {"lr": 3e-3},
    "layer norm": {"norm": "layer"},
}
"""What an arm changes; arms that change the same setting are values of it."""
TREES: dict[str, dict[str, Any]] = {"forest": {"model": "forest"}, "extra-trees": {"model": "extra-trees"}}
KINDS = {
    "corel": ("African", "Beach", "Buses", "Food", "Historical"),
    "birds": (
        "Brown Creeper",
        "Winter Wren",
        "Pacific-slope Flycatcher",
        "Chestnut-backed Chickadee",
        "Hammond's Flycatcher",
    ),
}
TASKS = ["newsgroups2", "mutagenesis1", *(f"{data} {kind}" for data, kinds in KINDS.items() for kind in kinds)]
SPLITS = (0, 1)
EACH = 100
"""Bags of each class of a kind or species."""
RULES: list[tuple[str, Callable[[Any, Any], float]]] = [
    ("f1", lambda y, positive: 2 * (y & positive).sum() / (y.sum() + positive.sum())),
    ("accuracy", lambda y, positive: np.mean(y == positive)),
    ("balanced", lambda y, positive: (np.mean(positive[y]) + np.mean(~positive[~y])) / 2),
]
"""What a threshold is chosen by, as a function of labels and decisions."""
T_975 = {11: 2.201}
"""Quantile of Student's distribution by degrees of freedom."""


def main() -> None:
    arguments = parser(__doc__)
    default = RESULTS.parent / "runs" / "bag_defaults"
    arguments.add_argument("out", nargs="?", type=Path, default=default, help="folder for runs (default: %(default)s)")
    arguments.add_argument("--report", action="store_true", help="report the finished arms, without training")
    options = arguments.parse_args()
    torch.set_num_threads(1)
    single = list(jobs(options.out, ARMS))
    if not options.report:
        work(lambda: single)
    measured = {name: scores(results(of_arm(options.out, name, changes))) for name, changes in ARMS.items()}
    chosen = combine({name: difference(of, measured["base"])[0] for name, of in measured.items()})
    more = {"combined": chosen, **TREES, "all of the training part": ALL, "combined, all": {**chosen, **ALL}}
    lacking = []
    for name, changes in more.items():
        if options.report and missing(of_arm(options.out, name, changes)):
            lacking.append(name)
        else:
            measured[name] = scores(results(of_arm(options.out, name, changes)))
    rows = [row(name, of, measured["base"], {**ARMS, **more}[name]) for name, of in measured.items()]
    thresholds = [name for name in ("combined", *TREES) if name in measured]
    code = {one["code"] for one in results(single)} - {None}
    report(
        "bag_defaults",
        rows,
        **({"commit": ", ".join(sorted(code))} if code else {}),
        accuracy={name: accuracy(results(of_arm(options.out, name, more[name]))) for name in thresholds},
        chosen=decide(rows),
        combined=chosen,
        not_run=lacking,
        tasks=TASKS,
        base=BASE,
        roc_auc=measured,
        protocol=" ".join((__doc__ or "").split()),
    )


def jobs(out: Path, arms: dict[str, dict[str, Any]]) -> Iterator[Job]:
    """Yield the runs of some arms, split by split and task by task."""
    for split, task, (name, changes) in product(SPLITS, TASKS, arms.items()):
        yield job(out, name, changes, task, split)


def of_arm(out: Path, name: str, changes: dict[str, Any]) -> Iterator[Job]:
    """Yield the runs of one arm."""
    return jobs(out, {name: changes})


def job(out: Path, arm: str, changes: dict[str, Any], task: str, split: int) -> Job:
    """Return one run of ``xgraph train`` as a job."""
    trees = changes.get("model") in TREES
    settings = {**({} if trees else BASE), **changes}
    path = out / f"{arm}-{task}-{split}.json".replace(" ", "_")
    return Job(path, {"task": task, "split": split, **settings}, runner(task, split, settings))


def runner(task: str, split: int, settings: dict[str, Any]) -> Callable[[], Result]:
    """Return the function that trains and tests."""

    def run() -> Result:
        with tempfile.TemporaryDirectory() as folder:
            done = xgraph.train(bags(task, split), out=Path(folder) / "run", seed=split, **settings)
            accuracies = decided(pd.read_csv(done.path / "predictions.csv"))
        test = done.metrics["test"]
        return {"roc_auc": test["roc_auc"], "ap": test["ap"], "accuracy": accuracies}

    return run


def decided(scored: pd.DataFrame) -> dict[str, float]:
    """Return the test accuracy at .5, and at thresholds that are chosen on the validation bags."""
    parts = {name: (part["y"].to_numpy() == 1, part["y_score"].to_numpy()) for name, part in scored.groupby("split")}
    thresholds = {"half": 0.5}
    if "valid" in parts:
        y, s = parts["valid"]
        known = np.unique(s)
        limits = np.concatenate([known[:1], (known[1:] + known[:-1]) / 2])
        thresholds |= {
            name: float(limits[np.argmax([rule(y, s >= limit) for limit in limits])]) for name, rule in RULES
        }
    y, s = parts["test"]
    return {name: float(np.mean(y == (s >= limit))) for name, limit in thresholds.items()}


def bags(task: str, split: int) -> BagDataset:
    """Return the bags of a task with a stratified split."""
    data, chosen, y = drawn(task)
    parts: dict[str, list[int]] = {name: [] for name in ("train", "valid", "test")}
    rng = np.random.default_rng(split)
    for label in (0, 1):
        own = rng.permutation(np.flatnonzero(y == label))
        ends = np.cumsum(np.round(np.array([0.6, 0.2]) * len(own)).astype(int))
        for part, some in zip(parts.values(), np.split(own, ends), strict=True):
            part.extend(some.tolist())
    batch = data.batch(chosen)
    splits = {name: sorted(part) for name, part in parts.items()}
    return BagDataset(batch.x, bag=batch.bag, y=y, name=task, metric="roc_auc", splits=splits)


@cache
def drawn(task: str) -> tuple[Any, list[int], Any]:
    """Return a data set, the bags of a task, and their labels."""
    name, _, kind = task.partition(" ")
    data: Any = load(name, **({"target_columns": [kind]} if kind else {}))
    y = data.y[:, 0].numpy()
    if not kind:
        return data, list(range(len(data))), y
    rng = np.random.default_rng(0)
    chosen = np.sort(np.concatenate([rng.permutation(np.flatnonzero(y == label))[:EACH] for label in (0, 1)]))
    return data, chosen.tolist(), y[chosen]


def scores(finished: list[Result]) -> dict[str, float]:
    """Return the mean test ROC-AUC over the splits of each task."""
    by_task: dict[str, list[float]] = {task: [] for task in TASKS}
    for one in finished:
        by_task[one["settings"]["task"]].append(one["roc_auc"])
    return {task: statistics.mean(values) for task, values in by_task.items()}


def accuracy(finished: list[Result]) -> dict[str, float]:
    """Return the mean test accuracy by rule for the threshold."""
    return {name: statistics.mean(one["accuracy"][name] for one in finished) for name in finished[0]["accuracy"]}


def difference(of: dict[str, float], base: dict[str, float]) -> tuple[float, float]:
    """Return the mean difference over tasks and half the width of its interval."""
    each = [of[task] - base[task] for task in TASKS]
    return statistics.mean(each), T_975[len(each) - 1] * statistics.stdev(each) / math.sqrt(len(each))


def combine(gains: dict[str, float]) -> dict[str, Any]:
    """Return the best value of each setting whose gain is above 0."""
    best: dict[str, str] = {}
    for name, changes in ARMS.items():
        setting = next(iter(changes), "")
        if gains[name] > max(0.0, gains[best[setting]] if setting in best else 0.0):
            best[setting] = name
    merged = {key: value for name in best.values() for key, value in ARMS[name].items()}
    if "pretrain_epochs" in merged and merged.get("loss") == "bce":
        merged["pretrain_epochs"] = 0
    return merged


def decide(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the settings that become the defaults, by the rule above; empty if none do."""
    by_arm = {one["arm"]: one for one in rows}
    if "combined" in by_arm and by_arm["combined"]["low"] > 0:
        return dict(by_arm["combined"]["changes"])
    single = [by_arm[name] for name in ARMS if by_arm[name]["low"] > 0]
    return dict(max(single, key=lambda one: one["gain"])["changes"]) if single else {}


def row(name: str, of: dict[str, float], base: dict[str, float], changes: dict[str, Any]) -> dict[str, Any]:
    """Return an arm's line of the table."""
    gain, half = difference(of, base)
    ahead = sum(of[task] > base[task] for task in TASKS)
    values = {"roc_auc": statistics.mean(of.values()), "gain": gain, "low": gain - half, "high": gain + half}
    return {"arm": name, "changes": changes, **values, "tasks ahead": ahead}


if __name__ == "__main__":
    main()
