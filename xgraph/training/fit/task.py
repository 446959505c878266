"""The Lightning module of a run: model, loss, the two stages, and the contents of its checkpoints."""

import math
from collections.abc import Iterable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from xgraph.distributed import gathered, rank, synchronized, world_size
from xgraph.distributed.processes import of_all
from xgraph.estimators import StateTable
from xgraph.losses import ScentLoss
from xgraph.losses.batch import LIMIT
from xgraph.options import OptionError
from xgraph.sampling import DistributedBatches
from xgraph.signals import at_once
from xgraph.training.config.build import TrainConfig, registry
from xgraph.training.files.callback import CheckpointCallback
from xgraph.training.files.checkpoint import describe
from xgraph.training.files.saved_model import model_without_tables
from xgraph.training.fit.average import AveragedWeights
from xgraph.training.fit.compositional import Compositional
from xgraph.training.fit.constraints.terms import make_terms
from xgraph.training.fit.labels.numbers import predict_numbers
from xgraph.training.fit.many_classes import before_last_layer
from xgraph.training.fit.objective import make_objective, make_pretrain_loss
from xgraph.training.fit.resumable import ResumableModule
from xgraph.training.scoring.scores import measure

if TYPE_CHECKING:
    from xgraph.losses import Loss
    from xgraph.training.sources import Source

OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}


