"""One trial of a search: ordinary runs on inner folds, of which only the metrics are kept."""

import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from xgraph.training.files.rundir import BEST, CONFIG, LAST, METRICS, PREDICTIONS, Run, write_config
from xgraph.training.files.writing import write_json
from xgraph.training.fit.train import train
from xgraph.training.scoring.numbers import NUMBER_METRICS
from xgraph.tuning.plan import Plan
from xgraph.tuning.study import Trial

RESULT = "result.json"
_MIN_TRIALS_TO_PRUNE = 5  # complete trials that are needed before a new one can be pruned


class Result(NamedTuple):
    """The result of a trial."""

    inner: list[float]  # the metric on each inner fold, averaged over seeds; NaN where it is undefined
    seconds: float = 0.0
    error: str = ""  # why training with these settings failed
    pruned: bool = False  # whether it was stopped early

    @property
    def value(self) -> float:
        """Mean over the inner folds where the metric is defined."""
        return mean(self.inner)


def trial_folder(path: Path, number: int) -> Path:
    """Return the directory of a trial."""
    return path / "trials" / f"{number + 1:04d}"


def read_result(folder: Path) -> Result | None:
    """Read the result of a trial; None if it has not finished."""
    try:
        values = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        inner = [math.nan if value is None else float(value) for value in values["inner"]]
        return Result(inner, float(values["seconds"]), str(values["error"]), bool(values["pruned"]))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ValueError(f"search: {folder / RESULT} is damaged; delete {folder} to run the trial again") from None


def run_trial(plan: Plan, path: Path, trial: Trial, earlier: Sequence[Result], say: Callable[[str], object]) -> Result:
    """Run or resume a trial: train its settings on each inner fold with each seed."""
    folder, begun, result = trial_folder(path, trial.number), time.perf_counter(), Result([])
    try:
        config = plan.setting(trial.values)
        folder.mkdir(parents=True, exist_ok=True)
        write_config(folder, config)
        inner: list[float] = []
        for one in plan.inner:
            inner.append(mean([_run(plan, folder, one, seed) for seed in plan.all_seeds]))
            say(f"inner={one} value={inner[-1]:.4f}")
            if plan.budget.prune and len(inner) < len(plan.inner) and _behind(inner, earlier, plan.higher_is_better):
                result = Result(inner, pruned=True)
                break
        else:
            result = Result(inner)
    except ValueError as error:  # training diverged, or the settings contradict each other
        result = Result([], error=str(error))
    if not result.error and not result.pruned and math.isnan(result.value):
        where = f"each of {plan.budget.inner_folds} inner folds" if plan.budget.inner_folds else "the validation part"
        metric = metric_of(folder)
        lacks = "only equal numbers" if metric in NUMBER_METRICS else "only one class"
        raise ValueError(f"search: {where} has {lacks}, so {metric} is undefined; change inner_folds")
    result = result._replace(seconds=round(time.perf_counter() - begun, 3))
    write_json(folder / RESULT, result._asdict())
    for run in folder.iterdir():
        for name in (BEST, LAST, PREDICTIONS):
            (run / name).unlink(missing_ok=True) if run.is_dir() else None
    return result


def metric_of(folder: Path) -> str:
    """Return the metric that the runs of a trial are measured by."""
    return str(Run.open(next(run for run in sorted(folder.iterdir()) if run.is_dir())).metrics["metric"])


def mean(values: Sequence[float]) -> float:
    """Return the mean of the values that are not NaN; NaN if there are none."""
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan


def _run(plan: Plan, folder: Path, inner: str, seed: int) -> float:
    """Train or resume one run and return its validation metric."""
    path = folder / f"{'own' if '/' not in inner else 'inner' + inner.split('/')[0]}-seed{seed}"
    if not (path / METRICS).is_file():
        more: dict[str, Any] = {"inner": inner, "seed": seed, "device": plan.config.device}
        if plan.config.threads is not None:
            more["threads"] = plan.config.threads
        train(config=folder / CONFIG, out=path, resume=(path / CONFIG).is_file(), **more)
    metrics = Run.open(path).metrics
    return float(metrics["valid"][metrics["metric"]])


def _behind(inner: Sequence[float], earlier: Sequence[Result], higher_is_better: bool = True) -> bool:
    """Whether the mean so far is worse than the median of earlier trials at the same point."""
    then = [mean(one.inner[: len(inner)]) for one in earlier]
    then = [value for value in then if not math.isnan(value)]
    if len(then) < _MIN_TRIALS_TO_PRUNE:
        return False
    now, usual = mean(inner), float(np.median(then))
    return now < usual if higher_is_better else now > usual
