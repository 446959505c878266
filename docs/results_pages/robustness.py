"""Tables and figures of ``docs/results/robustness.md``."""

from __future__ import annotations

from results_pages.data import read
from results_pages.formats import markdown

CHECKS = {
    "finite at ±10": "finite at ±10",
    "finite at ±1e4": "at ±10,000",
    "finite at ±10, float16": "at ±10 in float16",
    "gradients after ±1e4": "still learns afterwards",
    "resumes to the bit": "resumes exactly",
    "NaN is missing": "NaN is a missing label",
    "one class": "batch of one class",
}


def robustness() -> str:
    rows = read("robustness")["rows"]
    ours = [row for row in rows if row["library"] == "xgraph"]
    every = [
        f"xgraph, all {len(ours)} losses",
        *("yes" if all(row[c] == "yes" for row in ours) else "no" for c in CHECKS),
    ]
    peers = [[f"LibAUC, `{row['loss']}`", *(row[c] for c in CHECKS)] for row in rows if row["library"] == "libauc"]
    return markdown(["", *CHECKS.values()], [every, *peers])


def robust_count(library: str) -> str:
    """How many losses stay finite and resume exactly."""
    rows = [row for row in read("robustness")["rows"] if row["library"] == library]
    good = sum(row["finite at ±1e4"] == row["finite at ±10"] == row["resumes to the bit"] == "yes" for row in rows)
    return f"{good} of {len(rows)}"
