"""One fit: Lightning's trainer set up quietly, then the best epoch scored and everything written down."""

import logging
import math
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from lightning import Trainer
from lightning.pytorch.callbacks import Callback

from xgraph.options import OptionError
from xgraph.training.checkpoint import HEADER, check_same_run, load_model, read_checkpoint, start_from
from xgraph.training.config import TrainConfig
from xgraph.training.environment import write_environment
from xgraph.training.files import distinct, write_csv, write_json
from xgraph.training.inference import probability, score
from xgraph.training.keeper import Files, Keeper
from xgraph.training.rundir import BEST, LAST, METRICS, PREDICTIONS, write_config
from xgraph.training.scoring import score_split
from xgraph.training.task import Task

if TYPE_CHECKING:
    from xgraph.data import MoleculeDataset

# Advice for other set-ups than ours; everything else that Lightning warns of is shown.
_NOISE = (
    r".*does not have many workers.*",
    r".*Checkpoint directory .* exists.*",
    r".*GPU available but not used.*",
    r".*is smaller than the logging interval.*",
    r".*Total length of `.*` across ranks is zero.*",
    r".*`isinstance\(treespec, LeafSpec\)` is deprecated.*",
    r".*Found .* module\(s\) in eval mode at the start of training.*",
)


def check_data(data: "MoleculeDataset") -> None:
    """Refuse data that cannot be trained on, and warn of data that can hardly be.

    Args:
        data: The data set.

    Raises:
        ValueError: If a split is missing, or the training split has one class only.
    """
    for name in ("train", "valid", "test"):
        if name not in data.splits:
            there = ", ".join(data.splits) or "none"
            raise ValueError(f"dataset: {data.name!r} has no split {name!r} (it has: {there}); see --split")
    y = data.y[data.splits["train"]].numpy()
    if len(y) == 0:
        raise ValueError(
            f"dataset: this split of {data.name!r} leaves no molecule to train on; where nearly all molecules "
            "share one scaffold, --split random helps"
        )
    positives, negatives = (y == 1).sum(axis=0), (y == 0).sum(axis=0)
    lacking = [f"{data.task_names[t]!r}" for t in np.flatnonzero((positives == 0) | (negatives == 0))]
    if len(lacking) == data.num_tasks:
        raise ValueError(
            f"dataset: the training split of {data.name!r} has one class only: {int(positives.sum())} positive and "
            f"{int(negatives.sum())} negative labels among {len(y)} molecules; both are needed"
        )
    if lacking:
        warnings.warn(f"one class only in the training split: {', '.join(lacking)}; not learned", stacklevel=3)


def prepare(config: TrainConfig, data: "MoleculeDataset") -> Task:
    """Build model, loss and samplers, within `own_random_streams`. Nothing is written.

    Args:
        config: Settings.
        data: Data set, checked.

    Raises:
        OptionError: (a ValueError): an option is out of range.
        ValueError: If the run to start from does not fit.
    """
    task = Task(config, data)
    if config.init is not None:
        source = find_checkpoint(config.init)
        start_from(task.model, read_checkpoint(source), list(data.task_names), source)
    return task


