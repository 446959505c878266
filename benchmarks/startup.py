"""How long until something happens: ``python -m benchmarks.startup``. Real data need XGRAPH_MIRROR.

Commands take turns, and the figure is the median. The demo, ``xgraph train`` without arguments, runs on a quiet machine
and beside a process that keeps one core busy.
"""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks._report import parser, report
from benchmarks.threads import neighbour
from xgraph.cli.startup import WAIT_POLICY

FIRST_BATCH = """
import time, torch, lightning, torch_geometric.data
from xgraph.training.config.build import build_config
from xgraph.training.fit.engine import prepare
from xgraph.training.fit.seeding import own_random_streams
from xgraph.training.fit.loading import load_data
started = time.perf_counter()
with own_random_streams(0, None):
    config = build_config({"dataset": "aicures", "fold": 0})
    task = prepare(config, load_data(config, False))
    next(iter(task.source.loader(task.train_positions, task.samplers["main"], 0, task.device)))
print(time.perf_counter() - started)
"""
ROUNDS = 5


def main() -> None:
    """Measure, write ``benchmarks/results/startup.json``, print a table."""
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=int, default=ROUNDS, help="of the commands; the demo runs three times")
    rounds = arguments.parse_args().rounds
    commands = {
        "xgraph --help": [sys.executable, "-m", "xgraph", "--help"],
        "xgraph train --help": [sys.executable, "-m", "xgraph", "train", "--help"],
        "xgraph losses soap": [sys.executable, "-m", "xgraph", "losses", "soap"],
        "python -c 'import torch', for comparison": [sys.executable, "-c", "import torch"],
    }
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, command in commands.items():
            times.setdefault(name, []).append(seconds(command))
    if os.environ.get("XGRAPH_MIRROR"):
        for _ in range(rounds + 1):
            done = subprocess.run([sys.executable, "-c", FIRST_BATCH], check=True, capture_output=True, text=True)
            times.setdefault("aicures, imports to first batch, from the cache", []).append(float(done.stdout))
        times["aicures, imports to first batch, from the cache"].pop(0)  # it may have made the cache
    rows: list[dict[str, object]] = [{"what": name, "seconds": median(values)} for name, values in times.items()]
    with tempfile.TemporaryDirectory() as folder:
        for name, busy in (("first time", False), ("again", False), ("again, beside a busy process", True)):
            out = Path(folder) / name
            with neighbour() as other:
                other.send_signal(signal.SIGCONT if busy else signal.SIGSTOP)
                demo = [sys.executable, "-m", "xgraph", "train", "--out", str(out)]
                rows.append({"what": f"xgraph train (the demo), {name}", "seconds": seconds(demo, XGRAPH_ROOT=folder)})
            rows[-1]["of these, training"] = training_seconds(out)
    report("startup", rows, protocol=f"medians of {rounds}, the demo once each; training: all epochs, from metrics.csv")


def seconds(command: list[str], **variables: str) -> float:
    """How long a command takes, in an environment without settings of threads."""
    clean = {name: value for name, value in os.environ.items() if name not in (*WAIT_POLICY, "OMP_NUM_THREADS")}
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env={**clean, **variables})
    return time.perf_counter() - started


def training_seconds(run: Path) -> float:
    """The time of all epochs of a run together."""
    with (run / "metrics.csv").open() as file:
        return sum(float(row["seconds"]) for row in csv.DictReader(file))


if __name__ == "__main__":
    main()
