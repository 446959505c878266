"""`xgraph reproduce`: train all runs of a recipe one after the other, then write the report."""

import sys
from pathlib import Path

from xgraph.recipes.report.report import Report, write_report
from xgraph.recipes.report.results import Results
from xgraph.recipes.report.submission import write_submission
from xgraph.recipes.run.directory import claim, run_times
from xgraph.recipes.run.runs import Runner
from xgraph.recipes.schema.read import read_recipe
from xgraph.recipes.schema.recipe import RECIPE, Recipe
from xgraph.recipes.schema.written import to_toml
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
) -> Report:
    """Run or resume a recipe and write its report, as the command ``xgraph reproduce`` does.

    Args:
        recipe: Name of a shipped recipe, or path of a TOML file.
        out: Directory of the runs; by default one under ``runs/`` with the name of the recipe.
        quick: Run the reduced version that the recipe describes in ``[quick]``.
        threads: CPU threads of torch.
        device: "auto", "cpu" or "cuda".
        progress: Show progress on stderr.

    Returns:
        The report, which is also written to the directory as ``report.md`` and ``report.json``.

    Raises:
        OptionError: If the recipe is invalid, or ``out`` holds the runs of another recipe. It is a ``ValueError``.
        FileExistsError: If ``out`` holds other files.
    """
    runs = read_recipe(recipe, quick=quick)
    device = choose_device(device)
    if threads is not None:
        build_config({"threads": threads})  # check its range
    path = Path(out) if out is not None else Path("runs") / (runs.path.stem + ("-quick" if quick else ""))
    claim(path, runs)
    try:
        with locked(path):
            write_text(path / RECIPE, to_toml(runs))
            _fetch(runs)
            _run_all(Runner(runs, path, threads, device, progress))
            results = Results(runs, path)
            rows = results.rows()
            submission = None if runs.submission is None else write_submission(runs, path, device)
            return write_report(runs, path, rows, results.compared(rows), run_times(path), submission)
    except KeyboardInterrupt:
        raise Interrupted(path) from None


def _fetch(recipe: Recipe) -> None:
    """Fetch all data sets before the first run, so that a missing one is not noticed hours later."""
    from xgraph.data import fetch
    from xgraph.data.cards.named import names

    pretrained_on = [dataset for one in recipe.pretrainings for dataset in one.config.datasets]
    for dataset in dict.fromkeys([*recipe.datasets, *pretrained_on]):
        if dataset in names():
            fetch(dataset)


def _run_all(runner: Runner) -> None:
    recipe = runner.recipe
    for i, encoder in enumerate(recipe.pretrainings, 1):
        _say(runner, f"pretraining={i}/{len(recipe.pretrainings)} {encoder.name}\n")
        runner.pretrain(encoder)
    runs = [(member, seed) for member in recipe.in_order() for seed in member.seeds]
    for i, (member, seed) in enumerate(runs, 1):
        _say(runner, f"run={i}/{len(runs)} {recipe.run_path(member, seed)}\n")
        runner.train(member, seed)


def _say(runner: Runner, text: str) -> None:
    if runner.progress:
        sys.stderr.write(text)
