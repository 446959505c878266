"""The callback that passes epochs on to the loggers of a run, after they have been saved."""

from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from xgraph.training.files.callback import CheckpointCallback
from xgraph.training.loggers.logbook import Logbook
from xgraph.training.loggers.values import epoch_values


def epoch_loggers(book: Logbook | None, saved: CheckpointCallback) -> list[Callback]:
    """Return the callback that logs epochs; none without loggers, and in all processes but the first."""
    return [LogEpochs(book, saved)] if book is not None and book.is_open else []


class LogEpochs(Callback):
    """Logs each epoch. It comes after the callback that saves the run, so that no logger is ahead of it.

    Args:
        book: The loggers.
        saved: The callback that saves the run.
    """

    def __init__(self, book: Logbook, saved: CheckpointCallback) -> None:
        self.book, self.saved = book, saved

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the epochs of a resumed run that the loggers lack."""
        self.book.begin()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the epoch that has just been saved."""
        row: dict[str, Any] = self.saved.history[-1]
        self.book.epoch(int(row["epoch"]), epoch_values(row))
