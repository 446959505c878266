"""`xgraph.search`: run trials one after the other and find the best settings, within one fold or several."""

import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from xgraph.data.cards.pretrained import sentences
from xgraph.options import OptionError
from xgraph.signals import handled
from xgraph.training.config.build import read_config
from xgraph.training.config.folds import chosen_folds
from xgraph.training.files.lock import locked
from xgraph.training.files.rundir import check_free, dataset_label, new_run_directory
from xgraph.training.fit.train import Interrupted
from xgraph.training.loggers.names import check_installed
from xgraph.training.scoring.inference import choose_device
from xgraph.tuning.outcome import SearchResult, over_folds, train_best, write_best, write_outcome, write_trials
from xgraph.tuning.plan import SEARCH, Plan, make_plan, resumed
from xgraph.tuning.space import read_space
from xgraph.tuning.study import Study
from xgraph.tuning.trial import read_result, run_trial, trial_folder

_MAX_FAILURES = 3  # give up if this many trials fail at the start


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
    r"""Search for the best settings by inner cross-validation, as the command ``xgraph search`` does.

    A trial is a choice of settings. Its value is the validation metric averaged over inner folds: the training and
    validation parts are joined and split anew (the setting ``inner``), and the test part is not touched. Networks keep
    their last epoch unless ``keep`` is given. With several folds of a data set, the search runs within each fold, so
    the mean of the test metrics is that of a nested cross-validation.

    Args:
        dataset: Name of a data set or path of a CSV file, as for :func:`xgraph.training.train`.
        vary: The settings to vary, each with a list of values, a range ``{"low": ..., "high": ..., "log": True}`` (or
            with ``"step"``), or a text such as ``"1e-4..1e-2:log"``, ``"8..64:step=8"`` or ``"2,3,4"``; or the path of
            a TOML file of these.
        trials: Number of settings to try, by default 30; fewer if there are not as many combinations.
        inner_folds: Number of inner folds, by default 5; 0 uses the data set's own validation part.
        seeds: Number of seeds on each inner fold, by default 1.
        prune: Stop a trial when its mean so far is below the median of earlier trials at the same point.
        final: Train the best settings on the training and validation parts, once per seed, and test them.
        config: A TOML file with settings, such as the ``config.toml`` of a run.
        out: Directory of the search, which must be new or empty; by default a new directory under ``runs/``.
        resume: Resume the search in ``out``. ``trials``, ``final``, ``device``, ``storage`` and ``threads`` may change.
        progress: Show progress on stderr.
        settings: Settings that are not varied, as for :func:`xgraph.training.train`. ``fold`` may be several folds, or
            "all".

    Returns:
        The best settings and, with ``final``, their test metrics.

    Raises:
        OptionError: If a setting does not exist, is both fixed and varied, or has an invalid value. It is a
            ``ValueError``.
        ValueError: If Optuna is not installed, the data cannot be trained on, or all trials fail.
        FileExistsError: If ``out`` is not empty.
        Interrupted: If the user stops the search, which can then be resumed.

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
            raise OptionError("resume: give the directory of the search to resume with out (--out)")
        path = Path(out)
        plan = resumed(path, space, base, settings, **numbers)
    else:
        if out is not None and (Path(out) / SEARCH).is_file():
            raise FileExistsError(
                f"out: {out} already holds a search; choose another directory, or resume the search with --resume"
            )
        if out is not None:
            check_free(out)
        plan = make_plan(space, base, settings, **numbers)
    choose_device(plan.config.device)
    check_installed(plan.config.logger)
    several = isinstance(plan.config.fold, list | str)
    folds = chosen_folds(plan.config) if several else []
    if not resume:
        path = new_run_directory(f"{dataset_label(plan.config.dataset)}-search") if out is None else Path(out)
        path.mkdir(parents=True, exist_ok=True)
    say: Callable[[str], object] = sys.stderr.write if progress else lambda text: None
    try:
        with handled(), locked(path):
            plan.write(path)
            for text in sentences(plan.pretrained):
                say(f"pretrained: {text}\n")
            if not several:
                return _search(plan, path, say, progress)
            results = {}
            for fold in folds:
                say(f"fold={fold}\n")
                own = replace(plan, config=plan.config.replace(fold=fold))
                (path / f"fold_{fold}").mkdir(exist_ok=True)
                own.write(path / f"fold_{fold}")
                results[fold] = _search(own, path / f"fold_{fold}", say, progress)
            result = replace(over_folds(path, results), pretrained=plan.pretrained)
            write_outcome(result, plan)
            return result
    except KeyboardInterrupt as stop:
        raise Interrupted(path, getattr(stop, "signum", signal.SIGINT)) from None


def _search(plan: Plan, path: Path, say: Callable[[str], object], progress: bool) -> SearchResult:
    """Search within one fold; finished trials are kept."""
    study = Study(path, plan.space, plan.config.seed, higher_is_better=plan.higher_is_better)
    while (trial := study.next(plan.budget.trials)) is not None:
        number = f"trial={trial.number + 1}/{plan.budget.trials}"
        say(f"{number} {' '.join(f'{name}={value}' for name, value in trial.values.items())}\n")
        ended = [one for one in study.trials if one.state != "running"]
        twin = next((one for one in ended if one.values == trial.values and one.state != "pruned"), None)
        result = None if twin is None else read_result(trial_folder(path, twin.number))
        if result is not None:  # the same settings give the same result
            say(f"{number} same settings as trial {twin.number + 1}\n" if twin is not None else "")
        else:
            complete = [read_result(trial_folder(path, one.number)) for one in ended if one.state == "complete"]
            earlier = [one for one in complete if one is not None]
            result = run_trial(plan, path, trial, earlier, partial(_say, say, number))
        if result.error:
            say(f"{number} failed: {result.error}\n")
            study.tell(trial, None, "fail")
            if len(ended) + 1 == _MAX_FAILURES and study.best is None:
                write_trials(path, plan, study.trials)
                raise ValueError(f"search: the first {_MAX_FAILURES} trials failed, the last one with: {result.error}")
        elif result.pruned:
            say(f"{number} pruned seconds={result.seconds:.1f}\n")
            study.tell(trial, None, "pruned")
        else:
            study.tell(trial, result.value)
            best = study.best
            word = f" best={best.value:.4f}" if best is not None and best.value is not None else ""
            say(f"{number} value={result.value:.4f}{word} seconds={result.seconds:.1f}\n")
        write_trials(path, plan, study.trials)
    best_settings = replace(write_best(path, plan, study), pretrained=plan.pretrained)
    if plan.budget.final:
        best_settings = replace(best_settings, metrics=train_best(best_settings, plan, progress))
    write_outcome(best_settings, plan)
    return best_settings


def _say(say: Callable[[str], object], number: str, text: str) -> None:
    say(f"{number} {text}\n")
