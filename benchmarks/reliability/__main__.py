"""What runs and readers survive: ``python -m benchmarks.reliability [--parts A,B] [--scale X] [--out DIR]``.

Each part makes its cases anew from seeds. Scale 1 is what the documentation shows; smaller scales try fewer cases.
Finished pieces are kept in ``--out``, so that an interrupted benchmark resumes there; the other parts' rows in
``benchmarks/results/reliability.json`` are kept. The exit code is 1 if there is a fault.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks._jobs import Job, results
from benchmarks._report import RESULTS, commit, parser, report
from benchmarks.reliability.outcome import Piece, merged

PARTS = ("kills", "commands", "checkpoints", "smiles", "files", "downloads", "caches", "memory", "ranks")
"""Modules with a function ``parts(scale)`` that returns pieces."""
NAMED = 5
"""Faults of a row that are printed."""


def main() -> int:
    """Measure the parts, write ``benchmarks/results/reliability.json``, print a table, and the faults."""
    arguments = parser(__doc__)
    arguments.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    arguments.add_argument("--scale", type=float, default=1.0, help="share of the cases")
    arguments.add_argument("--out", type=Path, help="folder for finished pieces")
    arguments.add_argument("--finished", action="store_true", help="report the pieces that are finished, do no others")
    given = arguments.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "XGRAPH_CODE": commit()}
    out = given.out or Path("runs") / f"reliability-{commit()}-{given.scale:g}"
    chosen = given.parts.split(",")
    rows, faults = kept(set(PARTS) - set(chosen))
    for part in chosen:
        for row, found in measured(part, given.scale, out, given.finished):
            rows.append(row)
            if found:
                faults[f"{part}: {row['what']}"] = found
    report("reliability", sorted(rows, key=lambda row: PARTS.index(row["part"])), faults=faults)
    for name, some in faults.items():
        for fault in some[:NAMED]:
            print(f"fault: {name}: {fault}")
        if len(some) > NAMED:
            print(f"fault: {name}: {len(some) - NAMED} more")
    return int(any(faults.values()))


def measured(
    part: str, scale: float, out: Path, finished_only: bool = False
) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Yield each row of a part with its faults."""
    rows: dict[str, list[Job]] = {}
    for piece in import_module(f"benchmarks.reliability.{part}").parts(scale):
        rows.setdefault(piece.what, []).append(_job(part, piece, scale, out))
    for what, jobs in rows.items():
        finished = results([job for job in jobs if job.path.exists()] if finished_only else jobs)
        if not finished:
            continue
        whole = merged(finished)
        row = {"part": part, "what": what, "tried": whole.tried, "held": whole.held}
        row |= {"figures": "; ".join(f"{name} {value:,g}" for name, value in whole.figures.items())}
        row |= {"seconds": round(sum(one["seconds"] for one in finished)), "scale": scale}
        row |= {
            "pieces": f"{len(finished)} of {len(jobs)}",
            "commit": ", ".join(sorted({one["code"] for one in finished})),
        }
        yield {**row, "date": datetime.now(UTC).date().isoformat()}, whole.faults


def _job(part: str, piece: Piece, scale: float, out: Path) -> Job:
    name = "".join(c if c.isalnum() else "-" for c in piece.what)

    def run() -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="reliability-") as folder:
            return piece.run(Path(folder), piece.seed).plain()

    settings = {"what": piece.what, "seed": piece.seed, "scale": scale}
    return Job(
        out / part / f"{name}-{piece.seed}.json", settings, run, lambda result: f"{result['held']} of {result['tried']}"
    )


def kept(parts: set[str]) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """Return the rows and faults of some parts in the results so far."""
    path = RESULTS / "reliability.json"
    if not path.exists():
        return [], {}
    before = json.loads(path.read_text())
    faults = {name: some for name, some in before["faults"].items() if name.split(":")[0] in parts}
    return [row for row in before["rows"] if row["part"] in parts], faults


if __name__ == "__main__":
    sys.exit(main())
