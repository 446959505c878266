"""Progress of a run on stderr: a live bar on a terminal, one line per epoch elsewhere."""

import math
import sys
import time
from typing import IO, TYPE_CHECKING, Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from xgraph.training.files.callback import CheckpointCallback
from xgraph.training.fit.bars import make_bar
from xgraph.training.scoring.direction import better

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_EVERY = 1.0
"""Seconds between two looks at the loss within an epoch."""


class EpochLines(Callback):
    """Writes one line of ``name=value`` pairs per epoch.

    Args:
        metric: Name of the validation metric to show.
        stream: Where to write; by default stderr.
    """

    def __init__(self, metric: str, stream: IO[str] | None = None) -> None:
        self.metric = metric
        self.stream = stream or sys.stderr

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the line."""
        task: Any = pl_module
        value = task.valid_metrics.get(self.metric)
        valid = "" if value is None else f"valid_{self.metric}={value:.4f} "
        self.stream.write(
            f"epoch={trainer.current_epoch + 1}/{trainer.max_epochs} stage={task.stage} loss={task.train_loss:.5g} "
            f"{valid}seconds={task.seconds:.1f}\n"
        )
        self.stream.flush()


class EpochBar(Callback):
    """Shows a bar over all steps of the run: stage, its loss, the validation metric, the best so far, the time left.

    Args:
        metric: Name of the validation metric to show.
    """

    def __init__(self, metric: str) -> None:
        self.metric = metric
        self._bar: Progress | None = None
        self._id: TaskID | None = None
        self._best = float("nan")
        self._valid = ""
        self._shown = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the bar."""
        self._bar = make_bar("{task.fields[note]}")
        self._bar.start()
        self._id = self._bar.add_task("", total=1, note="")
        self._best = _best_before(trainer, self.metric)  # of the epochs before a run was resumed
        self._shown = time.monotonic()
        self._move(trainer, pl_module, 0)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the bar."""
        task: Any = pl_module
        self._move(trainer, task, task.steps)
        if time.monotonic() - self._shown >= _EVERY:
            self._show_note(task)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the validation metric."""
        task: Any = pl_module
        value = task.valid_metrics.get(self.metric)
        if value is not None:
            self._valid = f" valid {self.metric} {value:.4f}"
            if task.stage == "main" and better(self.metric, value, self._best):
                self._best = value
            if task.config.keep == "best" and not math.isnan(self._best):
                self._valid += f" (best {self._best:.4f})"
        self._show_note(task)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Restore the terminal, however the run ended."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Restore the terminal."""
        self.teardown(trainer, pl_module, "fit")

    def _show_note(self, task: Any) -> None:
        """Show the mean loss of the epoch so far, by a device synchronisation, and the last validation metric."""
        self._shown = time.monotonic()
        name = type(task.loss_fn).__name__.removesuffix("Loss")
        if self._bar is not None and self._id is not None:
            self._bar.update(self._id, note=f"{name} {task.train_loss:.3f}{self._valid}")

    def _move(self, trainer: Trainer, task: Any, batches: int) -> None:
        if self._bar is None or self._id is None:
            return
        # The epochs of the two stages differ in length, and the bar counts steps.
        lengths = {stage: max(len(sampler), 1) for stage, sampler in task.samplers.items()}
        pretrain, main = task.config.pretrain_epochs, task.config.main_epochs
        epoch = trainer.current_epoch
        before = min(epoch, pretrain) * lengths["pretrain"] + max(epoch - pretrain, 0) * lengths["main"]
        self._bar.update(
            self._id,
            total=pretrain * lengths["pretrain"] + main * lengths["main"],
            completed=before + batches,
            description=f"{task.stage} {epoch + 1}/{pretrain + main}",
        )


def _best_before(trainer: Trainer, metric: str) -> float:
    """The best value of the main stage in the epochs that a resumed run has done; NaN if there is none."""
    for callback in getattr(trainer, "callbacks", ()):
        if isinstance(callback, CheckpointCallback) and callback.best is not None:
            return float(callback.best.get(f"valid_{metric}", math.nan))
    return math.nan
