"""The command ``python -m benchmarks.mil``."""

from __future__ import annotations

from pathlib import Path

from benchmarks import mil
from benchmarks._jobs import missing, work
from benchmarks._report import parser
from benchmarks.mil.grid import ARM_NAMES, DATASETS, FOLDS, TUNED
from benchmarks.mil.jobs import jobs
from xgraph.data.storage.root import root


def main() -> None:
    arguments = parser(mil.__doc__)
    everything = [*TUNED, *DATASETS]
    arguments.add_argument("--dataset", nargs="+", choices=everything, default=everything, help="default: all")
    arguments.add_argument("--arm", nargs="+", choices=ARM_NAMES, default=ARM_NAMES, help="default: all")
    arguments.add_argument("--folds", type=int, default=len(FOLDS), help="use only the first folds of the tested sets")
    arguments.add_argument("--out", type=Path, default=root() / "mil", help="folder for finished cells")
    arguments.add_argument("--list", action="store_true", help="print the cells that are still missing")
    arguments.add_argument("--report", action="store_true", help="write the tables of finished cells, without training")
    arguments.add_argument("--speed", action="store_true", help="measure time and memory instead")
    arguments.add_argument("--pictures", nargs="*", type=Path, metavar="RUN", help="draw pictures of runs instead")
    arguments.add_argument("--rounds", type=int, default=5, help="rounds of --speed")
    arguments.add_argument("--seconds", type=float, default=0.5, help="length of each measurement of --speed")
    arguments.add_argument("--threads", type=int, default=2, help="threads of --speed")
    arguments.add_argument("--largest", type=int, default=10_000, help="instances of the largest bag of --speed")
    options = arguments.parse_args()
    cells = (options.out, options.dataset, options.arm, options.folds)
    if options.list:
        print(*(job.path for job in missing(jobs(*cells))), sep="\n")
    elif options.report:
        from benchmarks.mil.report import summarize

        summarize(options.out)
    elif options.speed:
        from benchmarks.mil.cost import measure

        measure(options.rounds, options.seconds, options.threads, options.largest)
    elif options.pictures is not None:
        from benchmarks.mil.pictures import draw

        draw(options.pictures, options.out / "runs")
    else:
        import torch

        torch.set_num_threads(1)
        work(lambda: jobs(*cells))


if __name__ == "__main__":
    main()
