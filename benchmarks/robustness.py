"""What our losses and LibAUC's survive: ``python -m benchmarks.robustness``; the checks are in `_robustness_worker`."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks._libraries import COUNTERPARTS, MEASURED
from benchmarks._peers import Worker, peer_python
from benchmarks._report import report


def main() -> None:
    """The same checks on both sides, on raw logits, with the defaults of each."""
    script = Path(__file__).with_name("_robustness_worker.py")
    workers = {"xgraph": Worker(sys.executable, script), "libauc": Worker(peer_python("libauc"), script)}
    checks = workers["xgraph"].ask()["checks"]
    rows, details = [], []
    for loss in MEASURED:
        for library, worker in workers.items():
            if library == "libauc" and loss not in COUNTERPARTS:
                continue
            row = {"loss": loss, "library": library}
            for check in checks:
                found = worker.ask(check=check, library=library, loss=loss)
                row[check] = "yes" if found["passed"] else "no"
                details.append({"loss": loss, "library": library, "check": check, **found})
            rows.append(row)
    for worker in workers.values():
        worker.close()
    report("robustness", rows, details=details, protocol="raw logits, no activation; LibAUC 2.0.1, squared hinge")


if __name__ == "__main__":
    main()
