"""Compares objectives on many tasks in pairs: ``python -m benchmarks.objectives``.

Each task is a ChEMBL set at a threshold, and each arm of a task has the same number of gradient steps. The protocol,
fixed before the first reported run, is ``benchmarks/objectives/PROTOCOL.md``. Finished jobs stay under ``--out``, and a
rerun does only what is missing; several processes share the jobs. ``--report`` writes
``benchmarks/results/objectives.json`` from the finished jobs. Needs XGRAPH_MIRROR. Results:
``docs/results/objectives.md``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import torch

from benchmarks._jobs import Job, work
from benchmarks._report import parser
from benchmarks.objectives.jobs import REGIMES, Study


def main() -> None:
    """Do the jobs that are missing, or report those that are finished."""
    options = parser(__doc__)
    out = Path(os.environ.get("XGRAPH_ROOT", "runs")) / "objectives"
    options.add_argument("--out", type=Path, default=out, help="folder for finished jobs (default: %(default)s)")
    options.add_argument("--jobs", nargs="+", choices=REGIMES, default=[*REGIMES], help="kinds of jobs to do, in order")
    options.add_argument("--rounds", type=int, help="rounds of eight sets to do (default: all 22)")
    options.add_argument("--report", action="store_true", help="write the results of finished jobs, without training")
    arguments = options.parse_args()
    study = Study(Path(os.environ["XGRAPH_MIRROR"]), arguments.out, arguments.rounds)
    if arguments.report:
        from benchmarks.objectives.report import write

        write(study)
        return
    torch.set_num_threads(1)

    def jobs() -> Iterator[Job]:
        return chain.from_iterable(REGIMES[kind](study) for kind in arguments.jobs)

    work(jobs)


if __name__ == "__main__":
    main()
