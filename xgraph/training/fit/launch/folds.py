"""Train one run per fold and summarise them."""

import signal
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

from xgraph.distributed import rank
from xgraph.distributed.processes import from_first
from xgraph.training.config.build import TrainConfig
from xgraph.training.config.folds import chosen_folds, summarize_folds
from xgraph.training.files.lock import locked
from xgraph.training.files.rundir import CONFIG, METRICS, PATHS, Run, discard, make_run_directory, move, write_config
from xgraph.training.files.writing import write_json
from xgraph.training.fit.launch.guard import Interrupted
from xgraph.training.fit.launch.one import train_one
from xgraph.training.fit.loading import load_data
from xgraph.training.fit.seeding import own_random_streams
from xgraph.training.scoring.details import mean_details


def train_folds(
    config: TrainConfig, out: str | Path | None, resume: bool, progress: bool, device: str, given: Any = None
) -> Run:
    """Train one run per fold and summarise them; finished folds are not trained again."""
    from xgraph.training.files.resume import restore_history
    from xgraph.training.fit.baseline import summarize_baselines

    folds = chosen_folds(config, given)
    if not resume:
        _check_folds(config, folds, given)
    path = from_first(lambda: _place_of(out, resume, config))
    runs = []
    for fold in folds:
        folder = path / f"fold_{fold}"
        one = config.replace(fold=fold)
        started, finished = from_first(partial(_state_of, folder, config))
        if finished:
            from_first(partial(restore_history, folder))
            runs.append(Run.open(folder))
            if any(getattr(runs[-1].config, name) != getattr(config, name) for name in PATHS) and rank() == 0:
                move(folder, one)
            continue
        if progress:
            sys.stderr.write(f"fold={fold}\n")
        try:
            with own_random_streams(config.seed, config.threads):
                runs.append(train_one(one, folder, started, progress, device, given))
        except KeyboardInterrupt as stop:
            raise Interrupted(path, getattr(stop, "signum", signal.SIGINT)) from None
        except Exception:
            if rank() == 0:
                discard(path)
            raise
    metrics = summarize_folds([run.metrics for run in runs])
    known = [run.metrics["details"] for run in runs if "details" in run.metrics]
    if len(known) == len(runs):
        metrics["details"] = {part: mean_details([one[part] for one in known]) for part in known[0]}
    if "pretrained" in runs[0].metrics:
        metrics["pretrained"] = runs[0].metrics["pretrained"]
    if config.baseline:
        metrics["baseline"] = summarize_baselines([run.metrics for run in runs])
    if config.choose:
        metrics["chosen"] = [run.metrics["chosen"] for run in runs]
    from_first(lambda: write_json(path / METRICS, metrics))
    return Run(path, metrics)


def _place_of(out: str | Path | None, resume: bool, config: TrainConfig) -> Path:
    """Return the directory of the run, with its settings."""
    path = Path(out) if resume and out is not None else make_run_directory(out, config)
    with locked(path):  # which removes what a killed process left
        write_config(path, config)
    return path


def _state_of(folder: Path, config: TrainConfig) -> tuple[bool, bool]:
    """Whether a fold has been started, and whether nothing is left to do for it."""
    started = (folder / CONFIG).is_file()
    return started, started and _is_finished(folder, config)


def _is_finished(folder: Path, config: TrainConfig) -> bool:
    """Whether nothing is left to do for a fold."""
    if not (folder / METRICS).is_file():
        return False
    run = Run.open(folder)
    wanted = [name for name, set_ in (("baseline", config.baseline), ("chosen", config.choose)) if set_]
    return run.config.epochs == config.epochs and all(name in run.metrics for name in wanted)


def _check_folds(config: TrainConfig, folds: list[int], given: Any) -> None:
    """Refuse folds of one's own table that cannot be trained on before the first one is trained."""
    if given is None and not Path(config.dataset).is_file():
        return
    from xgraph.training.fit.check import check_data

    for fold in folds:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they come again when the fold is trained
            source = load_data(config.replace(fold=fold), False, given)
            try:
                check_data(source)
            except ValueError as error:
                raise ValueError(f"fold {fold}: {error}") from None
