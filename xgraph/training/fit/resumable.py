"""A Lightning module that is saved, and goes on exactly, at the end of an epoch or after any of its steps."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import lightning
import torch
from torch import Tensor

from xgraph.distributed import rank
from xgraph.distributed.processes import of_all
from xgraph.sampling.items.epochs import EpochSampler
from xgraph.training.files.checkpoint import HEADER
from xgraph.training.fit.seeding import random_state, restore_random_state

WITHIN = "within_epoch"
"""Key in a checkpoint that was taken within an epoch: the steps that had been done, and the sum of their losses."""

THREADS = "threads"
"""Key in a checkpoint: number of CPU threads, which the last bits of sums depend on."""


class ResumableModule(lightning.LightningModule):
    """Saves its position in training, and the state of everything random. What is trained is up to a subclass."""

    header: dict[str, Any]
    samplers: dict[str, EpochSampler]
    order: EpochSampler
    """The sampler of this epoch, or this process's share of it."""

    def __init__(self, pretrain_epochs: int) -> None:
        super().__init__()
        self.pretrain_epochs = pretrain_epochs
        self.loss_sum = torch.zeros(())
        self.steps = 0
        """Steps of this epoch that have been done."""
        self.scoring = False
        """Whether the validation part is being scored, after all steps of the epoch."""
        self.started = False
        """Whether a checkpoint, if there is one, has been restored."""
        self._began = time.perf_counter()
        self._within = False  # whether a checkpoint is being taken within an epoch
        self._random_state: Mapping[str, Any] | None = None
        self._resumed: Mapping[str, Any] | None = None  # what had been done of the epoch that is resumed

    @property
    def stage(self) -> str:
        """`pretrain` or `main`."""
        return self._stage_of(self.current_epoch)

    @property
    def train_loss(self) -> float:
        """Mean loss over the batches of this epoch so far."""
        return float(self.loss_sum) / max(self.steps, 1)

    @property
    def seconds(self) -> float:
        """Time spent on this epoch."""
        return time.perf_counter() - self._began

    def what_is_left(self, batches: Iterable[Any], number: int) -> Iterable[Any]:
        """Return the batches of an epoch, or those that are left of the resumed one.

        Args:
            batches: They begin where the sampler was left.
            number: Number of batches of the whole epoch.
        """
        if self._resumed is None:
            return batches
        left = number - self._resumed["steps"]
        return Rest(batches, left) if left else Rest((), 1)  # `on_train_start` finishes the epoch

    def begin_epoch(self) -> bool:
        """Reset the sums of an epoch, or restore those of a resumed one; return whether it is resumed."""
        resumed, self._resumed = self._resumed, None
        self.loss_sum, self.steps = torch.zeros((), device=self.device), 0
        self._began = time.perf_counter()
        if resumed is not None:
            self.loss_sum, self.steps = resumed["loss_sum"].to(self.device), int(resumed["steps"])
            self._began -= resumed["seconds"]
        return resumed is not None

    @property
    def restores_random_streams(self) -> bool:
        """Whether the random streams of a checkpoint are still to be restored."""
        return self._random_state is not None

    def restore_random_streams(self) -> None:
        """Continue the random streams of a checkpoint; to be called before anything is drawn in the epoch."""
        if self._random_state is not None:
            restore_random_state(self._random_state)
            self._random_state = None

    def on_train_start(self) -> None:
        """Finish the epoch of a checkpoint that was taken after its last step."""
        self.started = True
        if self._resumed is None or self._resumed["steps"] < len(self.samplers[self.stage]):
            return
        self.on_train_epoch_start()
        self.eval()
        with torch.no_grad():
            self.validation_step(None, 0)
        self.train()
        for callback in self.trainer.callbacks:  # type: ignore[attr-defined]
            callback.on_train_epoch_end(self.trainer, self)
        self._count_epochs(self.current_epoch + 1)

    @contextmanager
    def within_epoch(self) -> Iterator[None]:
        """Take checkpoints in this block as within an epoch, after the steps that have been done."""
        self._within = True
        try:
            yield
        finally:
            self._within = False

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the header, the progress and the random state."""
        # Lightning's loop counters would restart the epoch differently; the numbers of epochs and steps are enough.
        checkpoint.pop("loops", None)
        checkpoint[HEADER] = self.header
        checkpoint["epochs_done"] = self.current_epoch + (not self._within)
        checkpoint["sampler"] = dict(self.order.state_dict(self.steps))
        checkpoint["random_state"], *others = of_all(random_state())
        if others:
            checkpoint["random_states"] = others
        checkpoint[THREADS] = torch.get_num_threads()
        if self._within:
            loss: Tensor = self.loss_sum.detach().clone()
            checkpoint[WITHIN] = {"steps": self.steps, "loss_sum": loss, "seconds": self.seconds}

    def on_load_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        """Continue after the last saved epoch or step."""
        done = int(checkpoint["epochs_done"])
        self._count_epochs(done)
        steps: Any = self.trainer.fit_loop.epoch_loop.automatic_optimization.optim_progress.optimizer.step.total
        steps.ready = steps.completed = int(checkpoint.get("global_step", 0))
        self._resumed = checkpoint.get(WITHIN)
        self.samplers[self._stage_of(done - (self._resumed is None))].load_state_dict(checkpoint["sampler"])
        states = [checkpoint["random_state"], *checkpoint.get("random_states", ())]
        self._random_state = states[rank()] if rank() < len(states) else None

    def _stage_of(self, epoch: int) -> str:
        return "pretrain" if epoch < self.pretrain_epochs else "main"

    def _count_epochs(self, done: int) -> None:
        """Tell Lightning how many epochs are finished."""
        progress: Any = self.trainer.fit_loop.epoch_progress.current
        progress.ready = progress.started = progress.processed = progress.completed = done


class Rest:
    """The batches that are left of an epoch.

    Args:
        batches: Iterates over them.
        length: Their number.
    """

    def __init__(self, batches: Iterable[Any], length: int) -> None:
        self.batches, self.length = batches, length

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Any]:
        return iter(self.batches)
