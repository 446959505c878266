"""Users' own data: ``python -m benchmarks.own_data [SECTION ...]``; without a section, all of them.

Each section makes its files and measures in a fresh process per figure. A run of one section keeps the rows of the
others in ``benchmarks/results/own_data.json``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks._report import RESULTS, parser, report

SECTIONS = sorted(path.stem.removeprefix("_own_") for path in Path(__file__).parent.glob("_own_*.py"))
"""A section NAME is a module ``_own_NAME`` with a function ``measure`` that returns rows."""

MEASURED = """
import json, resource, sys, time
{setup}
start = resource.getrusage(resource.RUSAGE_SELF)
clock = time.perf_counter()
{code}
seconds, end = time.perf_counter() - clock, resource.getrusage(resource.RUSAGE_SELF)
processor = end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime
print(json.dumps([seconds, processor, (end.ru_maxrss - start.ru_maxrss) / 1024]))
"""


def main() -> None:
    """Measure the sections, write ``benchmarks/results/own_data.json``, print a table."""
    arguments = parser(__doc__)
    arguments.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help=f"of {', '.join(SECTIONS)}")
    chosen = arguments.parse_args().sections or SECTIONS
    path = RESULTS / "own_data.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    rows = [row for row in rows if row["section"] in SECTIONS and row["section"] not in chosen]
    for section in chosen:
        measured = import_module(f"benchmarks._own_{section}").measure()
        rows += [{"section": section, **row} for row in measured]
    report("own_data", sorted(rows, key=lambda row: str(row["section"])), protocol="one fresh process per row")


def figures(code: str, setup: str = "", *arguments: object) -> dict[str, Any]:
    """Run code in a fresh process after its setup; return its time, and its peak memory above that of the setup."""
    program = MEASURED.format(setup=setup, code=code)
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    seconds, processor, mebibytes = json.loads(done.stdout.splitlines()[-1])
    return {
        "seconds": round(seconds, 2),
        "processor seconds": round(processor, 2),
        "MiB above start": round(mebibytes),
    }


if __name__ == "__main__":
    main()
