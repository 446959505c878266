"""One run as Lightning sees it: model, loss, the two stages, and what a checkpoint holds beside weights."""

import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import lightning
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from xgraph.options import OptionError
from xgraph.training.batches import in_order, make_loader
from xgraph.training.checkpoint import HEADER, describe
from xgraph.training.compositional import Compositional
from xgraph.training.config import TrainConfig, registry
from xgraph.training.inference import EVAL_BATCH_SIZE
from xgraph.training.metrics import METRICS, score_all
from xgraph.training.objective import make_objective
from xgraph.training.seeding import random_state, restore_random_state

if TYPE_CHECKING:
    from torch_geometric.data import Batch

    from xgraph.data import MoleculeDataset

OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}


class Task(lightning.LightningModule):
    """Trains a model in two stages, first with cross-entropy, then, with a new head, with the requested loss; or
    in compositional training, where each step of the loss is preceded by an inner one of cross-entropy.

    The stage is a function of the epoch, so that a resumed run needs no other memory of it.

    Args:
        config: Settings.
        data: Data set with the splits `train` and `valid`.

    Raises:
        OptionError: If an option of the model or the loss is out of range.
    """

    def __init__(self, config: TrainConfig, data: "MoleculeDataset") -> None:
        super().__init__()
        from xgraph.losses import BCELoss

        self.config, self.data = config, data
        self.metric = config.metric or data.metric
        self.train_positions, self.valid_positions = data.splits["train"], data.splits["valid"]
        self.pretrain_loss = BCELoss(len(data), data.num_tasks)
        try:
            self.model = registry("model")[config.model](data.num_tasks, **config.model_options)
        except ValueError as error:  # it knows the ranges of its options
            raise OptionError(str(error)) from None
        self.main_loss, self.samplers = make_objective(config, data)
        self.after_step: Compositional | None = None
        if config.training == "compositional":
            self.after_step = Compositional(self.model, lr=config.inner_lr, gamma=config.inner_gamma)
        self.loss_sum = torch.zeros(())
        self.steps = 0
        self._began = time.perf_counter()
        self.valid_metrics = dict.fromkeys(METRICS, math.nan)  # stays so without validation molecules
        self._valid_logits: list[Tensor] = []
        self._random_state: dict[str, Any] | None = None
        self._header = describe(config, data)

    @property
    def stage(self) -> str:
        """`pretrain` or `main`."""
        return "pretrain" if self.current_epoch < self.config.pretrain_epochs else "main"

    @property
    def train_loss(self) -> float:
        """Mean loss over the batches of this epoch so far."""
        return float(self.loss_sum) / max(self.steps, 1)

    @property
    def seconds(self) -> float:
        """Time since this epoch began."""
        return time.perf_counter() - self._began

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """One optimiser over the model; losses have state, but nothing to optimise."""
        kind: Any = OPTIMIZERS[self.config.optimizer]
        made: torch.optim.Optimizer = kind(
            self.model.parameters(), lr=self.config.lr, weight_decay=self.config.weight_decay
        )
        return made

    def train_dataloader(self) -> DataLoader[Any]:
        """The batches of this stage; asked for at each epoch."""
        sampler = self.samplers[self.stage]
        sampler.set_epoch(self.current_epoch)
        return make_loader(self.data, self.train_positions, sampler)

    def val_dataloader(self) -> DataLoader[Any]:
        """The validation split in its order."""
        batches = in_order(len(self.valid_positions), EVAL_BATCH_SIZE)
        return make_loader(self.data, self.valid_positions, batches)

    def on_train_epoch_start(self) -> None:
        """Begin an epoch, and with it perhaps a stage."""
        if self._random_state is not None:
            restore_random_state(self._random_state)
            self._random_state = None
        start = self.config.pretrain_epochs
        if self.current_epoch == start > 0:
            if self.after_step is None:
                self.model.head.reset_parameters()
            for optimizer in self.trainer.optimizers:
                optimizer.state.clear()
        main = self.stage == "main"
        epoch, epochs = (self.current_epoch - start, self.config.epochs) if main else (self.current_epoch, start)
        for module in (*self.model.modules(), *(self.main_loss.modules() if main else ())):
            set_epoch = getattr(module, "set_epoch", None)
            if set_epoch is not None:
                set_epoch(epoch)
        cosine = self.config.lr_schedule == "cosine"
        factor = 0.5 * (1 + math.cos(math.pi * epoch / epochs)) if cosine else 1.0
        for optimizer in self.trainer.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.config.lr * factor
        self.loss_sum, self.steps = torch.zeros((), device=self.device), 0
        self._began = time.perf_counter()

    def training_step(self, batch: "Batch", batch_idx: int) -> Tensor:
        """One step.

        Args:
            batch: Graphs with `y` [B, T] and `idx` [B].
            batch_idx: Its number, not used.
        """
        loss_fn = self.main_loss if self.stage == "main" else self.pretrain_loss
        try:
            logits = self._scores(batch)
            loss: Tensor = loss_fn(logits, batch.y, batch.idx)
        except ValueError:
            with torch.no_grad():
                self._check_finite(self.model(batch))
            raise
        self.loss_sum += loss.detach()
        self.steps += 1
        return loss

    def validation_step(self, batch: "Batch", batch_idx: int) -> None:
        """Collect logits.

        Args:
            batch: Graphs.
            batch_idx: Its number, not used.
        """
        self._valid_logits.append(self.model(batch))

    def on_validation_epoch_end(self) -> None:
        """Score the validation split as a whole."""
        logits = torch.cat(self._valid_logits).double().cpu()
        self._valid_logits.clear()
        self._check_finite(logits)
        self.valid_metrics = score_all(self.data.y[self.valid_positions].numpy(), logits.numpy())

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what is ours; checkpoints are taken at the end of an epoch.

        Args:
            checkpoint: What is to be saved.
        """
        # Lightning's own counters restart epochs in ways of their own; the number of epochs done is enough.
        checkpoint.pop("loops", None)
        checkpoint[HEADER] = self._header
        checkpoint["epochs_done"] = self.current_epoch + 1
        checkpoint["sampler"] = dict(self.samplers[self.stage].state_dict())
        checkpoint["random_state"] = random_state()

    def on_load_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        """Go on after the last epoch that was saved.

        Args:
            checkpoint: What was saved.
        """
        done = int(checkpoint["epochs_done"])
        progress: Any = self.trainer.fit_loop.epoch_progress.current
        progress.ready = progress.started = progress.processed = progress.completed = done
        stage = "pretrain" if done <= self.config.pretrain_epochs else "main"
        self.samplers[stage].load_state_dict(checkpoint["sampler"])
        self._random_state = checkpoint["random_state"]

    def _scores(self, batch: "Batch") -> Tensor:
        """Scores of the model, or of its parameters after an inner step of cross-entropy."""
        scores: Tensor
        if self.after_step is None or self.stage == "pretrain":
            scores = self.model(batch)
        else:
            scores = self.after_step(self.model, batch, lambda h: self.pretrain_loss(h, batch.y, batch.idx))
        return scores

    def _check_finite(self, logits: Tensor) -> None:
        if not bool(logits.isfinite().all()):
            raise ValueError(
                f"training diverged: scores are not finite in epoch {self.current_epoch + 1}; "
                f"try a smaller learning rate than {self.config.lr:g}"
            )
