"""Trains the arms of a group of tasks: the steps of `xgraph train` without its run folders."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.objectives.arms import ARMS, REFERENCE, Arm
from xgraph.losses import LOSSES, Loss
from xgraph.sampling import DualSampler
from xgraph.training.fit.seeding import own_random_streams
from xgraph.training.scoring.metrics import average_precision, score_all
from xgraph.training.scoring.partial_auc import partial_auc
from xgraph.training.sources.batches import ShuffleSampler

BATCH, CHECKS = 64, 8
METRICS = ("ap", "roc_auc", "opauc", "ef_1")
MAX_FPR = 0.1


class Problem(Protocol):
    """K tasks with the same labels, and the input of K models that are trained side by side."""

    labels: dict[str, np.ndarray]
    count: int

    def model(self) -> Any:
        """New models, of logits ``[B, K]``."""

    def batch(self, rows: np.ndarray) -> Any:
        """The input of some rows of all training parts."""

    def score(self, model: nn.Module, part: str) -> np.ndarray:
        """The logits of a part in evaluation mode, ``[n, K]``."""


@dataclass
class Stage:
    """What a stage of training left: weights, and validation AP of each task at equally spaced checks."""

    model: Any
    weights: list[dict[str, Tensor]]
    valid: list[list[float]]


def run_arms(
    problem: Problem, names: Sequence[str], rates: dict[str, float], steps: int, seed: int, first: Stage | None = None
) -> dict[str, list[dict[str, Any]]]:
    """Train some arms; those with two stages share the first one, also if it is given. Scores of each task by arm."""
    shared, done = first, {}
    for name in names:
        arm = ARMS[name]
        if arm.form == "one-stage":
            stage = train(problem, None, arm, rates[name], steps, seed)
        else:
            shared = shared or first_stage(problem, rates[REFERENCE], steps, seed)
            stage = train(problem, shared.model, arm, rates[name] * rates[REFERENCE], steps - steps // 2, seed + 1)
        done[name] = measured(problem, stage)
    if first is None and shared is not None:
        done["first-stage"] = measured(problem, shared)
    return done


def first_stage(problem: Problem, rate: float, steps: int, seed: int) -> Stage:
    """Half the steps with cross-entropy."""
    return train(problem, None, ARMS[REFERENCE], rate, steps // 2, seed)


def train(problem: Problem, start: Any, arm: Arm, rate: float, steps: int, seed: int) -> Stage:
    """One stage: Adam with a cosine; `start` is the model of the stage before."""
    labels = torch.from_numpy(problem.labels["train"])
    with own_random_streams(seed):
        model = problem.model() if start is None else copy.deepcopy(start)
        if arm.form == "new-head" and start is not None:
            model.reset_head()
        loss = make_loss(arm, labels, problem.count)
        optimizer = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
        stage = Stage(model, [], [])
        batches = endless(arm, labels, seed)
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / steps))
            model.train()
            rows = next(batches)
            target = labels[rows].unsqueeze(1).expand(-1, problem.count)
            value = problem.count * loss(model(problem.batch(rows)), target, torch.from_numpy(rows))
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            if (step + 1) * CHECKS // steps > step * CHECKS // steps:
                logits = problem.score(model, "valid")
                stage.valid.append([average_precision(problem.labels["valid"], column) for column in logits.T])
                stage.weights.append(copy.deepcopy(model.state_dict()))
    return stage


def make_loss(arm: Arm, labels: Tensor, count: int) -> Loss:
    """The loss over the training part; a balanced weight is the ratio of negatives to positives."""
    options = dict(arm.options)
    if options.get("pos_weight") == "balanced":
        options["pos_weight"] = float((labels == 0).sum() / (labels == 1).sum())
    return LOSSES[arm.loss](len(labels), count, **options)


def endless(arm: Arm, labels: Tensor, seed: int) -> Iterator[np.ndarray]:
    """Batches of training rows, epoch after epoch."""
    if arm.positives is None:
        sampler: Any = ShuffleSampler(len(labels), BATCH, seed)
    else:
        sampler = DualSampler(labels, BATCH, sampling_rate=arm.positives, seed=seed)
    epoch = 0
    while True:
        yield from sampler.batches(epoch)
        epoch += 1


def measured(problem: Problem, stage: Stage) -> list[dict[str, Any]]:
    """Each task's test metrics at the check with its best validation AP, the first of equals."""
    valid = np.array(stage.valid)
    best = valid.argmax(0)
    stage.model.load_state_dict(chosen(stage.weights, best))
    logits = problem.score(stage.model, "test")
    return [
        {"valid": round(valid[check, k], 4), "check": int(check) + 1, **scores(problem.labels["test"], logits[:, k])}
        for k, check in enumerate(best)
    ]


def chosen(weights: list[dict[str, Tensor]], best: np.ndarray) -> dict[str, Tensor]:
    """The weights of each model at its own check; with several models, the first dimension of a tensor is theirs."""
    if len(best) == 1:
        return weights[best[0]]
    return {name: torch.stack([weights[i][name][k] for k, i in enumerate(best)]) for name in weights[0]}


def scores(labels: np.ndarray, values: np.ndarray) -> dict[str, float]:
    """The metrics of a ranking; OPAUC is the area up to a false positive rate of .1, divided by .1."""
    every = score_all(labels, values)
    every["opauc"] = partial_auc(labels, values, MAX_FPR, "area")
    return {metric: round(every[metric], 4) for metric in METRICS}
