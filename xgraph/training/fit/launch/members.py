"""Train the runs that a run consists of, its folds and its seeds, and summarise them."""

import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from xgraph.distributed import rank
from xgraph.distributed.processes import from_first
from xgraph.training.config.build import TrainConfig
from xgraph.training.config.folds import chosen_folds, single_runs, summarize_folds
from xgraph.training.files.lock import locked
from xgraph.training.files.members import FOLD, SEED, leaf_folders
from xgraph.training.files.rundir import CONFIG, METRICS, PATHS, Run, discard, make_run_directory, move, write_config
from xgraph.training.files.writing import write_json
from xgraph.training.fit.constraints.summary import mean_constraints
from xgraph.training.fit.launch.guard import Interrupted
from xgraph.training.fit.launch.one import train_one
from xgraph.training.fit.loading import load_data
from xgraph.training.fit.seeding import own_random_streams
from xgraph.training.loggers.logbook import log_summary
from xgraph.training.scoring.details import mean_details


class Member(NamedTuple):
    """A fold or a seed of a run: the name of its directory, its settings, and what is said when it is trained."""

    folder: str
    config: TrainConfig
    title: str


def train_any(
    config: TrainConfig, out: str | Path | None, resume: bool, progress: bool, device: str, given: Any = None
) -> Run:
    """Train a single run, or one per fold and seed."""
    if _over_folds(config) or config.seeds > 1:
        return _train_members(config, out, resume, progress, device, given)
    with own_random_streams(config.seed, config.threads):
        return train_one(config, out, resume, progress, device, given)


def _over_folds(config: TrainConfig) -> bool:
    return config.fold == "all" or isinstance(config.fold, list)


def _train_members(
    config: TrainConfig, out: str | Path | None, resume: bool, progress: bool, device: str, given: Any
) -> Run:
    """Train the members of a run and summarise them; finished ones are not trained again."""
    if _over_folds(config):
        folds = chosen_folds(config, given)
        if not resume:
            _check_folds(config, folds, given)
        members = [Member(f"{FOLD}{fold}", config.replace(fold=fold), f"fold={fold}") for fold in folds]
    else:
        members = _seeds(config)
    path = from_first(lambda: _place_of(out, resume, config))
    with _told_once():
        runs = [_train_member(member, path, config, progress, device, given) for member in members]
    metrics = from_first(lambda: _summary(config, path, runs))
    return Run(path, metrics)


def _train_member(member: Member, path: Path, config: TrainConfig, progress: bool, device: str, given: Any) -> Run:
    """Train a member of a run, or resume it, unless it has finished."""
    folder = path / member.folder
    started, finished = from_first(partial(_state_of, folder, member.config))
    if finished:
        from_first(partial(_restore, folder))
        run = Run.open(folder)
        if any(getattr(run.config, name) != getattr(config, name) for name in PATHS) and rank() == 0:
            move(folder, member.config)
        return run
    if progress:
        sys.stderr.write(f"{member.title}\n")
    try:
        return train_any(member.config, folder, started, progress, device, given)
    except KeyboardInterrupt as stop:
        raise Interrupted(path, getattr(stop, "signum", signal.SIGINT)) from None
    except Exception:
        if rank() == 0:
            discard(path)
        raise


@contextmanager
def _told_once() -> Iterator[None]:
    """Show each warning once, since members have mostly the same data."""
    said: set[str] = set()
    show = warnings.showwarning

    def once(message: Warning | str, *rest: Any, **more: Any) -> None:
        if str(message) not in said:
            said.add(str(message))
            show(message, *rest, **more)

    warnings.showwarning = once
    try:
        yield
    finally:
        warnings.showwarning = show


def _seeds(config: TrainConfig) -> list[Member]:
    """Return the members of a run over seeds; all have the parts of the first one."""
    parts = config.seed if config.split_seed is None else config.split_seed
    every = range(config.seed, config.seed + config.seeds)
    return [
        Member(f"{SEED}{seed}", config.replace(seed=seed, seeds=1, split_seed=parts), f"seed={seed}") for seed in every
    ]


def _summary(config: TrainConfig, path: Path, runs: list[Run]) -> dict[str, Any]:
    """Write the metrics of a run over folds or seeds: means, deviations, and those of the ensemble of the seeds."""
    from xgraph.training.fit.baseline import summarize_baselines

    every = [run.metrics for run in runs]
    metrics = summarize_folds(every, "folds" if _over_folds(config) else "seeds")
    known = [one["details"] for one in every if "details" in one]
    if len(known) == len(runs):
        metrics["details"] = {part: mean_details([one[part] for one in known]) for part in known[0]}
    if all("constraints" in one for one in every):
        metrics["constraints"] = mean_constraints([one["constraints"] for one in every])
    singles = single_runs(metrics)
    if "pretrained" in singles[0]:
        metrics["pretrained"] = singles[0]["pretrained"]
    if config.baseline:
        metrics["baseline"] = summarize_baselines(singles)
    if config.choose:
        metrics["chosen"] = [one["chosen"] for one in singles]
    if not _over_folds(config):
        from xgraph.training.fit.ensemble import ensemble_results

        metrics["ensemble"] = ensemble_results(path, [run.path for run in runs])
    elif config.seeds > 1:
        ensembles = summarize_folds([one["ensemble"] for one in every])
        metrics["ensemble"] = {part: ensembles[part] for part in ("test", "valid") if part in ensembles}
    write_json(path / METRICS, metrics)
    log_summary(path, config, metrics)
    return metrics


def _place_of(out: str | Path | None, resume: bool, config: TrainConfig) -> Path:
    """Return the directory of the run, with its settings."""
    path = Path(out) if resume and out is not None else make_run_directory(out, config)
    with locked(path):  # which removes what a killed process left
        write_config(path, config)
    return path


def _state_of(folder: Path, config: TrainConfig) -> tuple[bool, bool]:
    """Whether a member has been started, and whether nothing is left to do for it."""
    started = (folder / CONFIG).is_file()
    return started, started and _is_finished(folder, config)


def _is_finished(folder: Path, config: TrainConfig) -> bool:
    """Whether nothing is left to do for a member."""
    if not (folder / METRICS).is_file():
        return False
    run = Run.open(folder)
    constrained = config.retain is not None or config.fair_column is not None
    later = (("baseline", config.baseline), ("chosen", config.choose), ("constraints", constrained))
    wanted = [name for name, set_ in later if set_]
    same = (run.config.epochs, run.config.seeds) == (config.epochs, config.seeds)
    return same and all(name in run.metrics for name in wanted)


def _restore(folder: Path) -> None:
    """Write the histories of a finished member."""
    from xgraph.training.files.resume import restore_history

    for leaf in leaf_folders(folder):
        restore_history(leaf)


def _check_folds(config: TrainConfig, folds: list[int], given: Any) -> None:
    """Refuse folds of one's own table that cannot be trained on before the first one is trained."""
    if given is None and not Path(config.dataset).is_file():
        return
    from xgraph.training.fit.labels.check import check_data

    for fold in folds:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they come again when the fold is trained
            source = load_data(config.replace(fold=fold), False, given)
            try:
                check_data(source)
            except ValueError as error:
                raise ValueError(f"fold {fold}: {error}") from None
