"""The results of a search: its trials, the best settings, and their test metrics."""

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
        path: Directory of the search. It holds ``search.toml``, ``trials.csv``, ``best.toml``, ``search.json``,
            ``trials/`` and ``final/``. For a search over several folds, it holds ``search.toml``, ``search.json`` and
            one directory per fold.
        metric: The validation metric that was optimised.
        trials: Number of trials, summed over the folds.
        values: The best values of the varied settings; empty over several folds.
        value: The validation metric of the best trial; over several folds, the mean of these.
        best: Number of the best trial, counted from 1; 0 over several folds.
        metrics: Metrics of the final runs: ``{"test": {...}}`` and, with several seeds, ``seeds_averaged``; empty if no
            final runs were requested. Over several folds, each holds ``mean`` and ``std``.
        folds: The results within each fold, if there are several.
        pretrained: What pretrained encoders among the features were trained on, and may have seen of the data set.
    """

    path: Path
    metric: str
    trials: int
    values: dict[str, Any]
    value: float
    best: int = 0
    metrics: dict[str, Any] = field(default_factory=dict)
    folds: "dict[int, SearchResult]" = field(default_factory=dict, repr=False)
    pretrained: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)

    @property
    def nested(self) -> bool:
        """Whether this is a nested cross-validation, with settings chosen separately within each fold."""
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
    """Write `best.toml`, a configuration for `xgraph train --config`."""
    best, count = study.best, len(study.trials)
    if best is None or best.value is None:
        errors = [read_result(trial_folder(path, one.number)) for one in study.trials]
        last = next((one.error for one in reversed(errors) if one is not None and one.error), "")
        why = f"; the last one failed with: {last}" if last else ""
        raise ValueError(f"search: none of the {count} trials was completed{why}")
    folder = trial_folder(path, best.number)
    metric = metric_of(folder)
    inner, seeds = plan.budget.inner_folds, plan.budget.seeds
    over = f"{inner} inner folds" if inner else "the validation part"
    note = f"# Trial {best.number + 1} of {count}: mean {metric} {best.value:.4f} over {over}, {seeds} seed(s).\n"
    write_text(path / BEST_SETTINGS, note + (folder / CONFIG).read_text(encoding="utf-8"))
    return SearchResult(path, metric, count, best.values, best.value, best.number + 1)


def train_best(best: SearchResult, plan: Plan, progress: bool) -> dict[str, Any]:
    """Train and test the best settings, once per seed; finished runs are kept and interrupted ones resumed."""
    runs = []
    selected = not plan.config.fitted and plan.config.keep == "best"
    for seed in plan.all_seeds:
        run = best.path / FINAL / f"trial_{best.best:04d}-seed_{seed}"  # more trials may find another best one
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
    """Summarise the results within several folds."""
    results = list(folds.values())
    metrics: dict[str, Any] = {}
    for name in results[0].metrics:
        metrics[name] = summarize_folds([{"test": one.metrics[name]} for one in results])["test"]
    value = summarize_folds([{"valid": {"value": one.value}} for one in results])["valid"]["value"]
    trials = sum(one.trials for one in results)
    return SearchResult(path, results[0].metric, trials, {}, value, 0, metrics, dict(folds))


def write_outcome(result: SearchResult, plan: Plan) -> None:
    """Write `search.json`."""
    seen = {"pretrained": result.pretrained} if result.pretrained else {}
    write_json(result.path / REPORT, _values(result, plan) | seen)


def _values(result: SearchResult, plan: Plan) -> dict[str, Any]:
    own = {"metric": result.metric, "trials": result.trials, "value": result.value, **result.metrics}
    if result.nested:
        protocol = "settings chosen within each fold, without using its test part"
        folds = {str(fold): _values(one, plan) for fold, one in result.folds.items()}
        return {"nested": True, "protocol": protocol, **own, "folds": folds}
    how = {"nested": False, "inner_folds": plan.budget.inner_folds, "seeds": plan.all_seeds}
    return {**how, "best": result.best, "settings": result.values, **own}
