"""Tests our losses and LibAUC's on extreme and incomplete input: ``python -m benchmarks.robustness``.

The checks are in `benchmarks.workers.robustness`; results: ``docs/results/robustness.md``.
"""

from __future__ import annotations

from itertools import product

from benchmarks._peers import pythons, workers
from benchmarks._report import parser, report
from benchmarks.workers._libraries import COUNTERPARTS, MEASURED


def main() -> None:
    """Run the same checks on both libraries, on raw logits, with the defaults of each."""
    parser(__doc__).parse_args()
    rows, details = [], []
    with workers("robustness", pythons("libauc")) as ask:
        checks = ask["xgraph"].ask()["checks"]
        for loss, (library, worker) in product(MEASURED, ask.items()):
            if library == "xgraph" or loss in COUNTERPARTS:
                row = {"loss": loss, "library": library}
                for check in checks:
                    outcome = worker.ask(check=check, library=library, loss=loss)
                    row[check] = "yes" if outcome["passed"] else "no"
                    details.append({"loss": loss, "library": library, "check": check, **outcome})
                rows.append(row)
    report("robustness", rows, details=details, protocol="raw logits, no activation; LibAUC 2.0.1, squared hinge")


if __name__ == "__main__":
    main()