class Task(ResumableModule):
    """Trains a model in two stages: first with cross-entropy, then with the chosen loss."""

    def __init__(self, config: TrainConfig, source: "Source") -> None:
        super().__init__(config.pretrain_epochs)
        from xgraph.estimators import CosineGamma

        self.config, self.source = config, source
        self.metric = config.metric or source.metric
        self.train_positions, self.valid_positions = source.splits["train"], source.splits.get("valid")
        self.pretrain_loss: Loss = make_pretrain_loss(config, source)
        options = dict(config.model_options)
        if config.gamma_schedule == "cosine" and "gamma" in options:  # the model's tables live through both stages
            options["gamma"] = CosineGamma(config.epochs, gamma_min=options["gamma"])
        try:
            self.model = registry("model")[config.model](source.num_tasks, **source.model_arguments, **options)
        except ValueError as error:  # an option is out of range
            raise OptionError(str(error)) from None
        source.prepare(self.model)
        if source.numbers:
            predict_numbers(self.model, source)
        self.terms = make_terms(config, source)
        self.main_loss, self.samplers = make_objective(config, source, self.terms)
        self.model = synchronized(self.model)
        self.after_step: Compositional | None = None
        if config.schedule == "compositional":
            self.after_step = Compositional(self.model, lr=config.inner_lr, gamma=config.inner_gamma)
        self.item_weights: Tensor | None
        self.register_buffer("item_weights", source.weights, persistent=False)
        self.valid_metrics: dict[str, float] = {}
        self.header = describe(config, source)
        self.average: AveragedWeights | None = None
        if config.ema_decay > 0:
            self.average = AveragedWeights(model_without_tables(self.header), config.ema_decay)

    @property
    def scored_model(self) -> torch.nn.Module:
        """The model that is validated and saved: the trained one, or its moving average."""
        return self.model if self.average is None else self.average.module

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """One optimiser over the model; losses have state, but nothing to optimise."""
        kind: Any = OPTIMIZERS[self.config.optimizer]
        optimizer: torch.optim.Optimizer = kind(
            self.model.parameters(),
            lr=self.config.lr,
            weight_decay=self.config.weight_decay,
            fused=True,  # three times as fast as updating many small tensors one by one
        )
        return optimizer

    @property
    def loss_fn(self) -> "Loss":
        """The loss of the stage."""
        return self.main_loss if self.stage == "main" else self.pretrain_loss

    def train_dataloader(self) -> Iterable[Any]:
        """Return the batches of the current stage; Lightning calls this at each epoch."""
        sampler = self.samplers[self.stage]
        sampler.set_epoch(self.current_epoch)
        self.order = sampler if world_size() == 1 else DistributedBatches(sampler, split="rows")
        batches = self.source.loader(self.train_positions, self.order, self.current_epoch, self.device)
        return self.what_is_left(batches, len(sampler))

    def val_dataloader(self) -> Iterable[Any]:
        """Return a single step: the validation part is scored as a whole."""
        return [0]

    def on_train_start(self) -> None:
        """Give each process its own dropout."""
        if rank() > 0 and not self.restores_random_streams:
            torch.manual_seed((self.config.seed * 1_000_003 + rank()) % 2**63)
        super().on_train_start()

    def on_train_epoch_start(self) -> None:
        """Start an epoch, or go on with one, and at the right epoch start the main stage."""
        self.restore_random_streams()
        resumed = self.begin_epoch()
        start = self.config.pretrain_epochs
        if self.current_epoch == start > 0 and not resumed:
            if self.config.schedule == "two-stage":
                self.model.reset_head()
                self._share_weights()
            for optimizer in self.trainer.optimizers:
                optimizer.state.clear()
        main = self.stage == "main"
        epoch, epochs = (self.current_epoch - start, self.config.main_epochs) if main else (self.current_epoch, start)
        for module in self.model.modules():
            if isinstance(module, StateTable):
                module.set_epoch(self.current_epoch)
        if main:
            self.main_loss.set_epoch(epoch)
        cosine = self.config.lr_schedule == "cosine"
        factor = 0.5 * (1 + math.cos(math.pi * epoch / epochs)) if cosine else 1.0
        rate = self.config.main_lr if main and self.config.main_lr is not None else self.config.lr
        for optimizer in self.trainer.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * factor
        if self.average is not None and epoch == 0 and not resumed:
            self.average.restart(self.model)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Return the loss of one batch."""
        logits: Tensor | None = None
        try:
            sampled = self._before_last_layer(batch)
            logits = self._scores(batch) if sampled is None else sampled[0]
            loss = self._loss(self.loss_fn, logits, batch, *(() if sampled is None else sampled[1:]))
            if self.terms is not None:
                loss = loss + self.terms(logits, batch)
        except ValueError:
            with torch.no_grad():  # without logits, the inner step has failed
                self._check_finite(self.model(batch) if logits is None else logits)
            raise
        self.count(loss)
        return loss

    def count(self, loss: Tensor) -> None:
        """Add a batch to the mean loss of the epoch; an infinite loss, whose step is skipped, adds 0."""
        self.loss_sum += torch.where(loss.detach().isfinite(), loss.detach(), 0.0)
        self.steps += 1

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Update the average of the weights, if there is one; then the run can be saved."""
        if self.average is not None:
            self.average.update(self.model)
        for callback in self.trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, CheckpointCallback):
                callback.after_step(self.trainer, self)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Score the validation part; a signal stops this at once, since no step is under way."""
        self.scoring = True
        with at_once() if world_size() == 1 else nullcontext():  # several processes stop after the same step
            self.score_valid()
        self.scoring = False

    def score_valid(self) -> None:
        """Score the validation part, if there is one, in the same way as `xgraph.evaluate`."""
        if self.valid_positions is None:
            self._check_finite(torch.cat([weight.detach().reshape(-1) for weight in self.scored_model.parameters()]))
            return
        logits = self._valid_logits(self.valid_positions)
        self._check_finite(torch.from_numpy(logits))
        self.valid_metrics = measure(
            self.source.targets(self.valid_positions).numpy(),
            logits,
            several_classes=self.source.several_classes,
            link=self.loss_fn.link,
        )

    def _before_last_layer(self, batch: Any) -> tuple[Tensor, torch.nn.Linear] | None:
        """Return the last layer and what it reads, if the loss reads some of its rows only; otherwise None."""
        if not isinstance(self.loss_fn, ScentLoss) or self.terms is not None or self.after_step is not None:
            return None
        return before_last_layer(self.model, batch)

    def _loss(self, loss_fn: "Loss", logits: Tensor, batch: Any, *layer: torch.nn.Linear) -> Tensor:
        """Return the loss of a batch, of standardised numbers; the items' weights are passed on if they have any."""
        weights = () if self.item_weights is None else (self.item_weights[batch.idx],)
        labels, scale = batch.y if self.terms is None else self.terms.labels(batch.y), self.model.target_scale
        if scale is not None:
            logits, labels = scale.standardise(logits), scale.standardise(labels)
        return gathered(loss_fn)(logits, labels, batch.idx, *weights, *layer)

    def _valid_logits(self, positions: Tensor) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Score the validation part; each process scores its share of the items if they do not depend on each other."""
        model, device, count = self.scored_model, str(self.device), world_size()
        if count == 1 or self.source.kind == "node" or len(positions) < count:
            return self.source.score(model, positions, device=device)
        return np.concatenate(of_all(self.source.score(model, positions.tensor_split(count)[rank()], device=device)))

    def _share_weights(self) -> None:
        """Give all processes the weights of the first one, after each has drawn its own."""
        if world_size() > 1:
            for weight in self.model.parameters():
                dist.broadcast(weight.data, 0)

    def _scores(self, batch: Any) -> Tensor:
        """Return the model's scores; in compositional training, those after an inner step of cross-entropy."""
        scores: Tensor
        if self.after_step is None or self.stage == "pretrain":
            scores = self.model(batch)
        else:
            scores = self.after_step(self.model, batch, lambda h: self._loss(self.pretrain_loss, h, batch))
        return scores

    def _check_finite(self, logits: Tensor) -> None:
        if not bool((logits.float().abs() <= LIMIT).all()):
            inner = self.after_step is not None and self.stage == "main"
            raise ValueError(
                f"training diverged in epoch {self.current_epoch + 1}: scores are not finite or exceed ±{LIMIT:g}; "
                f"try a learning rate below lr = {self.config.lr:g}"
                + (f", or an inner_lr below {self.config.inner_lr:g}" if inner else "")
            )
