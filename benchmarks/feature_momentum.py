"""GraphSAGE on few sampled neighbours, with and without feature momentum: ``python -m benchmarks.feature_momentum``.

Every (data set, layers, fan-out, arm, γ, gradient, seed) is a cell, a file of its own under ``--out``: a rerun does
what is missing, the most important first, and several processes started at once share the work. Arms:

- plain: GraphSAGE on sampled batches.
- exact: the same, with the exact means of the input features in the first layer: what of a gain is due to these.
- momentum: the same, with a table for every further layer.
- full: all neighbours, the reference. Two layers by the loader; more by `whole_graph`, which is the same model and
  the same gradient (but for the draws of dropout) without sampling: so its seconds per epoch are none to compare.

The test score is that of the epoch with the best validation score; both are exact, over all neighbours. γ, the
gradient and the learning rate are those of the best mean validation score among `TUNED`, for each data set and fan-out,
at two layers, and among `TUNED_DEEP`, at three layers, for three and more. The rate of the other arms is chosen among
`RATES` in the same way, that of full, and its epochs, at two layers. All else was set beforehand, by the validation
scores of full. ``--cost`` measures time and memory, each configuration in a process of its own. ``--report`` makes
tables, figures and ``benchmarks/results/feature_momentum.json`` of what is there. Needs XGRAPH_MIRROR; XGRAPH_CODE may
name the code that runs.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import torch

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
"""For these two data sets; the better one at two layers, by validation."""
LONG = 300
"""Epochs of a second series, to see what settles later."""
Tried = dict[str, dict[tuple[str, float], list[float]]]
STRAIGHT, SCALED = "straight_through", "scaled"
TUNED: Tried = {  # γ that were tried, by fan-out, gradient and rate
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
"""Of the other arms, at one neighbour, or all."""
TUNING_SEEDS = {"tolokers": [0, 1], "noisy": [0], "musae-github": [0], "coauthor-physics": [0]}


def cell(name: str, arm: str, layers: int, fan_out: str, seed: int, **other: Any) -> dict[str, Any]:
    """All settings of a cell.

    Args:
        name: Data set.
        arm: plain, exact, momentum or full.
        layers: Number of them.
        fan_out: Neighbours per node in every layer; "all" for full.
        seed: Seed of all draws; for tolokers also the number of the given masks.
        other: What is not as `COMMON` and `DATASETS` have it.
    """
    made = {"dataset": name, "arm": arm, "num_layers": layers, "fan_out": fan_out, "seed": seed}
    made |= COMMON | DATASETS[name] | {"exact_input": arm != "plain"} | other
    if arm == "full":
        made |= {"fan_out": "-1", "whole": layers > 2}
    return made


def grid(out: Path) -> Iterator[dict[str, Any]]:
    """The cells, the most important first; those of momentum once γ has been chosen.

    Args:
        out: Where finished cells are.
    """
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
    """Fewer points on two further data sets.

    Args:
        out: Where finished cells are.
    """
    for name in DATASETS:
        if name not in MAIN:
            yield from tuning(name)
            for seed in range(3):
                yield cell(name, "full", 2, "all", seed)
                yield from arms(out, name, 2, ["1", "2"], seed, ["momentum", "plain", "exact"])


def tuning(name: str) -> Iterator[dict[str, Any]]:
    """Cells among which γ, the gradient, the rate, and the epochs of full are chosen.

    Args:
        name: Data set.
    """
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
    """The cells to choose among: those with the number of layers, else with as many as there are.

    Args:
        name: Data set.
        arm: plain, exact, momentum or full.
        layers: Number of layers.
        fan_out: Neighbours.
    """
    tried = [one for one in tuning(name) if one["arm"] == arm and (arm != "momentum" or one["fan_out"] == fan_out)]
    depth = min(layers, max((one["num_layers"] for one in tried), default=0))
    return [one for one in tried if one["num_layers"] == depth]


def chosen(out: Path, cells: list[dict[str, Any]], *keys: str) -> dict[str, Any] | None:
    """The settings with the best mean validation score; None as long as one of them is missing.

    Args:
        out: Where finished cells are.
        cells: Cells to choose among.
        keys: What is chosen.
    """
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
    """The validation score of a finished cell.

    Args:
        path: Its file.
    """
    return float(json.loads(path.read_text())["valid"])


def arms(
    out: Path, name: str, layers: int, fans: list[str], seed: int, kinds: list[str], **other: Any
) -> Iterator[dict[str, Any]]:
    """Sampled cells.

    Args:
        out: Where finished cells are.
        name: Data set.
        layers: Number of them.
        fans: Fan-outs.
        seed: The seed.
        kinds: Arms.
        other: Settings other than usual.
    """
    for fan_out in fans:
        for arm in kinds:
            cells = candidates(name, arm, layers, fan_out)
            if not cells:
                yield cell(name, arm, layers, fan_out, seed, **other)
            elif (best := chosen(out, cells, *CHOSEN[arm])) is not None:
                yield cell(name, arm, layers, fan_out, seed, **(best | other))


def full(out: Path, name: str, layers: int, seed: int, **other: Any) -> Iterator[dict[str, Any]]:
    """The reference.

    Args:
        out: Where finished cells are.
        name: Data set.
        layers: Number of them.
        seed: The seed.
        other: Settings other than usual.
    """
    if (best := chosen(out, candidates(name, "full", layers, "-1"), *CHOSEN["full"])) is not None:
        yield cell(name, "full", layers, "all", seed, **(best | other))


def tracked(out: Path, name: str) -> Iterator[dict[str, Any]]:
    """Cells that follow the error of the aggregates: three layers, one neighbour.

    Args:
        out: Where finished cells are.
        name: Data set.
    """
    for one in arms(out, name, 3, ["1"], 0, ["momentum", "plain", "exact"]):
        yield one | {"track": True}


def place(out: Path, one: dict[str, Any]) -> Path:
    """The file of a cell.

    Args:
        out: Where finished cells are.
        one: The cell.
    """
    words = [one["arm"], one["num_layers"], one["fan_out"].replace("-1", "all")]
    words += [one["gamma"], one["gradient"]] if one["arm"] == "momentum" else []
    words += [f"epochs{one['epochs']}"] if one["arm"] == "full" or one["epochs"] == LONG else []
    words += [f"lr{one['lr']}"] if one["lr"] != COMMON["lr"] else []
    words += ["tracked"] if one.get("track") else []
    return out / one["dataset"] / ("-".join(map(str, [*words, one["seed"]])) + ".json")


def do(out: Path, one: dict[str, Any]) -> bool:
    """One cell; False if another process is at it.

    Args:
        out: Where finished cells are.
        one: The cell.

    Raises:
        SystemExit: It was made with other settings.
    """
    from benchmarks._momentum_runs import graph, run

    path = place(out, one)
    if path.exists():
        if (there := json.loads(path.read_text())["settings"]) != one:
            raise SystemExit(f"{path} was made with other settings: {there}, now {one}; take another --out")
        return True
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_suffix(".lock")
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if path.exists():
            return True
        began = time.perf_counter()
        data = graph(one["dataset"], one["seed"] if one["dataset"] == "tolokers" else 0)
        result = {"settings": one, "code": os.environ.get("XGRAPH_CODE"), **run(data, one)}
        result["seconds"] = time.perf_counter() - began
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(result))
        temporary.replace(path)
        lock.unlink()
    print(
        f"{time.strftime('%H:%M:%S')} {path.parent.name}/{path.stem}: valid {result['valid']:.4f} test "
        f"{result['test']:.4f} at {result['epoch']}, {result['cpu_seconds']:.2f} s an epoch, {result['seconds']:.0f} s",
        file=sys.stderr,
        flush=True,
    )
    return True


COSTS: dict[str, dict[str, Any]] = {
    "tolokers": {"batch_size": 512, "steps": 24},
    "noisy": {"batch_size": 1024, "steps": 20},
    "reddit2-sized": {"batch_size": 1024, "steps": 20, "hidden_channels": 256},
}
"""Where time and memory are taken, and over how many steps."""
FANS = {
    "plain": ["1,1,1", "2,2,2", "5,5,5", "10,10,10", "25,10,10", "-1,-1,-1"],
    "exact": ["25,10,10"],
    "momentum": ["1,1,1", "2,2,2"],
}


def cost(out: Path, names: list[str]) -> None:
    """Milliseconds a step and memory of three layers, each configuration in a process of its own, three times.

    Args:
        out: Where finished measurements are.
        names: Data sets.
    """
    for name in names:
        for turn in range(3):
            for arm, fans in FANS.items():
                for fan_out in fans:
                    path = out / "cost" / name / f"{arm}-{fan_out.replace('-1', 'all')}-{turn}.json"
                    if path.exists() or (name == "reddit2-sized" and "-1" in fan_out):
                        continue
                    path.parent.mkdir(parents=True, exist_ok=True)
                    one = {"dataset": name, "arm": arm, "num_layers": 3, "fan_out": fan_out, "seed": turn}
                    one |= COMMON | COSTS[name] | {"exact_input": arm != "plain"}
                    one["gamma"] = 0.05 if arm == "momentum" else 1.0
                    command = [sys.executable, "-m", "benchmarks._momentum_cost", json.dumps(one)]
                    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                    temporary = path.with_suffix(".tmp")
                    temporary.write_text(json.dumps({"settings": one, **json.loads(done.stdout)}))
                    temporary.replace(path)
                    print(path.parent.name, path.stem, done.stdout.strip(), file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = Path(os.environ.get("XGRAPH_ROOT", Path.home() / ".cache" / "xgraph"))
    parser.add_argument("--dataset", nargs="+", choices=[*DATASETS, "reddit2-sized"], help="default: all")
    parser.add_argument("--out", type=Path, default=root / "feature_momentum", help="finished cells")
    parser.add_argument("--list", action="store_true", help="the cells that are still missing")
    parser.add_argument("--cost", action="store_true", help="time and memory instead")
    parser.add_argument("--report", action="store_true", help="tables and figures of what is there, no training")
    options = parser.parse_args()
    if options.report:
        from benchmarks._momentum_report import summarize

        summarize(options.out)
    elif options.cost:
        cost(options.out, [name for name in COSTS if name in (options.dataset or COSTS)])
    else:
        torch.set_num_threads(1)
        passed: set[Path] = set()  # other processes are at these
        while True:  # anew after each cell: others wait for the choice of γ
            cells = [one for one in grid(options.out) if one["dataset"] in (options.dataset or DATASETS)]
            todo = [one for one in cells if not place(options.out, one).exists()]
            if options.list:
                print(*(place(options.out, one) for one in todo), sep="\n")
            if options.list or not todo:
                return
            free = [one for one in todo if place(options.out, one) not in passed]
            if free and do(options.out, free[0]):
                passed.clear()
            elif free:
                passed.add(place(options.out, free[0]))
            else:
                passed.clear()
                time.sleep(10)


if __name__ == "__main__":
    main()
