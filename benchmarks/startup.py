"""How long until something happens: ``python -m benchmarks.startup``. Real data need XGRAPH_MIRROR."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks._report import parser, report

FIRST_BATCH = """
import time, torch, lightning, torch_geometric.data
from xgraph.training.config.build import build_config
from xgraph.training.fit.engine import prepare
from xgraph.training.fit.seeding import own_random_streams
from xgraph.training.fit.train import load_data
started = time.perf_counter()
with own_random_streams(0, None):
    config = build_config({"dataset": "aicures", "fold": 0})
    task = prepare(config, load_data(config, False))
    next(iter(task.source.loader(task.train_positions, task.samplers["main"], 0, task.device)))
print(time.perf_counter() - started)
"""
ROUNDS = 5


def main() -> None:
    """In turn; the figure is the median."""
    parser(__doc__).parse_args()
    commands = {
        "xgraph --help": [sys.executable, "-m", "xgraph", "--help"],
        "xgraph train --help": [sys.executable, "-m", "xgraph", "train", "--help"],
        "python -c 'import torch' (floor of training)": [sys.executable, "-c", "import torch"],
    }
    times: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            times.setdefault(name, []).append(time.perf_counter() - started)
    if os.environ.get("XGRAPH_MIRROR"):
        for _ in range(ROUNDS + 1):
            done = subprocess.run([sys.executable, "-c", FIRST_BATCH], check=True, capture_output=True, text=True)
            times.setdefault("aicures, imports to first batch, from the cache", []).append(float(done.stdout))
        times["aicures, imports to first batch, from the cache"].pop(0)  # it may have made the cache
    with tempfile.TemporaryDirectory() as folder:
        for name in ("first", "second"):
            started = time.perf_counter()
            command = [sys.executable, "-m", "xgraph", "train", "--out", f"{folder}/{name}"]
            subprocess.run(command, check=True, capture_output=True, env={**os.environ, "XGRAPH_ROOT": folder})
            times[f"xgraph train, no argument, {name} time"] = [time.perf_counter() - started]
    report("startup", [{"what": name, "seconds": statistics.median(values)} for name, values in times.items()])


if __name__ == "__main__":
    main()
