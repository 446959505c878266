"""Bags of instances: MIDAM beside training on whole bags, and beside peers: ``python -m benchmarks.mil``.

Quality. Every (data set, arm, rate, fold) is a cell, a file of its own under ``--out``: a rerun does what is missing,
and several processes started at once share the work. The folds are the given ones, five times ten of each data set. A
cell trains on the nine parts and scores the bags of the tenth by all of their instances, after the last epoch: no epoch
is chosen, and nothing by the tested sets. The arms are `benchmarks._mil_runs.ARMS`. The rate of each is chosen among
`RATES`, for two arms γ too among `SLOW`, by the mean ROC-AUC of the first ten folds of `TUNED` data sets, which are not
tested. All other settings are those of MIDAM's protocol: one hidden layer as wide as the input (at least 128), 16 bags
a batch, half of them positive (with BCE: as they come), 4 instances, weight decay 1e-4, τ = .1, γ = .9, rate to a tenth
and γ to a half after half and three quarters of the epochs, features standardised by the training bags; but Adam, not
SGD with momentum .1, and `EPOCHS` epochs, not 100.

``--report`` makes ``benchmarks/results/mil.json`` and ``mil.md`` of what is there. ``--speed`` measures time and memory
beside torchmil and LibAUC. ``--pictures`` draws which instances made a bag positive: of two runs that it trains, or of
given runs of `xgraph train`, beside their checkpoints. Needs XGRAPH_MIRROR.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import torch

DATASETS = ["musk1", "musk2", "elephant", "fox", "protein"]
FOLDS = range(50)
TUNED = ["mutagenesis1", "newsgroups2"]
TUNING_FOLDS = range(10)
RATES = [1e-2, 3e-3, 1e-3]
EPOCHS = 50
ARM_NAMES = [
    *["attention-bce", "mean-bce", "max-bce", "smx-bce"],
    *["attention-aucm", "smx-aucm", "midam-att", "midam-smx", "sota-att"],
    *["midam-att-slow", "midam-smx-slow"],
]
GAMMA = 0.9
SLOW = [0.3, 0.1]
"""γ among which the arms with a slow state choose; the others have `GAMMA`."""


def cell(data: str, arm: str, lr: float, gamma: float, fold: int) -> dict[str, Any]:
    """All settings of a cell.

    Args:
        data: Data set.
        arm: One of the arms.
        lr: Learning rate in the beginning.
        gamma: Weight of the new value in a bag's state, in the beginning.
        fold: Ten times the repetition, and the part.
    """
    return {"data": data, "arm": arm, "lr": lr, "gamma": gamma, "fold": fold, "epochs": EPOCHS}


Settings = tuple[float, float]
"""Rate and γ."""


def candidates(arm: str) -> list[Settings]:
    """Rates and γ that an arm chooses among.

    Args:
        arm: The arm.
    """
    return list(product(RATES, SLOW if arm.endswith("-slow") else [GAMMA]))


def grid(out: Path, arms: list[str]) -> Iterator[dict[str, Any]]:
    """The cells: those to choose settings by, and once these are all there, the others, fold by fold.

    Args:
        out: Where finished cells are.
        arms: Only these.
    """
    for fold, data, arm in product(TUNING_FOLDS, TUNED, arms):
        yield from (cell(data, arm, *settings, fold) for settings in candidates(arm))
    known = {arm: settings for arm in arms if (settings := chosen(out, arm)) is not None}
    if len(known) == len(arms):
        for fold, data, arm in product(FOLDS, DATASETS, arms):
            yield cell(data, arm, *known[arm], fold)


def place(out: Path, one: dict[str, Any]) -> Path:
    """The file of a cell.

    Args:
        out: Where finished cells are.
        one: The cell.
    """
    arm = one["arm"] if one["gamma"] == GAMMA else f"{one['arm']}-gamma{one['gamma']:g}"
    return out / one["data"] / f"{arm}-lr{one['lr']:g}-epochs{one['epochs']}-{one['fold']}.json"


def tried(out: Path, arm: str) -> dict[Settings, dict[str, float]] | None:
    """Mean ROC-AUC by rate and γ, and data set; None as long as a cell is missing.

    Args:
        out: Where finished cells are.
        arm: The arm.
    """
    from xgraph.training.scoring.metrics import roc_auc

    found: dict[Settings, dict[str, float]] = {}
    for settings, data in product(candidates(arm), TUNED):
        values = []
        for fold in TUNING_FOLDS:
            path = place(out, cell(data, arm, *settings, fold))
            if not path.exists():
                return None
            one = json.loads(path.read_text())
            values.append(roc_auc(one["y"], one["scores"]))
        found.setdefault(settings, {})[data] = statistics.mean(values)
    return found


def chosen(out: Path, arm: str) -> Settings | None:
    """Rate and γ of an arm; None as long as a cell is missing.

    Args:
        out: Where finished cells are.
        arm: The arm.
    """
    scores = tried(out, arm)
    return None if scores is None else best(scores)


def best(scores: dict[Settings, dict[str, float]]) -> Settings:
    """The settings with the best mean over data sets; of equal ones the first.

    Args:
        scores: By settings and data set.

    Example:
        >>> best({(0.01, 0.9): {"a": 0.5, "b": 0.9}, (0.001, 0.9): {"a": 0.8, "b": 0.7}})
        (0.001, 0.9)
    """
    return max(scores, key=lambda settings: statistics.mean(scores[settings].values()))


def do(out: Path, one: dict[str, Any]) -> bool:
    """One cell; False if another process is at it.

    Args:
        out: Where finished cells are.
        one: The cell.
    """
    from benchmarks._mil_runs import run

    path = place(out, one)
    if path.exists():
        return True
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_suffix(".lock")
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if path.exists():
            lock.unlink(missing_ok=True)
            return True
        result = {"settings": one, "code": os.environ.get("XGRAPH_CODE"), **run(one)}
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(result))
        temporary.replace(path)
        lock.unlink(missing_ok=True)
    print(f"{time.strftime('%H:%M:%S')} {path.parent.name}/{path.stem}: {result['cpu_seconds']:.1f} s", file=sys.stderr)
    return True


def train(out: Path, datasets: list[str], arms: list[str], folds: int) -> None:
    """Do what is missing; wait for other processes where something hangs on theirs.

    Args:
        out: Where finished cells are.
        datasets: Only these.
        arms: Only these.
        folds: Only the first.
    """
    torch.set_num_threads(1)
    while True:
        todo = missing(out, datasets, arms, folds)
        if not todo:
            return
        done = [do(out, one) for one in todo]
        if not any(done):
            time.sleep(5)


def missing(out: Path, datasets: list[str], arms: list[str], folds: int) -> list[dict[str, Any]]:
    """The cells that are not there; until all rates are known, only those by which they are chosen.

    Args:
        out: Where finished cells are.
        datasets: Only these.
        arms: Only these.
        folds: Only the first.
    """
    wanted = [
        one for one in grid(out, arms) if one["data"] in datasets and (one["data"] in TUNED or one["fold"] < folds)
    ]
    return [one for one in wanted if not place(out, one).exists()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = Path(os.environ.get("XGRAPH_ROOT", Path.home() / ".cache" / "xgraph"))
    everything = [*TUNED, *DATASETS]
    parser.add_argument("--dataset", nargs="+", choices=everything, default=everything, help="default: all")
    parser.add_argument("--arm", nargs="+", choices=ARM_NAMES, default=ARM_NAMES, help="default: all")
    parser.add_argument("--folds", type=int, default=len(FOLDS), help="only the first, of the tested sets")
    parser.add_argument("--out", type=Path, default=root / "mil", help="finished cells")
    parser.add_argument("--list", action="store_true", help="the cells that are still missing")
    parser.add_argument("--report", action="store_true", help="tables of what is there, no training")
    parser.add_argument("--speed", action="store_true", help="time and memory instead")
    parser.add_argument("--pictures", nargs="*", type=Path, metavar="RUN", help="pictures of runs instead")
    parser.add_argument("--rounds", type=int, default=5, help="of --speed")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each measurement of --speed")
    parser.add_argument("--threads", type=int, default=2, help="of --speed")
    parser.add_argument("--largest", type=int, default=10_000, help="instances of a bag, of --speed")
    options = parser.parse_args()
    if options.list:
        todo = missing(options.out, options.dataset, options.arm, options.folds)
        print(*(place(options.out, one) for one in todo), sep="\n")
    elif options.report:
        from benchmarks._mil_report import summarize

        summarize(options.out)
    elif options.speed:
        from benchmarks._mil_cost import measure

        measure(options.rounds, options.seconds, options.threads, options.largest)
    elif options.pictures is not None:
        from benchmarks._mil_pictures import draw

        draw(options.pictures, options.out / "runs")
    else:
        train(options.out, options.dataset, options.arm, options.folds)


if __name__ == "__main__":
    main()
