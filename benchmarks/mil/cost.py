"""Measures time and memory of a training step on bags, compared with torchmil's ABMIL and LibAUC's MIDAM."""

from __future__ import annotations

import statistics
import sys
from itertools import product
from typing import Any

from benchmarks._peers import Worker, pythons, workers
from benchmarks._report import report

BAGS, SHORT = 16, 100
LENGTHS = [100, 1_000, 10_000]
RAGGED = "ragged"
SAMPLED = 4
Side = tuple[str, str]
"""A library, and its worker's name for the model."""
SIDES: dict[tuple[str, int | None], list[Side]] = {
    ("abmil", None): [("xgraph", "abmil"), ("torchmil", "abmil"), ("torchmil", "abmil-ones")],
    ("attention", None): [("xgraph", "attention"), ("libauc", "attention")],
    ("smoothed-max", None): [("xgraph", "smoothed-max"), ("libauc", "smoothed-max")],
    ("attention", SAMPLED): [("xgraph", "attention"), ("libauc", "attention")],
    ("smoothed-max", SAMPLED): [("xgraph", "smoothed-max"), ("libauc", "smoothed-max")],
}
"""Libraries and their models, by model and instances per bag (None: all); the first of each is ours."""
NAME = "mil_speed"
Row = dict[str, Any]


def shapes(largest: int) -> dict[str, list[int]]:
    """Return the sizes of the bags by name."""
    uniform = {f"{BAGS} × {length:,}": [length] * BAGS for length in LENGTHS if length <= largest}
    return uniform | {RAGGED: [largest] + [SHORT] * (BAGS - 1)}


def measure(rounds: int, seconds: float, threads: int, largest: int) -> None:
    """Measure everything in turn (A B A B); write ``benchmarks/results/mil_speed.json`` and print it."""
    python = pythons("torchmil", "libauc")
    rows: list[Row] = []
    with workers("mil", python, threads) as ask:
        for (shape, sizes), ((model, instances), sides) in product(shapes(largest).items(), SIDES.items()):
            batch = {"sizes": sizes, "instances": instances}
            figures: dict[Side, list[dict[str, float]]] = {side: [] for side in sides}
            for _, (library, name) in product(range(rounds), sides):
                question = {"library": library, "model": name, "seconds": seconds, **batch}
                figures[library, name].append(ask[library].ask(measure="ms", **question))
            for library, name in sides:
                with Worker(python[library], "mil", threads) as new:  # memory: a process of its own
                    figures[library, name].append(new.ask(measure="mib", library=library, model=name, **batch))
            rows += compared(shape, model, instances, figures)
            print(*rows[-len(sides) :], sep="\n", file=sys.stderr, flush=True)
    protocol = (
        f"a training step of {BAGS} bags of 512 features in memory: batch, forward, backward, plain gradient descent; "
        f"{threads} thread(s), median of {rounds} rounds in turn; ragged is one bag of {largest:,} with fifteen of "
        f"{SHORT}; memory: highest resident set of two steps above that before, each in a process of its own; "
        "LibAUC 2.0.1, torchmil 1.0.2"
    )
    report(NAME, rows, protocol=protocol)


def compared(shape: str, model: str, instances: int | None, figures: dict[Side, list[dict[str, float]]]) -> list[Row]:
    """Return a row for each library, with its time as a multiple of ours."""
    rows: list[Row] = []
    for (library, name), values in figures.items():
        row: Row = {"shape": shape, "model": model, "instances": "all" if instances is None else instances}
        row |= {"library": library, "as": "sixteen batches of one" if name.endswith("-ones") else "one batch"}
        for key in ("ms", "batch_ms", "mib", "step_mib"):
            known = [one[key] for one in values if key in one]
            if known:
                row[key] = statistics.median(known)
        row["× ours"] = row["ms"] / (rows[0]["ms"] if rows else row["ms"])
        rows.append(row)
    return rows
