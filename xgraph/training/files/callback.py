"""The callback that writes the metric history and the checkpoints after each epoch."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from lightning.fabric.plugins import CheckpointIO
from lightning.pytorch.callbacks import Callback

from xgraph.distributed import rank
from xgraph.training.files.checkpoint import read_checkpoint, write_checkpoint
from xgraph.training.files.rundir import BEST, HISTORY, LAST
from xgraph.training.files.writing import write_csv


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
    """Writes ``metrics.csv``, ``last.ckpt`` and ``best.ckpt`` after each epoch.

    Its own state, the metric history and the best epoch so far, is saved in the checkpoints.

    Args:
        path: The run directory.
        metric: Name of the validation metric that selects the best epoch. Of epochs with the same value, the one with
            the higher average precision is better, then the one with the higher ROC-AUC, then the earlier one.
        keep: Which epoch of the main stage to keep as ``best.ckpt``: the "best" one or the "last" one.
    """

    def __init__(self, path: Path, metric: str, keep: str = "best") -> None:
        self.path, self.metric, self.keep = path, metric, keep
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Any] | None = None

    @property
    def state_key(self) -> str:
        """The key of its state in checkpoints; unchanged from earlier versions so that old checkpoints load."""
        return "Keeper"

    def state_dict(self) -> dict[str, Any]:
        """Return the history and the kept epoch as plain values."""
        return {"history": self.history, "best": self.best}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore the state from a checkpoint."""
        self.history, self.best = list(state_dict["history"]), state_dict["best"]

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
        improved = row["stage"] == "main" and self._beats(row)
        if improved:
            self.best = row
            trainer.save_checkpoint(self.path / BEST)
        trainer.save_checkpoint(self.path / LAST)
        self.write_history()

    def write_history(self) -> None:
        """Write `metrics.csv`; the first of several processes does so."""
        if rank() > 0:
            return
        metrics = dict.fromkeys(name for entry in self.history for name in entry if name.startswith("valid_"))
        columns = ("epoch", "stage", "train_loss", *metrics, "lr", "seconds")
        write_csv(self.path / HISTORY, columns, ([entry.get(name) for name in columns] for entry in self.history))

    def _beats(self, row: Mapping[str, Any]) -> bool:
        if self.best is None or self.keep == "last":
            return True
        now, best = self._standing(row), self._standing(self.best)
        return math.isnan(best[0]) or now > best  # a NaN is not greater than anything

    def _standing(self, row: Mapping[str, Any]) -> tuple[float, ...]:
        """Return the metric that selects and, for epochs that have it in common, AP and ROC-AUC."""
        return tuple(row.get(f"valid_{name}", math.nan) for name in (self.metric, "ap", "roc_auc"))
