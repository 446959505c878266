"""The cells of `benchmarks.feature_momentum`, the files of their results, and the choice of settings."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks._jobs import Job, read

COMMON: dict[str, Any] = {"hidden_channels": 64, "dropout": 0.2, "norm": "layer", "weight_decay": 0.0, "lr": 0.01}
COMMON |= {"exact_input": True, "whole": False, "gamma": 1.0, "gradient": "straight_through", "valid_every": 5}
DATASETS: dict[str, dict[str, Any]] = {
    "tolokers": {"batch_size": 512, "epochs": 100},
    "noisy": {"batch_size": 1024, "epochs": 100},
    "musae-github": {"batch_size": 1024, "epochs": 15},
    "coauthor-physics": {"batch_size": 1024, "epochs": 15},
}
MAIN = ["tolokers", "noisy"]
FULL_EPOCHS = (50, 100)
"""Numbers of epochs from which full chooses at two layers, by validation score."""
LONG = 300
"""Epochs of a second, longer series."""
Tried = dict[str, dict[tuple[str, float], list[float]]]
STRAIGHT, SCALED = "straight_through", "scaled"
TUNED: Tried = {  # values of γ that are tried, by fan-out, gradient and learning rate
    "1": {
        (STRAIGHT, 0.01): [0.3, 0.1, 0.05, 0.03, 0.02],
        (STRAIGHT, 0.003): [0.1, 0.05, 0.03],
        (SCALED, 0.01): [0.1, 0.03],
    },
    "2": {(STRAIGHT, 0.01): [0.3, 0.1, 0.05, 0.03], (STRAIGHT, 0.003): [0.1, 0.05], (SCALED, 0.01): [0.1]},
    "5": {(STRAIGHT, 0.01): [0.3, 0.1, 0.05]},
    "10": {(STRAIGHT, 0.01): [0.3, 0.1, 0.05]},
}
TUNED_DEEP: Tried = {  # at three layers, for three and more
    "1": {(STRAIGHT, 0.01): [0.3, 0.1, 0.05, 0.03], (STRAIGHT, 0.003): [0.1, 0.05, 0.03], (SCALED, 0.01): [0.1]},
    "2": {(STRAIGHT, 0.01): [0.3, 0.1, 0.05, 0.03], (STRAIGHT, 0.003): [0.1, 0.05, 0.03]},
    "5": {(STRAIGHT, 0.01): [0.3, 0.1], (STRAIGHT, 0.003): [0.1, 0.05]},
    "10": {(STRAIGHT, 0.01): [0.3, 0.1], (STRAIGHT, 0.003): [0.1, 0.05]},
}
TUNED_SMALL: Tried = {fan_out: {(STRAIGHT, 0.01): [0.3, 0.1, 0.03]} for fan_out in ("1", "2")}
RATES = (0.01, 0.003)
"""Learning rates of the other arms, with one neighbour or all."""
TUNING_SEEDS = {"tolokers": [0, 1], "noisy": [0], "musae-github": [0], "coauthor-physics": [0]}


def cell(name: str, arm: str, layers: int, fan_out: str, seed: int, **other: Any) -> dict[str, Any]:
    """Return all settings of a cell; `other` overrides `COMMON` and `DATASETS`."""
    settings = {"dataset": name, "arm": arm, "num_layers": layers, "fan_out": fan_out, "seed": seed}
    settings |= COMMON | DATASETS[name] | {"exact_input": arm != "plain"} | other
    if arm == "full":
        settings |= {"fan_out": "-1", "whole": layers > 2}
    return settings


def grid(out: Path) -> Iterator[dict[str, Any]]:
    """Yield the cells, the most important first; those of momentum once γ has been chosen."""
    for name in MAIN:
        yield from tuning(name)
    yield from (one for name in MAIN for one in tracked(out, name))
    everything, two = ["momentum", "plain", "exact"], ["momentum", "plain"]
    rounds: list[tuple[list[int], list[str], list[str], dict[str, int]]] = [
        ([2, 3], ["1", "2"], everything, {"tolokers": 5, "noisy": 5}),
        ([2, 3], ["5", "10"], two, {"tolokers": 5, "noisy": 3}),
        ([4, 5], ["1", "2"], two, {"tolokers": 5, "noisy": 2}),
    ]
    for number, (layers, fans, kinds, seeds) in enumerate(rounds):
        for seed in range(5):
            for depth in layers:
                for name in (name for name in MAIN if seed < seeds[name]):
                    if "1" in fans:
                        yield from full(out, name, depth, seed)
                    yield from arms(out, name, depth, fans, seed, kinds)
        if number == 0:
            yield from small(out)
    for seed, name, depth in product(range(3), MAIN, (2, 3)):
        yield from arms(out, name, depth, ["1", "2"], seed, ["momentum"], epochs=LONG)
        if depth == 2:
            yield from full(out, name, depth, seed, epochs=LONG)


def small(out: Path) -> Iterator[dict[str, Any]]:
    """Yield the smaller series of the two other data sets."""
    for name in DATASETS:
        if name not in MAIN:
            yield from tuning(name)
            for seed in range(3):
                yield cell(name, "full", 2, "all", seed)
                yield from arms(out, name, 2, ["1", "2"], seed, ["momentum", "plain", "exact"])


def tuning(name: str) -> Iterator[dict[str, Any]]:
    """Yield the cells by which γ, gradient, learning rate and the epochs of full are chosen."""
    for seed in TUNING_SEEDS[name]:
        for layers, tried in ((2, TUNED), (3, TUNED_DEEP)) if name in MAIN else ((2, TUNED_SMALL),):
            for fan_out, words in tried.items():
                for (gradient, lr), gammas in words.items():
                    for gamma in gammas:
                        yield cell(name, "momentum", layers, fan_out, seed, gamma=gamma, gradient=gradient, lr=lr)
            if name in MAIN:
                for arm, lr in product(("plain", "exact"), RATES):
                    yield cell(name, arm, layers, "1", seed, lr=lr)
        if name in MAIN:
            yield from (cell(name, "full", 2, "all", seed, epochs=epochs) for epochs in FULL_EPOCHS)
            yield cell(name, "full", 2, "all", seed, epochs=FULL_EPOCHS[-1], lr=RATES[-1])


CHOSEN = {"momentum": ["gamma", "gradient", "lr"], "plain": ["lr"], "exact": ["lr"], "full": ["epochs", "lr"]}
"""What is chosen for an arm."""


def candidates(name: str, arm: str, layers: int, fan_out: str) -> list[dict[str, Any]]:
    """The cells to choose among: those with that number of layers, else with the largest number tried."""
    tried = [one for one in tuning(name) if one["arm"] == arm and (arm != "momentum" or one["fan_out"] == fan_out)]
    depth = min(layers, max((one["num_layers"] for one in tried), default=0))
    return [one for one in tried if one["num_layers"] == depth]


def chosen(out: Path, cells: list[dict[str, Any]], *keys: str) -> dict[str, Any] | None:
    """The settings with the best mean validation score; None as long as one of them is missing."""
    scores: dict[tuple[Any, ...], list[float]] = {}
    if not cells:
        return None
    for one in cells:
        if not (path := place(out, one)).exists():
            return None
        scores.setdefault(tuple(one[key] for key in keys), []).append(valid_of(path))
    best = max(scores, key=lambda values: statistics.mean(scores[values]))
    return dict(zip(keys, best, strict=True))


@cache
def valid_of(path: Path) -> float:
    """The validation score of a finished cell."""
    return float(read(path)["valid"])


def arms(
    out: Path, name: str, layers: int, fans: list[str], seed: int, kinds: list[str], **other: Any
) -> Iterator[dict[str, Any]]:
    """Sampled cells."""
    for fan_out in fans:
        for arm in kinds:
            cells = candidates(name, arm, layers, fan_out)
            if not cells:
                yield cell(name, arm, layers, fan_out, seed, **other)
            elif (best := chosen(out, cells, *CHOSEN[arm])) is not None:
                yield cell(name, arm, layers, fan_out, seed, **(best | other))


def full(out: Path, name: str, layers: int, seed: int, **other: Any) -> Iterator[dict[str, Any]]:
    """Yield the cells of the reference."""
    if (best := chosen(out, candidates(name, "full", layers, "-1"), *CHOSEN["full"])) is not None:
        yield cell(name, "full", layers, "all", seed, **(best | other))


def tracked(out: Path, name: str) -> Iterator[dict[str, Any]]:
    """Yield the cells that record the error of the aggregates: three layers, one neighbour."""
    for one in arms(out, name, 3, ["1"], 0, ["momentum", "plain", "exact"]):
        yield one | {"track": True}


def place(out: Path, one: dict[str, Any]) -> Path:
    """Return the file of a cell."""
    words = [one["arm"], one["num_layers"], one["fan_out"].replace("-1", "all")]
    words += [one["gamma"], one["gradient"]] if one["arm"] == "momentum" else []
    words += [f"epochs{one['epochs']}"] if one["arm"] == "full" or one["epochs"] == LONG else []
    words += [f"lr{one['lr']}"] if one["lr"] != COMMON["lr"] else []
    words += ["tracked"] if one.get("track") else []
    return out / one["dataset"] / ("-".join(map(str, [*words, one["seed"]])) + ".json")


def jobs(out: Path, names: list[str]) -> Iterator[Job]:
    """Yield the cells of some data sets as jobs."""
    for one in grid(out):
        if one["dataset"] in names:
            yield Job(place(out, one), one, lambda one=one: _run(one), _summary)


def _run(one: dict[str, Any]) -> dict[str, Any]:
    from benchmarks.feature_momentum.graph import graph
    from benchmarks.feature_momentum.train import run

    return run(graph(one["dataset"], one["seed"] if one["dataset"] == "tolokers" else 0), one)


def _summary(result: dict[str, Any]) -> str:
    scores = f"valid {result['valid']:.4f} test {result['test']:.4f} at {result['epoch']}"
    return f"{scores}, {result['cpu_seconds']:.2f} s per epoch, {result['seconds']:.0f} s"


COSTS: dict[str, dict[str, Any]] = {
    "tolokers": {"batch_size": 512, "steps": 24},
    "noisy": {"batch_size": 1024, "steps": 20},
    "reddit2-sized": {"batch_size": 1024, "steps": 20, "hidden_channels": 256},
}
"""Data sets of which time and memory are measured, and over how many steps."""
FANS = {
    "plain": ["1,1,1", "2,2,2", "5,5,5", "10,10,10", "25,10,10", "-1,-1,-1"],
    "exact": ["25,10,10"],
    "momentum": ["1,1,1", "2,2,2"],
}


def cost_jobs(out: Path, names: list[str]) -> list[Job]:
    """Return jobs that measure time and memory of three layers, each in a process of its own, three times."""
    cells = []
    for name, turn, (arm, fans) in product(names, range(3), FANS.items()):
        for fan_out in fans:
            if name == "reddit2-sized" and "-1" in fan_out:
                continue
            one = {"dataset": name, "arm": arm, "num_layers": 3, "fan_out": fan_out, "seed": turn}
            one |= COMMON | COSTS[name] | {"exact_input": arm != "plain"}
            one["gamma"] = 0.05 if arm == "momentum" else 1.0
            path = out / "cost" / name / f"{arm}-{fan_out.replace('-1', 'all')}-{turn}.json"
            cells.append(Job(path, one, lambda one=one: _cost(one), lambda result: f"{result['ms']:.1f} ms"))
    return cells


def _cost(one: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.feature_momentum.cost", json.dumps(one)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
