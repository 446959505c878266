"""After each epoch: the history, the last checkpoint, and the one of the main stage that is kept."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from lightning.fabric.plugins import CheckpointIO
from lightning.pytorch.callbacks import Callback

from xgraph.training.files.checkpoint import read_checkpoint, write_checkpoint
from xgraph.training.files.rundir import BEST, HISTORY, LAST
from xgraph.training.files.writing import write_csv


class CheckpointFiles(CheckpointIO):
    """How Lightning's checkpoints are written and read: by our own functions, atomically and without pickles."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write one."""
        write_checkpoint(checkpoint, path)

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read one to the CPU, always with `weights_only`."""
        return read_checkpoint(path)

    def remove_checkpoint(self, path: Any) -> None:
        """Delete one."""
        Path(path).unlink(missing_ok=True)


class CheckpointCallback(Callback):
    """Writes `metrics.csv`, `last.ckpt` and `best.ckpt`; its memory is part of the checkpoints."""

    def __init__(self, path: Path, metric: str, keep: str = "best") -> None:
        self.path, self.metric, self.keep = path, metric, keep
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Any] | None = None

    @property
    def state_key(self) -> str:
        """Its key in checkpoints, the same as in those of earlier versions."""
        return "Keeper"

    def state_dict(self) -> dict[str, Any]:
        """The history and the epoch that is kept, as plain values."""
        return {"history": self.history, "best": self.best}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take up what a checkpoint holds."""
        self.history, self.best = list(state_dict["history"]), state_dict["best"]

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep what this epoch gave."""
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
        """Write `metrics.csv`."""
        metrics = dict.fromkeys(name for entry in self.history for name in entry if name.startswith("valid_"))
        columns = ("epoch", "stage", "train_loss", *metrics, "lr", "seconds")
        write_csv(self.path / HISTORY, columns, ([entry.get(name) for name in columns] for entry in self.history))

    def _beats(self, row: Mapping[str, Any]) -> bool:
        if self.best is None or self.keep == "last":
            return True
        now, best = row[f"valid_{self.metric}"], self.best[f"valid_{self.metric}"]
        return math.isnan(best) or now > best
