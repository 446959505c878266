"""The baseline of a run: a model that is fitted in a single step beside the network, on the same parts of the data."""

import math
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgraph.data.bags.summaries import STATISTICS
from xgraph.data.storage.leftovers import remove_leftovers
from xgraph.training.config.baseline import baseline_config, baseline_of
from xgraph.training.config.build import TrainConfig
from xgraph.training.config.folds import summarize_folds
from xgraph.training.files.rundir import BASELINE, METRICS
from xgraph.training.files.writing import write_json
from xgraph.training.fit.bars import data_progress
from xgraph.training.fit.fitted import FittedTask, fit_in_single_step
from xgraph.training.fit.seeding import own_random_streams
from xgraph.training.scoring.direction import better

if TYPE_CHECKING:
    from xgraph.training.sources import Source


MOST_TREES, FEWEST_TREES = 100, 20
MOST_PER_TASK, LEAST_PER_TASK = 10_000, 500
MOST_PAIRS = 4_000_000
"""Trees × items of all tasks: 20 to 70 seconds on one core of a busy machine for Tox21, MUV and HIV, dense tables."""

MOST_PAIRS_OF_NUMBERS = 2_000_000
"""The same with continuous targets, whose trees consider more features for each split: 50 seconds for Lipophilicity."""

MOST_ITEMS = 125_000
"""Molecules, whose features take 1 GB; or bags, which are described in 20 seconds."""

MOST_TASKS = 200
"""Tasks: even small forests take .3 seconds each to fit and to score."""

MOST_VALUES, MOST_STATISTICS = 1_000_000_000, 250_000_000
"""Values of all instances, which are read in 25 seconds, and the statistics of all bags, which take 1 GB."""


def add_baseline(
    config: TrainConfig,
    source: "Source",
    path: Path,
    metrics: dict[str, Any],
    *,
    device: str,
    threads: int,
    progress: bool = False,
) -> dict[str, Any]:
    """Fit the baseline of a finished run into its folder `baseline`, and add its results to those of the run.

    A baseline that is there already is scored, not fitted again. One that cannot be fitted is no error: the results
    say why. Call it within `own_random_streams`.

    Args:
        config: The settings of the run.
        source: Its data.
        path: The run directory.
        metrics: The contents of its `metrics.json`.
        device: Where to score.
        threads: Number of CPU threads to fit with, which the result does not depend on.
        progress: Whether to show progress.

    Returns:
        The metrics, with the key `baseline`.
    """
    result = _result(config, source, path / BASELINE, device=device, threads=threads, progress=progress)
    if "skipped" not in result:
        result["ahead"] = is_ahead(metrics, result)
    elif progress:
        sys.stderr.write(f"no baseline: {result['skipped']}\n")
    metrics = {**metrics, "baseline": result}
    write_json(path / METRICS, metrics)
    return metrics


def is_ahead(metrics: Mapping[str, Any], baseline: Mapping[str, Any]) -> bool:
    """Whether a baseline is better than the network on the validation part; never if that is not known."""
    network, other = (run.get("valid", {}).get(metrics["metric"], math.nan) for run in (metrics, baseline))
    return better(metrics["metric"], other, network) and not math.isnan(network)


def summarize_baselines(folds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the mean and sample standard deviation of the baselines of several folds, and in how many it is ahead.

    Args:
        folds: The metrics of the folds.
    """
    every = [fold["baseline"] for fold in folds if "baseline" in fold]
    fitted = [one for one in every if "skipped" not in one]
    if not fitted:
        return dict(every[0]) if every else {}
    parts = summarize_folds(fitted)
    means: dict[str, Any] = {part: parts[part] for part in ("valid", "test") if part in parts}
    known = {name: fitted[0][name] for name in ("model", "about")}  # of the first fold
    return {**known, **means, "ahead_in": sum(one["ahead"] for one in fitted), "folds": len(fitted)}


def obstacle(source: "Source", model: str) -> str:
    """Say why there is nothing to fit a baseline to, or why its features would take long; empty if there is nothing.

    Args:
        source: The data.
        model: Name of the baseline's model.
    """
    advice = f"; fit one with --model {model}"
    if len(source) > MOST_ITEMS:
        return f"{len(source):,} {source.noun} are more than {MOST_ITEMS:,}{advice}"
    if source.num_tasks > MOST_TASKS:
        what = "classes" if source.several_classes else "tasks"
        return f"{source.num_tasks:,} {what} are more than {MOST_TASKS:,}{advice}"
    if source.kind != "bag":
        return ""
    if not source.data.instance_shape:
        return "the instances of the bags are molecules, which have no statistics"
    each, instances = math.prod(source.data.instance_shape), source.data.num_instances
    if instances * each > MOST_VALUES:
        return f"{instances:,} instances of {each:,} values have more than {MOST_VALUES:,}{advice}"
    kept = len(source) * len(STATISTICS) * each
    return f"{kept:,} statistics of bags are more than {MOST_STATISTICS:,}{advice}" if kept > MOST_STATISTICS else ""


def limits(labelled: Sequence[int], numbers: bool = False) -> dict[str, int]:
    """Return the number of trees, and of items per task to grow them on, with which a forest takes seconds.

    Args:
        labelled: Number of labelled training items of each task.
        numbers: Whether the targets are numbers.
    """
    budget = MOST_PAIRS_OF_NUMBERS if numbers else MOST_PAIRS
    pairs = sum(min(count, MOST_PER_TASK) for count in labelled)
    trees = min(max(budget // max(pairs, 1), FEWEST_TREES), MOST_TREES)
    each = min(max(budget // (trees * max(len(labelled), 1)), LEAST_PER_TASK), MOST_PER_TASK)
    most = MOST_PER_TASK if trees * pairs <= budget else each
    return {"trees": trees, **({"max_items": most} if max(labelled, default=0) > most else {})}


def _result(
    config: TrainConfig, source: "Source", folder: Path, *, device: str, threads: int, progress: bool
) -> dict[str, Any]:
    """Return the metrics of the baseline by part, or why it is skipped."""
    entry = baseline_of(source.kind, config.model, source.numbers)
    if entry is None:
        raise ValueError(f"there is no baseline for model {config.model!r}")
    if reason := obstacle(source, entry.model):
        return {"model": entry.model, "skipped": reason}
    known = (~source.targets(source.splits["train"]).isnan()).sum(dim=0).tolist()
    own_limits = limits(known, source.numbers)
    try:
        own = baseline_config(config, own_limits, source.numbers)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the network's run has given those about the data
            with own_random_streams(own.seed):  # the same whether the network was trained just before or is resumed
                with data_progress(progress) as report:
                    task = FittedTask(own, source.with_settings(own, report))
                folder.mkdir(exist_ok=True)
                remove_leftovers(folder)
                metrics = fit_in_single_step(
                    task, folder, device=device, resume=True, threads=threads, progress=progress
                )
    except Exception as error:  # of many types: a baseline is never worth losing a network for
        return {"model": entry.model, "skipped": str(error) or type(error).__name__}
    about = entry.about.format(trees=own_limits["trees"])
    if "max_items" in own_limits:
        about += f", grown on {own_limits['max_items']:,} of the {max(known):,} labelled {source.noun}"
        about += " of a task" if len(known) > 1 else ""
    parts: dict[str, Any] = {part: metrics[part] for part in ("valid", "test") if part in metrics}
    return {"model": entry.model, "about": about, **parts}
