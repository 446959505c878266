"""Two processes against one, by the command: the same losses, metrics, weights and tables for the same batches."""

from __future__ import annotations

import csv
import math
import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.reliability.material import NARROW, write_material
from benchmarks.reliability.outcome import Outcome, Piece
from benchmarks.reliability.processes import Done, run_command

TOLERANCE, STATE = 1e-6, 1e-5
"""Largest difference of a loss or metric, and of a weight or an entry of a table."""
COMMON = ["--epochs", "2", "--pretrain-epochs", "1", "--batch-size", "16", "--dropout", "0", "--threads", "1"]
COMMON += ["--device", "cpu", "--no-baseline", "--optimizer", "sgd"]  # Adam divides rounding by rounding
NODES = "graph --model sage-fm --gamma 0.9 --num-neighbors -1 --norm layer"
OTHERS = {
    "nodes, feature momentum": [*NODES.split(), *NARROW],
    "bags": ["bags.csv", "--bag-column", "bag", "--model", "smoothed-max"],
}
"""What is compared beside each loss on molecules: with all neighbours and instances, since what is sampled depends on
how a batch is divided, and nodes without batch normalisation, since two parts of a batch have nodes in common."""


def parts(scale: float) -> Iterable[Piece]:
    """Return the pieces: every loss on molecules, and the other kinds of run."""
    names = losses()
    for name in names[: max(1, round(scale * len(names)))]:
        words = ["molecules.csv", "--split", "random", "--loss", name, *NARROW]
        yield Piece("two processes against one, losses", names.index(name), partial(compared, name, words))
    for number, (name, words) in enumerate(OTHERS.items()):
        yield Piece("two processes against one, other runs", number, partial(compared, name, words))


def losses() -> list[str]:
    """Return the names of all losses for labels of 0 and 1."""
    from xgraph.training.config.build import registry

    return [name for name in registry("loss") if name != "ce"]


def compared(name: str, words: list[str], folder: Path, seed: int) -> Outcome:
    """Train with one process and with two, and compare what they leave."""
    outcome, place = Outcome(), folder / "work"
    shutil.rmtree(place, ignore_errors=True)
    write_material(place)
    one, two = (
        run_command(["train", *words, *COMMON, "--out", out, *more], place, timeout=600.0)
        for out, more in (("one", []), ("two", ["--devices", "2"]))
    )
    if fault := _failed(one, "one process") or _failed(two, "two processes"):
        outcome.count(f"{name}: {fault}")
        return outcome
    figures, state = _histories(place), _states(place)
    outcome.note("peak difference of figures", figures)
    outcome.note("peak difference of state", state)
    wrong = [
        f"{what} differ by {by:.2g}"
        for what, by, most in (("figures", figures, TOLERANCE), ("weights or tables", state, STATE))
        if not by <= most
    ]
    outcome.count(f"{name}: {'; '.join(wrong)}" if wrong else None)
    return outcome


def _failed(done: Done, what: str) -> str | None:
    return f"{what}: exit {done.code}: {done.last}" if done.code or done.hung else None


def _histories(place: Path) -> float:
    """Return the largest difference of all numbers of metrics.csv but times."""
    one, two = (list(csv.DictReader((place / out / "metrics.csv").open(newline=""))) for out in ("one", "two"))
    if len(one) != len(two):
        return math.inf
    pairs = [
        (a[name], b[name]) for a, b in zip(one, two, strict=True) for name in a if name not in ("seconds", "stage")
    ]
    return max(abs(float(a) - float(b)) if a != b else 0.0 for a, b in pairs)


def _states(place: Path) -> float:
    """Return the largest difference of the weights and tables of the last epoch."""
    import torch

    one, two = (
        _tensors(torch.load(place / out / "last.ckpt", weights_only=True)["state_dict"]) for out in ("one", "two")
    )
    if one.keys() != two.keys():
        return math.inf
    return max(
        float((one[name].double() - two[name].double()).abs().nan_to_num().max()) for name in one if one[name].numel()
    )


def _tensors(state: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if value.dtype.is_floating_point}
