"""The cells of `benchmarks.mil`, the files of their results, and the choice of settings."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks._jobs import read

DATASETS = ["musk1", "musk2", "elephant", "fox", "protein"]
FOLDS = range(50)
TUNED = ["mutagenesis1", "newsgroups2"]
TUNING_FOLDS = range(10)
RATES = [1e-2, 3e-3, 1e-3]
EPOCHS = 50
GAMMA = 0.9
SLOW = [0.3, 0.1]
"""Values of γ from which the arms with a slow state choose; the others use `GAMMA`."""


@dataclass(frozen=True)
class Arm:
    """One way of training that is compared."""

    pooling: str
    """How the instances of a bag are pooled."""
    loss: str
    """With losses over pairs, half of each batch is positive."""
    instances: int | None
    """Instances per bag in a training step, the bag's state standing in for the others; None: all."""
    title: str
    """The name in tables."""


ARMS = {
    "attention-bce": Arm("attention", "bce", None, "attention, BCE (ABMIL)"),
    "mean-bce": Arm("mean", "bce", None, "mean, BCE"),
    "max-bce": Arm("max", "bce", None, "max, BCE"),
    "smx-bce": Arm("smoothed-max", "bce", None, "smoothed max, BCE"),
    "attention-aucm": Arm("attention", "auc-margin", None, "attention, AUC margin"),
    "smx-aucm": Arm("smoothed-max", "auc-margin", None, "smoothed max, AUC margin"),
    "midam-att": Arm("attention", "auc-margin", 4, "MIDAM-att: 4 instances, AUC margin"),
    "midam-smx": Arm("smoothed-max", "auc-margin", 4, "MIDAM-smx: 4 instances, AUC margin"),
    "sota-att": Arm("attention", "sota-s", 4, "attention, 4 instances, SOTA-s"),
    "midam-att-slow": Arm("attention", "auc-margin", 4, "MIDAM-att, γ chosen too"),
    "midam-smx-slow": Arm("smoothed-max", "auc-margin", 4, "MIDAM-smx, γ chosen too"),
}
ARM_NAMES = list(ARMS)
Settings = tuple[float, float]
"""Learning rate and γ."""


def cell(data: str, arm: str, lr: float, gamma: float, fold: int) -> dict[str, Any]:
    """Return all settings of a cell: learning rate and γ of the first epoch; fold is 10 × repetition + part."""
    return {"data": data, "arm": arm, "lr": lr, "gamma": gamma, "fold": fold, "epochs": EPOCHS}


def candidates(arm: str) -> list[Settings]:
    """Return the learning rates and γ from which an arm chooses."""
    return list(product(RATES, SLOW if arm.endswith("-slow") else [GAMMA]))


def grid(out: Path, arms: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the cells by which settings are chosen and, once all of these are finished, the others, fold by fold."""
    for fold, data, arm in product(TUNING_FOLDS, TUNED, arms):
        yield from (cell(data, arm, *settings, fold) for settings in candidates(arm))
    known = {arm: settings for arm in arms if (settings := chosen(out, arm)) is not None}
    if len(known) == len(arms):
        for fold, data, arm in product(FOLDS, DATASETS, arms):
            yield cell(data, arm, *known[arm], fold)


def place(out: Path, one: dict[str, Any]) -> Path:
    """Return the file of a cell."""
    arm = one["arm"] if one["gamma"] == GAMMA else f"{one['arm']}-gamma{one['gamma']:g}"
    return out / one["data"] / f"{arm}-lr{one['lr']:g}-epochs{one['epochs']}-{one['fold']}.json"


def tried(out: Path, arm: str) -> dict[Settings, dict[str, float]] | None:
    """Return the mean ROC-AUC by learning rate and γ, and by data set; None while a cell is missing."""
    means: dict[Settings, dict[str, float]] = {}
    for settings, data in product(candidates(arm), TUNED):
        paths = [place(out, cell(data, arm, *settings, fold)) for fold in TUNING_FOLDS]
        if not all(path.exists() for path in paths):
            return None
        means.setdefault(settings, {})[data] = statistics.mean(map(_roc_auc, paths))
    return means


@cache
def _roc_auc(path: Path) -> float:
    from xgraph.training.scoring.metrics import roc_auc

    one = read(path)
    return roc_auc(one["y"], one["scores"])


def chosen(out: Path, arm: str) -> Settings | None:
    """Rate and γ of an arm; None as long as a cell is missing."""
    scores = tried(out, arm)
    return None if scores is None else best(scores)


def best(scores: dict[Settings, dict[str, float]]) -> Settings:
    """The settings with the best mean over data sets; of equal ones the first."""
    return max(scores, key=lambda settings: statistics.mean(scores[settings].values()))
