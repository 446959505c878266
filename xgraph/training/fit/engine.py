"""One fit: set up Lightning's trainer, train, score the kept epoch and write the results."""

import logging
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning import Trainer
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.strategies import DDPStrategy

from xgraph.distributed import rank, world_size
from xgraph.distributed.environment import place
from xgraph.estimators import skip_infinite
from xgraph.options import OptionError
from xgraph.signals import Stopped, asked, at_steps
from xgraph.training.config.build import TrainConfig
from xgraph.training.files.callback import CheckpointCallback, CheckpointFiles
from xgraph.training.files.checkpoint import HEADER, check_same_run, read_checkpoint
from xgraph.training.files.environment import write_environment
from xgraph.training.files.leaks import warn_of_leaks
from xgraph.training.files.resume import check_resumable, check_same_settings, read_last
from xgraph.training.files.rundir import LAST, write_config
from xgraph.training.files.saved_model import copy_head_of_shared_tasks, start_from
from xgraph.training.fit.constraints.earlier import find_run
from xgraph.training.fit.constraints.terms import make_terms
from xgraph.training.fit.fitted import FittedTask, fit_in_single_step
from xgraph.training.fit.machine.precision import plugins_of
from xgraph.training.fit.machine.threads import set_usual_threads
from xgraph.training.fit.results import write_results
from xgraph.training.fit.resumable import THREADS
from xgraph.training.fit.task import Task
from xgraph.training.loggers.callback import epoch_loggers
from xgraph.training.loggers.logbook import Logbook

if TYPE_CHECKING:
    from xgraph.training.sources import Source

# Advice that does not apply to our set-up; all other warnings of Lightning are shown.
_NOISE = (
    r".*does not have many workers.*",
    r".*Checkpoint directory .* exists.*",
    r".*GPU available but not used.*",
    r".*`broadcast_buffers` is deprecated.*",
    r".*is smaller than the logging interval.*",
    r".*Total length of `.*` across ranks is zero.*",
    r".*`isinstance\(treespec, LeafSpec\)` is deprecated.*",
    r".*Found .* module\(s\) in eval mode at the start of training.*",
)


def prepare(config: TrainConfig, source: "Source") -> Task | FittedTask:
    """Build model, loss and samplers, without writing anything. Call it within `own_random_streams`."""
    if config.fitted:
        return FittedTask(config, source)
    task = Task(config, source)
    if config.init is not None:
        path = find_run(config.init, config, "init")
        state = read_checkpoint(path)
        warn_of_leaks(task.header, state[HEADER], source)
        if not start_from(task.model, state, source, path) and config.retain:
            copy_head_of_shared_tasks(task.model, state, source)
    return task


def fit(
    task: Task | FittedTask,
    path: Path,
    *,
    device: str,
    resume: bool = False,
    callbacks: list[Callback] | None = None,
    book: Logbook | None = None,
) -> dict[str, Any]:
    """Train, select and test, and write the run directory. Call it within `own_random_streams`."""
    if isinstance(task, FittedTask):
        metrics = fit_in_single_step(task, path, device=device, resume=resume, progress=bool(callbacks))
        terms = make_terms(task.config, task.source)
        return metrics if terms is None else terms.add_to(metrics, task.source, path, device)
    callback = CheckpointCallback(path, task.metric, task.config.keep, task.config.checkpoint_every)
    if task.config.threads is None:
        set_usual_threads(task, device)
    last = resume_point(task, callback) if resume else None
    if rank() == 0:
        write_config(path, task.config)
        write_environment(path, device)
    run_epochs(task, callback, last, device=device, callbacks=[*(callbacks or []), *epoch_loggers(book, callback)])
    if rank() > 0:
        return {}
    metrics = write_results(task.source, task.main_loss.link, callback, device)
    return metrics if task.terms is None else task.terms.add_to(metrics, task.source, path, device)


def resume_point(task: Task, callback: CheckpointCallback) -> Path | None:
    """Return the checkpoint to resume from, or None if there is none yet; write `metrics.csv` from it.

    The number of CPU threads is that of the checkpoint, unless the settings name one.
    """
    path = callback.path
    last = path / LAST
    if not last.exists():
        return None
    config, state = task.config, read_last(path)
    check_same_settings(state[HEADER], config, last)
    check_same_run(state[HEADER], config, task.source, last)
    if state["epochs_done"] > config.epochs:
        raise OptionError(
            f"epochs = {config.epochs}: {path} has already done {state['epochs_done']}; "
            "epochs is the total, so give a larger number"
        )
    check_resumable(state, last)
    if config.threads is None and THREADS in state:
        torch.set_num_threads(min(max(int(state[THREADS]), 1), 1024))
    callback.load_state_dict(state["callbacks"][callback.state_key])
    callback.write_history(opened=True)
    return last


def run_epochs(
    task: Task, callback: CheckpointCallback, last: Path | None, *, device: str, callbacks: list[Callback] | None = None
) -> None:
    """Train for the remaining epochs."""
    if task.config.precision == "fp16":
        skip_infinite(task)
    with _quiet_lightning():
        trainer = Trainer(
            accelerator="gpu" if device == "cuda" else "cpu",
            **_processes(),
            max_epochs=task.config.epochs,
            reload_dataloaders_every_n_epochs=1,  # each stage has its own sampler
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=callback.path,
            enable_checkpointing=False,  # CheckpointCallback writes the checkpoints
            callbacks=[callback, *(callbacks or [])],  # in this order: an epoch is saved before it is announced
            plugins=[CheckpointFiles(), *plugins_of(task.config.precision, device)],
        )
        # `xgraph.signals` handles signals: Lightning would end a run in spite of the caller's own handler.
        trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]
        with at_steps():
            _run(trainer, task, last)
        if world_size() == 1 and (signum := asked()) is not None:  # after the last epoch
            raise Stopped(signum)


def _processes() -> dict[str, Any]:
    """Return the arguments of Lightning's trainer for the processes of this run, which have been started and joined."""
    here = place()
    if here is None or world_size() == 1:
        return {"devices": 1}
    strategy = DDPStrategy(
        cluster_environment=TorchElasticEnvironment(),
        find_unused_parameters=True,  # a stage need not train all of them
        broadcast_buffers=False,  # tables and statistics are the same in all processes
    )
    return {"devices": here.local_size, "num_nodes": here.world_size // here.local_size, "strategy": strategy}


def _run(trainer: Trainer, task: Task, last: Path | None) -> None:
    """Fit. When stopped, Lightning exits the program and leaves SIGINT ignored: undo both."""
    in_main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(task, ckpt_path=last)
    except SystemExit:
        if not trainer.interrupted:
            raise
        raise Stopped(asked() or signal.SIGINT) from None
    except Exception as error:  # of many types, by what does not fit
        if last is None or task.started:
            raise
        what = " ".join(str(error).split())[:300] or type(error).__name__
        raise ValueError(f"resume: {last} does not fit this run: {what}; start a new run") from error
    finally:
        if in_main:
            signal.signal(signal.SIGINT, handler)
    if trainer.interrupted:
        raise Stopped(asked() or signal.SIGINT)


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Silence Lightning's announcements and the advice that does not apply, but not its other warnings."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        with warnings.catch_warnings():
            for message in _NOISE:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
