"""Measures time and memory of every loss, compared with LibAUC's: ``python -m benchmarks.losses``.

Time is that of forward and backward, both libraries in turn. Memory is that of a batch of 65,536 scores with 1 %
positives, each loss in a process of its own. Results: ``docs/results/losses.md``.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from itertools import product
from typing import Any

from benchmarks._peers import Worker, pythons, workers
from benchmarks._report import parser, report, table
from benchmarks.workers._libraries import COUNTERPARTS, MEASURED

GOALS = {(64, 1): 1.0, (512, 1): 4.0, (4096, 1): 1.0, (64, 128): 5.0, (512, 128): 5.0, (4096, 128): 5.0}
"""By batch size and tasks: how many times faster than LibAUC we aim to be."""
POINTWISE = ("bce", "focal", "kl-dro", "group-dro")  # no pairs: being as fast is enough
LONG = 2**19  # scores; more are measured in one round, of steps that take seconds
BIG, RARE, LIMIT = 65536, 0.01, 1024
Row = dict[str, Any]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--losses", nargs="+", choices=MEASURED, default=MEASURED)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=0.3, help="length of each measurement")
    arguments.add_argument("--threads", type=int, default=1)
    options = arguments.parse_args()
    losses = ["bce", *(name for name in options.losses if name != "bce")]
    python = pythons("libauc")
    with workers("losses", python, options.threads) as ask:
        rows = speed(losses, options, ask)
    memory = [footprint(name, options.threads, python) for name in losses]
    report(
        "losses",
        rows,
        memory=memory,
        protocol=f"forward and backward on raw logits, {options.threads} thread(s), 10 % positives, items seen "
        f"before, median of {options.rounds} rounds in turn, one at 4,096 x 128; LibAUC 2.0.1, "
        f"squared hinge; memory: highest resident set above that before, batch {BIG:,}, {RARE:.0%} positives, first "
        "touch and one more step",
    )
    print(table(memory))


def speed(losses: list[str], options: argparse.Namespace, ask: dict[str, Worker]) -> list[Row]:
    """Measure both libraries in turn (A B A B); the result is the median over the rounds."""
    rows = []
    for batch, tasks in GOALS:
        times: dict[tuple[str, str], list[float]] = {}
        for _ in range(options.rounds if batch * tasks < LONG else 1):
            for loss, (library, worker) in product(losses, ask.items()):
                if library == "xgraph" or loss in COUNTERPARTS:
                    question = {"library": library, "loss": loss, "batch": batch, "tasks": tasks}
                    milliseconds = worker.ask(measure="ms", seconds=options.seconds, **question)["value"]
                    times.setdefault((library, loss), []).append(milliseconds)
        medians = {key: statistics.median(values) for key, values in times.items()}
        for loss in losses:
            ours, theirs = medians["xgraph", loss], medians.get(("libauc", loss))
            row: Row = {"loss": loss, "batch": batch, "tasks": tasks, "xgraph ms": ours, "LibAUC ms": theirs}
            row["times faster"] = None if theirs is None else theirs / ours
            row["goal"] = None if theirs is None else 1.0 if loss in POINTWISE else GOALS[batch, tasks]
            row["times our BCE"] = ours / medians["xgraph", "bce"]
            rows.append(row)
            print(row, file=sys.stderr)
    return rows


def footprint(loss: str, threads: int, python: dict[str, str]) -> Row:
    """Measure memory in MiB, each library in a new process."""
    row: Row = {"loss": loss, "batch": BIG, "positives": RARE}
    for library in python:
        row[f"{library} MiB"] = None
        if library == "xgraph" or loss in COUNTERPARTS:
            question = {"library": library, "loss": loss, "batch": BIG, "positives": RARE}
            with Worker(python[library], "losses", threads) as worker:
                row[f"{library} MiB"] = worker.ask(measure="mib", **question)["value"]
    row["limit MiB"] = LIMIT
    return row


if __name__ == "__main__":
    main()
