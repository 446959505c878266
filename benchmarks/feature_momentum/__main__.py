"""The command ``python -m benchmarks.feature_momentum``."""

from __future__ import annotations

from pathlib import Path

from benchmarks import feature_momentum
from benchmarks._jobs import missing, results, work
from benchmarks._report import parser
from benchmarks.feature_momentum.grid import COSTS, DATASETS, cost_jobs, jobs
from xgraph.data.storage.root import root


def main() -> None:
    arguments = parser(feature_momentum.__doc__)
    arguments.add_argument("--dataset", nargs="+", choices=[*DATASETS, "reddit2-sized"], help="default: all")
    arguments.add_argument("--out", type=Path, default=root() / "feature_momentum", help="folder for finished cells")
    arguments.add_argument("--list", action="store_true", help="print the cells that are still missing")
    arguments.add_argument("--cost", action="store_true", help="measure time and memory instead")
    arguments.add_argument(
        "--report", action="store_true", help="write tables and figures of finished cells, without training"
    )
    options = arguments.parse_args()
    cells = (options.out, options.dataset or list(DATASETS))
    if options.report:
        from benchmarks.feature_momentum.report import summarize

        summarize(options.out)
    elif options.cost:
        results(cost_jobs(options.out, [name for name in COSTS if name in (options.dataset or COSTS)]))
    elif options.list:
        print(*(job.path for job in missing(jobs(*cells))), sep="\n")
    else:
        import torch

        torch.set_num_threads(1)
        work(lambda: jobs(*cells), wait=10.0)


if __name__ == "__main__":
    main()
