"""Cost of a loss, forward and backward, beside LibAUC's in the same run: ``python -m benchmarks.losses``."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

from benchmarks._peers import Worker, peer_python
from benchmarks._report import report

CASES = [("soap", 64, 1), ("soap", 512, 1), ("soap", 4096, 1), ("soap", 512, 128)]
ROUNDS = 5


def main() -> None:
    """In turn, A B A B; the figure is the median over the rounds."""
    script, threads = Path(__file__).with_name("_losses_worker.py"), "2"
    workers = {
        "xgraph": Worker(sys.executable, script, threads),
        "libauc": Worker(peer_python("libauc"), script, threads),
    }
    rows = []
    for loss, batch, tasks in CASES:
        times: dict[tuple[str, str], list[float]] = {}
        for _ in range(ROUNDS):
            for library, name in (("xgraph", loss), ("libauc", loss), ("xgraph", "bce")):
                question = {"library": library, "loss": name, "batch": batch, "tasks": tasks, "seconds": 1.0}
                times.setdefault((library, name), []).append(workers[library].ask(**question)["ms"])
        ours, theirs, bce = (
            statistics.median(times[key]) for key in (("xgraph", loss), ("libauc", loss), ("xgraph", "bce"))
        )
        rows.append(
            {
                "loss": loss,
                "batch": batch,
                "tasks": tasks,
                "xgraph ms": ours,
                "LibAUC ms": theirs,
                "times faster": theirs / ours,
                "our BCE ms": bce,
            }
        )
    for worker in workers.values():
        worker.close()
    report("losses", rows, protocol=f"2 threads, 10 % positives, median of {ROUNDS} rounds in turn; LibAUC 2.0.1")


if __name__ == "__main__":
    main()
