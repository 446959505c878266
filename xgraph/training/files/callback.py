"""The callback that writes the metric history and the checkpoints after each epoch."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.distributed as dist
from lightning import LightningModule, Trainer
from lightning.fabric.plugins import CheckpointIO
from lightning.pytorch.callbacks import Callback

from xgraph.distributed import rank, world_size
from xgraph.signals import Stopped, asked
from xgraph.training.config.sections import interval
from xgraph.training.files.checkpoint import read_checkpoint, write_checkpoint
from xgraph.training.files.history import KEPT, write_history
from xgraph.training.files.rundir import BEST, LAST
from xgraph.training.scoring.direction import higher_is_better


class CheckpointFiles(CheckpointIO):
    """Writes and reads Lightning's checkpoints with our own functions: atomically, and without pickles."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write a checkpoint."""
        write_checkpoint(checkpoint, path)

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint to the CPU, always with ``weights_only=True``."""
        return read_checkpoint(path)

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a checkpoint."""
        Path(path).unlink(missing_ok=True)


class CheckpointCallback(Callback):
    """Writes ``metrics.csv``, ``last.ckpt`` and ``best.ckpt`` after each epoch, and ``last.ckpt`` within one.

    Its own state, the metric history and the best epoch so far, is saved in the checkpoints. When a signal asks the
    process to stop, the run is saved after the current step, and `Stopped` is raised.

    Args:
        path: The run directory.
        metric: Name of the validation metric that selects the best epoch. Of epochs with the same value, the one with
            the higher average precision is better, then the one with the higher ROC-AUC, then the earlier one. Of
            errors, lower values are better.
        keep: Which epoch of the main stage to keep as ``best.ckpt``: the "best" one or the "last" one.
        every: When to save within an epoch, as in `RunSettings.checkpoint_every`; by default only when asked to stop.
    """

    KEY: ClassVar[str] = "Keeper"
    """Key of its state in checkpoints; unchanged from earlier versions so that old checkpoints load."""

    def __init__(self, path: Path, metric: str, keep: str = "best", every: str | None = None) -> None:
        self.path, self.metric, self.keep = path, metric, keep
        self.every = None if every is None else interval(every)
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Any] | None = None
        self._saved = time.monotonic()

    @property
    def state_key(self) -> str:
        """The key of its state in checkpoints."""
        return self.KEY

    @property
    def epochs(self) -> int:
        """Number of epochs that have been finished."""
        return int(self.history[-1]["epoch"]) if self.history else 0

    def state_dict(self) -> dict[str, Any]:
        """Return the history and the kept epoch as plain values."""
        return {"history": self.history, "best": self.best}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore the state from a checkpoint."""
        self.history, self.best = list(state_dict["history"])[-KEPT:], state_dict["best"]

    def after_step(self, trainer: Trainer, task: Any) -> None:
        """Save the run within an epoch if it is time to, or if a signal has asked to stop."""
        due = self.every is not None and self.every.is_due(task.steps, self._saved)
        signum, due = _agreed(due, task)
        if signum or due:
            self._save_within(trainer, task)
        if signum:
            raise Stopped(signum)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the epoch and write the files."""
        task: Any = pl_module
        row = {
            "epoch": trainer.current_epoch + 1,
            "stage": task.stage,
            "train_loss": task.train_loss,
            **{f"valid_{name}": value for name, value in task.valid_metrics.items()},
            "lr": trainer.optimizers[0].param_groups[0]["lr"],
            "seconds": round(task.seconds, 3),
        }
        self.history.append(row)
        del self.history[:-KEPT]
        improved = row["stage"] == "main" and self._beats(row)
        if improved:
            self.best = row
            trainer.save_checkpoint(self.path / BEST)
        trainer.save_checkpoint(self.path / LAST)
        self._saved = time.monotonic()
        self.write_history()
        if signum := _agreed(False, task)[0]:
            raise Stopped(signum)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Save the run if it was stopped while the validation part was scored: all steps of the epoch are done."""
        task: Any = pl_module
        if isinstance(exception, Stopped) and task.scoring and world_size() == 1:
            self._save_within(trainer, task)

    def write_history(self, *, opened: bool = False) -> None:
        """Write `metrics.csv`; the first of several processes does so."""
        if rank() == 0:
            write_history(self.path, self.history, opened=opened)

    def _save_within(self, trainer: Trainer, task: Any) -> None:
        with task.within_epoch():
            trainer.save_checkpoint(self.path / LAST)
        self._saved = time.monotonic()

    def _beats(self, row: Mapping[str, Any]) -> bool:
        if self.best is None or self.keep == "last":
            return True
        now, best = self._standing(row), self._standing(self.best)
        return math.isnan(best[0]) or now > best  # a NaN is not greater than anything

    def _standing(self, row: Mapping[str, Any]) -> tuple[float, ...]:
        """Return the metric that selects and, for epochs that have it in common, AP and ROC-AUC."""
        first, *others = (row.get(f"valid_{name}", math.nan) for name in (self.metric, "ap", "roc_auc"))
        return (first if higher_is_better(self.metric) else -first, *others)


def _agreed(due: bool, task: Any) -> tuple[int, bool]:
    """Return the signal that has asked any of the processes to stop, or 0, and whether a checkpoint is due in any."""
    signum = asked() or 0
    if world_size() > 1:
        both = torch.tensor([signum, int(due)], device=task.device)
        dist.all_reduce(both, dist.ReduceOp.MAX)
        signum, due = int(both[0]), bool(both[1])
    return signum, due
