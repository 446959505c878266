"""Measures what every loss costs, as a multiple of our cross-entropy: ``python -m benchmarks.losses``.

Time is that of forward and backward, ours and LibAUC's in turn. Memory is that of a batch of 65,536 scores with 1 %
positives, each loss in a process of its own. It takes about ten minutes. Results: ``docs/results/losses.md``.
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

SHAPES = {(64, 1): 5, (512, 1): 5, (4096, 1): 5, (65536, 1): 3, (64, 128): 5, (512, 128): 5, (4096, 128): 1}
"""Batch size and tasks, with the number of rounds; the long steps of the largest shapes vary little."""

GOALS = {(4096, 1): 4.0, (65536, 1): 6.0, (512, 128): 8.0, (4096, 128): 10.0}
"""How many times our cross-entropy a loss of sorted scores may take."""
SORTED = ("soap", "sopa", "staco", "auc-pairwise")
SMALL = 64  # at this batch size, no loss is to be slower than LibAUC's
BIG, RARE, LIMIT = 65536, 0.01, 16
WITHOUT_PAIRS = ("bce", "auc-margin")  # LibAUC's others need many GiB for 65,536 scores with 10 % positives
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
        f"before, median of {options.rounds} rounds in turn, 3 at 65,536, one at 4,096 x 128; LibAUC 2.0.1, "
        f"squared hinge; memory: highest resident set above that before, batch {BIG:,}, {RARE:.0%} positives, first "
        "touch and one more step",
    )
    print(table(memory))


def speed(losses: list[str], options: argparse.Namespace, ask: dict[str, Worker]) -> list[Row]:
    """Measure all losses of both libraries in turn (A B A B); the result is the median over the rounds."""
    rows = []
    for (batch, tasks), rounds in SHAPES.items():
        times: dict[tuple[str, str], list[float]] = {}
        for _ in range(min(rounds, options.rounds)):
            for loss, (library, worker) in product(losses, ask.items()):
                if library == "xgraph" or (loss in COUNTERPARTS and (batch < BIG or loss in WITHOUT_PAIRS)):
                    question = {"library": library, "loss": loss, "batch": batch, "tasks": tasks}
                    milliseconds = worker.ask(measure="ms", seconds=options.seconds, **question)["value"]
                    times.setdefault((library, loss), []).append(milliseconds)
        medians = {key: statistics.median(values) for key, values in times.items()}
        for loss in losses:
            ours, theirs = medians["xgraph", loss], medians.get(("libauc", loss))
            row: Row = {"loss": loss, "batch": batch, "tasks": tasks, "times our BCE": ours / medians["xgraph", "bce"]}
            row["goal"] = GOALS.get((batch, tasks)) if loss in SORTED else None
            row |= {"xgraph ms": ours, "LibAUC ms": theirs}
            row["times faster"] = None if theirs is None else theirs / ours
            row["goal faster"] = 1.0 if batch == SMALL and theirs is not None and loss != "bce" else None
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
    row["limit MiB"] = LIMIT if loss in SORTED else None
    return row


if __name__ == "__main__":
    main()
