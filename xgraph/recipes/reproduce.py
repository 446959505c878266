"""`xgraph reproduce`: train all runs of a recipe, then write the report."""

import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from xgraph.options import OptionError, RunError
from xgraph.recipes.report.claim import claim_of
from xgraph.recipes.report.partitions import repeated
from xgraph.recipes.report.report import Report, write_report
from xgraph.recipes.report.results import Results
from xgraph.recipes.report.submission import write_submission
from xgraph.recipes.run.directory import ELAPSED, claim, run_times, timed
from xgraph.recipes.run.load import check_packages, fetch_all, load_all
from xgraph.recipes.run.runs import Runner
from xgraph.recipes.run.tasks import Failure, Task, do_all
from xgraph.recipes.schema.cut import without_runs
from xgraph.recipes.schema.read import read_recipe
from xgraph.recipes.schema.recipe import RECIPE, Recipe
from xgraph.recipes.schema.written import to_toml
from xgraph.signals import handled
from xgraph.training.config.build import build_config
from xgraph.training.files.lock import locked
from xgraph.training.files.writing import write_text
from xgraph.training.fit.train import Interrupted
from xgraph.training.scoring.inference import choose_device


def reproduce(
    recipe: str | Path,
    *,
    out: str | Path | None = None,
    quick: bool = False,
    threads: int | None = None,
    device: str = "auto",
    progress: bool = False,
    jobs: int = 1,
) -> Report:
    """Run or resume a recipe and write its report, as the command ``xgraph reproduce`` does.

    A run that fails does not stop the others: the report has what is possible without it, and names it.

    Args:
        recipe: Name of a shipped recipe, or path of a TOML file.
        out: Directory of the runs; by default one under ``runs/`` with the name of the recipe.
        quick: Run the reduced version that the recipe describes in ``[quick]``.
        threads: CPU threads of torch; with several processes, those of each, by default one.
        device: "auto", "cpu" or "cuda".
        progress: Show progress on stderr.
        jobs: Number of processes that the runs are spread over.

    Returns:
        The report, which is also written to the directory as ``report.md`` and ``report.json``.

    Raises:
        OptionError: If the recipe is invalid, or needs a package that is not installed, or ``out`` holds the runs of
            another recipe. It is a ``ValueError``.
        FileExistsError: If ``out`` holds other files.
        RuntimeError: If all runs failed, or a process ended unexpectedly.
    """
    runs = read_recipe(recipe, quick=quick)
    device = choose_device(device)
    if threads is not None:
        build_config({"threads": threads})  # check its range
    if isinstance(jobs, bool) or not isinstance(jobs, int) or not 1 <= jobs <= 1024:
        raise OptionError(f"jobs = {jobs}: expected 1 to 1024")
    path = Path(out) if out is not None else Path("runs") / (runs.path.stem + ("-quick" if quick else ""))
    check_packages(runs)
    claim(path, runs)
    try:
        with handled(), locked(path):
            write_text(path / RECIPE, to_toml(runs))
            with timed(path, ELAPSED):
                failed = _run_all(runs, path, threads, device, progress, jobs)
            return _report(runs, path, device, failed)
    except KeyboardInterrupt as stop:
        raise Interrupted(path, getattr(stop, "signum", signal.SIGINT)) from None


def _run_all(recipe: Recipe, out: Path, threads: int | None, device: str, progress: bool, jobs: int) -> list[Failure]:
    """Train all runs that are not finished; return those that failed."""
    fetch_all(recipe)
    runner = Runner(recipe, out, threads, device, progress)
    for i, encoder in enumerate(recipe.pretrainings, 1):
        if progress:
            sys.stderr.write(f"pretraining={i}/{len(recipe.pretrainings)} {encoder.name}\n")
        runner.pretrain(encoder)
    if jobs > 1:
        load_all(recipe, progress)
        runner = replace(runner, threads=threads or 1, progress=False)
    runners = [runner, *(replace(runner, recipe=one, part=name) for name, one in recipe.on_partitions().items())]
    tasks = [Task(one, member, seed) for one in runners for member in one.recipe.in_order() for seed in member.seeds]
    return do_all(tasks, jobs, device=device, progress=progress)


def _report(recipe: Recipe, out: Path, device: str, failed: Sequence[Failure]) -> Report:
    names = {Path(one.name) for one in failed}
    left = without_runs(recipe, names)
    if not left.members:
        raise RunError(f"all runs failed; {failed[0].name}: {failed[0].error}")
    results = Results(left, out)
    rows = results.rows()
    claim = claim_of(left, results, rows)
    parts = repeated(left, out, names)
    submission = None if left.submission is None else write_submission(left, out, device, rows)
    return write_report(left, out, rows, results.compared(rows), run_times(out), submission, parts, failed, claim)
