"""Train a single run in its directory."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgraph.distributed import rank
from xgraph.distributed.processes import first_before_others, from_first
from xgraph.training.config.build import TrainConfig
from xgraph.training.files.lock import locked
from xgraph.training.files.rundir import Run, check_files, check_free, config_values, make_run_directory
from xgraph.training.files.warned import Warned, warned
from xgraph.training.fit.labels.announce import announcement
from xgraph.training.fit.launch.guard import Stage, guarded
from xgraph.training.fit.loading import load_again, load_data
from xgraph.training.loggers.logbook import Logbook, logged

if TYPE_CHECKING:
    from lightning.pytorch.callbacks import Callback


def train_one(
    config: TrainConfig, out: str | Path | None, resume: bool, progress: bool, device: str, given: Any = None
) -> Run:
    """Train one run. Call it within `own_random_streams`."""
    with warned() as given_warnings:
        return _train_one(config, out, resume, progress, device, given, given_warnings)


def _train_one(
    config: TrainConfig, out: str | Path | None, resume: bool, progress: bool, device: str, given: Any, warned: Warned
) -> Run:
    with first_before_others():  # which find its cached features
        source = load_again(config, out, progress, given) if resume else load_data(config, progress, given)
    import torch

    from xgraph.training.fit.baseline import add_baseline
    from xgraph.training.fit.choice import check_choice, choose
    from xgraph.training.fit.engine import fit, prepare  # Lightning takes seconds to import
    from xgraph.training.fit.labels.check import check_data

    check_data(source)
    check_choice(config, source)
    threads = torch.get_num_threads()  # a small network may take fewer
    task = prepare(config, source)
    path = from_first(lambda: Path(out) if resume and out is not None else make_run_directory(out, config))
    if progress:
        parts = ", ".join(f"{len(source.splits[name])} {name}" for name in ("train", *source.scored))
        sys.stderr.write(f"{source.name}: {parts} {source.noun}; run directory {path}\n")
        terms = getattr(task, "terms", None)
        lines = [*announcement(source), *(terms.announcement() if terms is not None else ())]
        sys.stderr.writelines(f"{line}\n" for line in lines)
    callbacks = _callbacks(task.metric) if progress else []
    stage = Stage()
    with guarded(path, resume=resume, stage=stage), locked(path) if rank() == 0 else nullcontext():
        from_first(lambda: _prepare_directory(path, resume))
        from_first(lambda: warned.keep_in(path))
        with logged(Logbook(path, config.logger, config_values(config))) as book:
            from_first(book.open)
            metrics = fit(task, path, device=device, resume=resume, callbacks=callbacks, book=book)

            def finish() -> dict[str, Any]:
                done = metrics
                if config.baseline:
                    stage.lacking = "its baseline"
                    done = add_baseline(config, source, path, done, device=device, threads=threads, progress=progress)
                if config.choose:
                    stage.lacking = "the choice among its models"
                    done = choose(config, source, path, done, device=device, progress=progress)
                book.results(done)
                return done

            return Run(path, from_first(finish))


def _prepare_directory(path: Path, resume: bool) -> None:
    from xgraph.training.fit.choice import restore_network

    if not resume:
        check_free(path)  # another run may have written to it in the meantime
    check_files(path)
    restore_network(path)


def _callbacks(metric: str) -> "list[Callback]":
    from xgraph.training.fit.progress import EpochBar, EpochLines

    if sys.stderr.isatty():
        return [EpochBar(metric)]
    return [EpochLines(metric)]
