"""How many threads a training step gains from: ``python -m benchmarks.threads``. Real data need XGRAPH_MIRROR.

Steps of `xgraph train` with one thread and with two, quiet and beside a process that keeps one core busy, with threads
that sleep while they wait (as the command sets them) and with threads that spin (OpenMP's default on Linux). All take
turns on the same two cores; the figures are medians of milliseconds for each step, its batch included.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks._peers import Worker
from benchmarks._report import parser, report
from xgraph.cli.startup import WAIT_POLICY

RUNS = {
    "gine on nci-pains (the demo)": {"dataset": "nci-pains"},
    "gine, 300 channels, batches of 256": {"dataset": "nci-pains", "hidden_channels": 300, "batch_size": 256},
    "sage on coauthor-physics": {"dataset": "coauthor-physics"},
    "attention on musk2": {"dataset": "musk2", "fold": 0},
    "attention on mnist-bags (images)": {"dataset": "mnist-bags"},
}
ARMS = {"1": (1, True), "2": (2, True), "2, spinning": (2, False)}
ROUNDS, SECONDS = 3, 0.5


@contextmanager
def neighbour() -> Iterator[subprocess.Popen[bytes]]:
    """A process that computes without end, stopped at first; SIGCONT lets it run."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        process.send_signal(signal.SIGSTOP)
        yield process
    finally:
        process.kill()
        process.wait()


def measure(settings: dict[str, object], rounds: int, seconds: float) -> dict[str, float]:
    """Milliseconds of a step, by arm and machine."""
    times: dict[str, list[float]] = {}
    clean = {name: value for name, value in os.environ.items() if name not in (*WAIT_POLICY, "OMP_NUM_THREADS")}
    with neighbour() as other:
        os.environ.clear()
        os.environ.update(clean)
        spinning = Worker(sys.executable, "threads", json.dumps(settings))
        os.environ.update(WAIT_POLICY)
        with spinning, Worker(sys.executable, "threads", json.dumps(settings)) as asleep:
            for round_ in range(rounds + 1):  # the first does not count
                for machine in ("quiet", "busy"):
                    other.send_signal(signal.SIGCONT if machine == "busy" else signal.SIGSTOP)
                    for name, (threads, waits) in ARMS.items():
                        worker = asleep if waits else spinning
                        one = worker.ask(threads=threads, seconds=seconds if round_ else 0.1)["ms"]
                        if round_:
                            times.setdefault(f"{machine}, {name}", []).append(one)
                other.send_signal(signal.SIGSTOP)
    return {name: round(statistics.median(values), 2) for name, values in times.items()}


def main() -> None:
    """Measure, write ``benchmarks/results/threads.json``, print a table."""
    arguments = parser(__doc__)
    arguments.add_argument("--only", default="", help="runs whose name contains this")
    arguments.add_argument("--rounds", type=int, default=ROUNDS)
    arguments.add_argument("--seconds", type=float, default=SECONDS, help="of an arm in a round")
    options = arguments.parse_args()
    rows = []
    for name, settings in RUNS.items():
        if options.only in name:
            rows.append({"run": name, **measure(settings, options.rounds, options.seconds)})
            print(rows[-1], file=sys.stderr, flush=True)
    if options.only:
        return
    report(
        "threads",
        rows,
        protocol=f"milliseconds of a training step, median of {options.rounds} turns of {options.seconds} s; busy: "
        "beside a process that keeps one core busy",
    )


if __name__ == "__main__":
    main()
