"""Progress of a run on stderr: a live bar on a terminal, one line per epoch elsewhere."""

import math
import sys
from typing import IO, TYPE_CHECKING, Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from xgraph.training.fit.bars import make_bar

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


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
    """Shows a bar over all steps of the run, with the time left, the loss and the validation metric.

    Args:
        metric: Name of the validation metric to show.
    """

    def __init__(self, metric: str) -> None:
        self.metric = metric
        self._bar: Progress | None = None
        self._id: TaskID | None = None
        self._best = float("nan")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the bar."""
        self._bar = make_bar("{task.fields[note]}")
        self._bar.start()
        self._id = self._bar.add_task("", total=1, note="")
        self._move(trainer, pl_module, 0)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the bar."""
        task: Any = pl_module
        self._move(trainer, task, task.steps)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the validation metric."""
        task: Any = pl_module
        value = task.valid_metrics.get(self.metric)
        note = f"loss {task.train_loss:.3f}"
        if value is not None:
            note += f" valid {self.metric} {value:.4f}"
            if task.stage == "main" and not self._best >= value:
                self._best = value
            if task.config.keep == "best" and not math.isnan(self._best):
                note += f" (best {self._best:.4f})"
        if self._bar is not None and self._id is not None:
            self._bar.update(self._id, note=note)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Restore the terminal, however the run ended."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Restore the terminal."""
        self.teardown(trainer, pl_module, "fit")

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
