"""`xgraph.search`: trials one after the other, then the best settings, within one fold or within each."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from xgraph.options import OptionError
from xgraph.training.config.build import read_config
from xgraph.training.config.folds import chosen_folds
from xgraph.training.files.lock import locked
from xgraph.training.files.rundir import check_free, dataset_label, new_run_directory
from xgraph.training.fit.train import Interrupted
from xgraph.training.scoring.inference import choose_device
from xgraph.tuning.outcome import SearchResult, over_folds, train_best, write_best, write_outcome, write_trials
from xgraph.tuning.plan import SEARCH, Plan, make_plan, resumed
from xgraph.tuning.space import read_space
from xgraph.tuning.study import Study
from xgraph.tuning.trial import read_result, run_trial, trial_folder

_HOPELESS = 3  # trials that fail one after the other at the start


def search(
    dataset: str | Path | None = None,
    *,
    vary: Mapping[str, Any] | str | Path | None = None,
    trials: int | None = None,
    inner_folds: int | None = None,
    seeds: int | None = None,
    prune: bool | None = None,
    final: bool | None = None,
    config: str | Path | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool = False,
    **settings: Any,
) -> SearchResult:
    r"""Choose settings by inner cross-validation; what `xgraph search` calls.

    A trial is a choice of settings. Its value is the mean of the validation metric over inner folds: train and
    validation part are joined and cut anew (`TrainConfig.inner`), and the test set is not touched. Networks keep their
    last epoch unless `keep` says otherwise. With several folds of a data set the search is done within each, so that
    the mean of their test metrics is that of nested cross-validation.

    Args:
        dataset: Name of a data set or path of a CSV file, as for `xgraph.train`.
        vary: What is varied: for each setting a list of values, `{"low": ..., "high": ..., "log": True}` (or with
            "step"), or a text such as "1e-4..1e-2:log", "8..64:step=8", "2,3,4"; or a TOML file of such.
        trials: How many settings are tried, by default 30; fewer if there are no more.
        inner_folds: Inner folds, by default 5; 0 takes the data set's own validation part.
        seeds: Seeds on each inner fold, by default 1.
        prune: Leave a trial when its mean so far is below the median of what the earlier ones had by then.
        final: Train the best settings on train and validation part, once for each seed, and test.
        config: A TOML file with settings, such as the `config.toml` of a run.
        out: Directory of the search, new or empty; without it, a new one under `runs/`.
        resume: Resume the search in `out`; `trials`, `final` and where to train can be others.
        progress: Show progress on stderr.
        settings: Settings that are not varied, as `xgraph.train` takes them; `fold` can be several, or "all".

    Returns:
        The best settings, and with `final` their test metrics.

    Raises:
        OptionError: If a setting does not exist, is fixed, or cannot have a value (a ValueError).
        ValueError: If Optuna is missing, the data cannot be trained on, or no trial can.
        FileExistsError: If `out` holds something already.
        Interrupted: If the user stops it; with `resume` it continues.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> rows = [f"{'C' * n}{end},{int(end == 'N')}" for n in range(1, 20) for end in "OCN"]
        >>> _ = (folder / "amines.csv").write_text("smiles,amine\n" + "\n".join(rows))
        >>> result = search(folder / "amines.csv", split="random", model="forest", features=["maccs"],
        ...                 vary={"trees": [2, 8]}, inner_folds=2, out=folder / "search")
        >>> result.trials, sorted(result.values)
        (2, ['trees'])
    """
    if dataset is not None:
        settings["dataset"] = str(dataset)
    space = dict(vary) if isinstance(vary, Mapping) else {} if vary is None else read_space(vary)
    base = {} if config is None else read_config(config)
    numbers = {"trials": trials, "inner_folds": inner_folds, "seeds": seeds, "prune": prune, "final": final}
    if resume:
        if out is None:
            raise OptionError("resume: say which search, with the directory it is in (--out)")
        path = Path(out)
        plan = resumed(path, space, base, settings, **numbers)
    else:
        if out is not None and (Path(out) / SEARCH).is_file():
            raise FileExistsError(f"out: {out} holds a search already; choose another, or --resume to continue")
        if out is not None:
            check_free(out)
        plan = make_plan(space, base, settings, **numbers)
    choose_device(plan.config.device)
    several = isinstance(plan.config.fold, list | str)
    folds = chosen_folds(plan.config) if several else []
    if not resume:
        path = new_run_directory(f"{dataset_label(plan.config.dataset)}-search") if out is None else Path(out)
        path.mkdir(parents=True, exist_ok=True)
    say: Callable[[str], object] = sys.stderr.write if progress else lambda text: None
    try:
        with locked(path):
            plan.write(path)
            if not several:
                return _search(plan, path, say, progress)
            results = {}
            for fold in folds:
                say(f"fold={fold}\n")
                own = replace(plan, config=plan.config.replace(fold=fold))
                (path / f"fold_{fold}").mkdir(exist_ok=True)
                own.write(path / f"fold_{fold}")
                results[fold] = _search(own, path / f"fold_{fold}", say, progress)
            result = over_folds(path, results)
            write_outcome(result, plan)
            return result
    except KeyboardInterrupt:
        raise Interrupted(path) from None


def _search(plan: Plan, path: Path, say: Callable[[str], object], progress: bool) -> SearchResult:
    """The search within one fold; what is finished stays."""
    study = Study(path, plan.space, plan.config.seed)
    while (trial := study.next(plan.budget.trials)) is not None:
        number = f"trial={trial.number + 1}/{plan.budget.trials}"
        say(f"{number} {' '.join(f'{name}={value}' for name, value in trial.values.items())}\n")
        ended = [one for one in study.trials if one.state != "running"]
        twin = next((one for one in ended if one.values == trial.values and one.state != "pruned"), None)
        result = None if twin is None else read_result(trial_folder(path, twin.number))
        if result is not None:  # the same again gives the same
            say(f"{number} as in trial {twin.number + 1}\n" if twin is not None else "")
        else:
            complete = [read_result(trial_folder(path, one.number)) for one in ended if one.state == "complete"]
            earlier = [one for one in complete if one is not None]
            result = run_trial(plan, path, trial, earlier, partial(_say, say, number))
        if result.error:
            say(f"{number} failed: {result.error}\n")
            study.tell(trial, None, "fail")
            if len(ended) + 1 == _HOPELESS and study.best is None:
                write_trials(path, plan, study.trials)
                raise ValueError(f"search: the first {_HOPELESS} trials failed, the last of them so: {result.error}")
        elif result.pruned:
            say(f"{number} pruned seconds={result.seconds:.1f}\n")
            study.tell(trial, None, "pruned")
        else:
            study.tell(trial, result.value)
            best = study.best
            word = f" best={best.value:.4f}" if best is not None and best.value is not None else ""
            say(f"{number} value={result.value:.4f}{word} seconds={result.seconds:.1f}\n")
        write_trials(path, plan, study.trials)
    best_settings = write_best(path, plan, study)
    if plan.budget.final:
        best_settings = replace(best_settings, metrics=train_best(best_settings, plan, progress))
    write_outcome(best_settings, plan)
    return best_settings


def _say(say: Callable[[str], object], number: str, text: str) -> None:
    say(f"{number} {text}\n")