def fit(
    task: Task, path: Path, *, device: str, resume: bool = False, callbacks: list[Callback] | None = None
) -> dict[str, Any]:
    """Train, select and test; fill the run directory. Call it within `own_random_streams`.

    Args:
        task: What `prepare` built.
        path: The run directory, which exists.
        device: "cpu" or "cuda".
        resume: Go on after the last epoch in `path`, if there is one.
        callbacks: Further callbacks, for example a progress bar.

    Returns:
        What `metrics.json` holds.

    Raises:
        ValueError: If training diverges, or a checkpoint is unreadable or does not belong to this run.
        KeyboardInterrupt: If interrupted; the run can be resumed.
    """
    config, data = task.config, task.data
    last = path / LAST if resume and (path / LAST).exists() else None
    if last is not None:
        state = read_checkpoint(last)
        check_same_run(state[HEADER], config, data, last)
        if state["epochs_done"] > config.pretrain_epochs + config.epochs:
            raise OptionError(
                f"epochs = {config.epochs}: {path} has done {state['epochs_done'] - config.pretrain_epochs} already"
            )
    write_config(path, config)
    write_environment(path, device)
    keeper = Keeper(path, task.metric)
    with _quiet_lightning():
        trainer = Trainer(
            accelerator="gpu" if device == "cuda" else "cpu",
            devices=1,
            max_epochs=config.pretrain_epochs + config.epochs,
            reload_dataloaders_every_n_epochs=1,  # the stages have samplers of their own
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=path,
            enable_checkpointing=False,  # Lightning's own; the keeper does it
            callbacks=[keeper, *(callbacks or [])],  # in this order: what is announced is kept
            plugins=[Files()],
        )
        _run(trainer, task, last)
    return _conclude(data, path, keeper, device)


def find_checkpoint(run: str | Path) -> Path:
    """The best checkpoint of a run.

    Args:
        run: A run directory, or a checkpoint file.

    Raises:
        FileNotFoundError: If there is none.
    """
    path = Path(run)
    if path.is_file():
        return path
    for name in (BEST, LAST):
        if (path / name).is_file():
            return path / name
    raise FileNotFoundError(f"init: {path} holds no checkpoint ({BEST})")


def _run(trainer: Trainer, task: Task, last: Path | None) -> None:
    """Fit. Lightning answers an interruption by leaving the program with SIGINT ignored: undo both."""
    in_main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(task, ckpt_path=last)
    except SystemExit:
        if not trainer.interrupted:
            raise
        raise KeyboardInterrupt from None
    finally:
        if in_main:
            signal.signal(signal.SIGINT, handler)
    if trainer.interrupted:
        raise KeyboardInterrupt


def _conclude(data: "MoleculeDataset", path: Path, keeper: Keeper, device: str) -> dict[str, Any]:
    """Score the best epoch on the validation and test splits, and write metrics and predictions."""
    best = keeper.best or {}
    if math.isnan(best[f"valid_{keeper.metric}"]):
        warnings.warn(
            f"the validation split of {data.name!r} lacks positives or negatives, so no epoch can be selected by "
            f"{keeper.metric}: the last epoch is kept",
            stacklevel=4,
        )
    model = load_model(read_checkpoint(path / BEST))
    metrics: dict[str, Any] = {"test": {}, "valid": {}}
    rows: list[list[object]] = []
    for name in ("valid", "test"):
        positions = data.splits[name]
        logits = score(model, data, positions, device=device)
        y = data.y[positions].numpy()
        metrics[name] = score_split(data.name, y, logits)
        if name == "test" and math.isnan(metrics[name][keeper.metric]):
            warnings.warn(
                f"the test split of {data.name!r} lacks positives or negatives: it has no {keeper.metric}", stacklevel=4
            )
        for p, labels, scores in zip(positions.tolist(), y.tolist(), probability(logits).tolist(), strict=True):
            known = ["" if math.isnan(label) else int(label) for label in labels]
            cells = [cell for pair in zip(known, scores, strict=True) for cell in pair]
            rows.append([name, int(data.row[p]), data.smiles[p], *cells])
    columns = [column for task in data.task_names for column in (task, f"{task}_score")]
    places = ["split", "row", "smiles"]
    write_csv(path / PREDICTIONS, [*places, *distinct(columns, taken=places)], rows)
    metrics |= {"selected_by": keeper.metric, "best_epoch": best["epoch"], "epochs": len(keeper.history)}
    metrics |= {"dataset": data.name, "unreadable_rows": len(data.errors)}
    write_json(path / METRICS, metrics)
    return metrics


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Drop Lightning's announcements and the advice that does not apply, not its warnings."""
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
