"""The results of a search: its trials, the best settings, and their test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xgraph.training.config.folds import summarize_folds
from xgraph.training.files.rundir import CONFIG, METRICS, Run
from xgraph.training.files.writing import write_csv, write_json, write_text
from xgraph.training.fit.train import train
from xgraph.training.prediction.evaluate import evaluate
from xgraph.tuning.plan import Plan
from xgraph.tuning.study import Study, Trial
from xgraph.tuning.trial import Result, metric_of, read_result, trial_folder

TRIALS, BEST_SETTINGS, REPORT, FINAL = "trials.csv", "best.toml", "search.json", "final"


@dataclass(frozen=True)
class SearchResult:
    """The result of a search.

    Args:
        path: Directory of the search: `search.toml`, `trials.csv`, `best.toml`, `search.json`, `trials/`, `final/`; or
            of several folds a directory for each, and `search.json`.
        metric: By which metric settings were chosen.
        trials: How many trials there are, those of all folds together.
        values: The best settings, as far as they were varied; empty over several folds.
        value: Their mean validation metric; of several folds, the mean over these.
        best: Number of the best trial, from 1; 0 over several folds.
        metrics: Of the runs that were trained in the end: `{"test": {...}}`, and of several seeds `seeds_averaged`;
            empty if there are none. Over several folds each has `mean` and `std`.
        folds: The results within each fold, if there are several.
    """

    path: Path
    metric: str
    trials: int
    values: dict[str, Any]
    value: float
    best: int = 0
    metrics: dict[str, Any] = field(default_factory=dict)
    folds: "dict[int, SearchResult]" = field(default_factory=dict, repr=False)

    @property
    def nested(self) -> bool:
        """Whether the figures are those of nested cross-validation: settings were chosen within each fold."""
        return bool(self.folds)


def write_trials(path: Path, plan: Plan, trials: Sequence[Trial]) -> None:
    """Write `trials.csv`."""
    names = [one.name for one in plan.space]
    rows: list[list[object]] = []
    for one in trials:
        result = read_result(trial_folder(path, one.number)) or Result([])
        inner = [*result.inner, *[None] * len(plan.inner)][: len(plan.inner)]
        values = ["none" if one.values[name] is None else one.values[name] for name in names]
        rows.append([one.number + 1, one.state, one.value, *values, *inner, result.seconds, result.error])
    header = ["trial", "state", "value", *names, *(f"inner_{k}" for k in range(len(plan.inner))), "seconds", "error"]
    write_csv(path / TRIALS, header, rows)


def write_best(path: Path, plan: Plan, study: Study) -> SearchResult:
    """Write `best.toml`, which `xgraph train --config` takes."""
    best, count = study.best, len(study.trials)
    if best is None or best.value is None:
        errors = [read_result(trial_folder(path, one.number)) for one in study.trials]
        last = next((one.error for one in reversed(errors) if one is not None and one.error), "")
        raise ValueError(f"search: none of {count} trials is complete{'; the last failed so: ' + last if last else ''}")
    folder = trial_folder(path, best.number)
    metric = metric_of(folder)
    inner, seeds = plan.budget.inner_folds, plan.budget.seeds
    over = f"{inner} inner folds" if inner else "the validation part"
    note = f"# Trial {best.number + 1} of {count}: mean {metric} {best.value:.4f} over {over}, {seeds} seed(s).\n"
    write_text(path / BEST_SETTINGS, note + (folder / CONFIG).read_text(encoding="utf-8"))
    return SearchResult(path, metric, count, best.values, best.value, best.number + 1)


def train_best(best: SearchResult, plan: Plan, progress: bool) -> dict[str, Any]:
    """Train with the best settings, each seed once, and test. Finished runs stay, interrupted ones are resumed."""
    runs = []
    selected = not plan.config.fitted and plan.config.keep == "best"
    for seed in plan.all_seeds:
        run = best.path / FINAL / f"trial_{best.best:04d}-seed_{seed}"  # of more trials, another may be the best
        if not (run / METRICS).is_file():
            more: dict[str, Any] = {"seed": seed, "train_on": "train" if selected else "train+valid"}
            more |= {"device": plan.config.device}
            if plan.config.threads is not None:
                more["threads"] = plan.config.threads
            resume = (run / CONFIG).is_file()
            train(config=best.path / BEST_SETTINGS, out=run, resume=resume, progress=progress, **more)
        runs.append(Run.open(run))
    test = summarize_folds([{"test": run.metrics["test"]} for run in runs])["test"]["mean"]
    together = {"seeds_averaged": evaluate([run.path for run in runs])} if len(runs) > 1 else {}
    return {"test": test, **together}


def over_folds(path: Path, folds: Mapping[int, SearchResult]) -> SearchResult:
    """The results within several folds as one."""
    results = list(folds.values())
    metrics: dict[str, Any] = {}
    for name in results[0].metrics:
        metrics[name] = summarize_folds([{"test": one.metrics[name]} for one in results])["test"]
    value = summarize_folds([{"valid": {"value": one.value}} for one in results])["valid"]["value"]
    trials = sum(one.trials for one in results)
    return SearchResult(path, results[0].metric, trials, {}, value, 0, metrics, dict(folds))


def write_outcome(result: SearchResult, plan: Plan) -> None:
    """Write `search.json`."""
    write_json(result.path / REPORT, _values(result, plan))


def _values(result: SearchResult, plan: Plan) -> dict[str, Any]:
    own = {"metric": result.metric, "trials": result.trials, "value": result.value, **result.metrics}
    if result.nested:
        protocol = "settings chosen within each fold, without its test part"
        folds = {str(fold): _values(one, plan) for fold, one in result.folds.items()}
        return {"nested": True, "protocol": protocol, **own, "folds": folds}
    how = {"nested": False, "inner_folds": plan.budget.inner_folds, "seeds": plan.all_seeds}
    return {**how, "best": result.best, "settings": result.values, **own}
