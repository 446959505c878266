"""The Lightning modules of pretraining, one per objective."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from xgraph.distributed import gathered
from xgraph.estimators import CosineGamma
from xgraph.losses import SogCLRLoss, WeightedBCELoss
from xgraph.nn import TemperatureHead
from xgraph.training.fit.task import Task
from xgraph.training.pretraining.settings import PretrainConfig
from xgraph.training.pretraining.views import ViewSource
from xgraph.training.scoring.inference import in_order
from xgraph.training.sources import Source
from xgraph.training.sources.batches import make_loader

_VALID = 2**32
"""The random stream of the held-out molecules; no epoch has this number."""


class MultitaskTask(Task):
    """Learns the labels of all data sets by cross-entropy."""

    def __init__(self, settings: PretrainConfig, source: Source, datasets: list[str]) -> None:
        super().__init__(source.config, source)
        self.header["pretraining"] = settings.to_dict()
        if settings.balance != "labels":
            weight = task_weights(source.targets(self.train_positions), datasets, settings.balance)
            self.main_loss = WeightedBCELoss(len(source), source.num_tasks, task_weight=weight)


class ContrastiveTask(Task):
    """Learns to match two views of a molecule among all others (SogCLR); the model's head is the projection."""

    def __init__(self, settings: PretrainConfig, source: ViewSource) -> None:
        super().__init__(source.config, source)
        self.header["pretraining"] = settings.to_dict()
        self.metric = "loss"
        self.contrast = SogCLRLoss(len(source), gamma=gamma_of(settings), **settings.contrast)
        self.temperature_head = temperature_head(settings)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """One optimiser over the model and the network that predicts the temperature, if there is one."""
        return with_parameters_of(super().configure_optimizers(), self.temperature_head)

    def on_train_epoch_start(self) -> None:
        """Start an epoch."""
        super().on_train_epoch_start()
        self.contrast.set_epoch(self.current_epoch)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Return the loss of one batch."""
        z1, z2 = self._project(batch, self.current_epoch, self.steps)
        loss: Tensor = gathered(self.contrast)(z1, z2, batch.idx[: len(z1)], *self._temperatures(z1, z2))
        self.count(loss)
        return loss

    def score_valid(self) -> None:
        """Compare views of the held-out molecules, the same in each epoch, in batches as large as in training."""
        source: Any = self.source
        positions = source.splits["valid"]
        rows = in_order(len(positions), self.config.batch_size)
        rows = [part for part in rows if len(part) > 1]  # a single molecule has nothing to be compared with
        sums: dict[str, float] = dict.fromkeys(("loss", "alignment", "uniformity", "top1"), 0.0)
        for number, pairs in enumerate(make_loader(source.pairs.batch, positions, rows)):
            z1, z2 = self._project(pairs.to(self.device), _VALID, number)
            h1, h2 = F.normalize(z1), F.normalize(z2)
            size = len(h1)
            alike, apart = h1 @ h2.t(), torch.pdist(h1).square()
            sums["loss"] += size * self.contrast(z1, z2, None, *self._temperatures(z1, z2)).item()
            sums["alignment"] += (h1 - h2).square().sum().item()
            sums["uniformity"] += size * ((-2 * apart).logsumexp(0).item() - math.log(len(apart)))
            sums["top1"] += (alike.argmax(1) == torch.arange(size, device=alike.device)).sum().item()
        count = sum(map(len, rows))
        self.valid_metrics = {name: value / count for name, value in sums.items()}
        self.valid_metrics |= {name: value for name, value in self.contrast.monitor().items() if name == "temperature"}

    def _temperatures(self, z1: Tensor, z2: Tensor) -> tuple[Tensor, ...]:
        """Return the predicted temperature of each molecule, the mean over its views; nothing if there is none."""
        if self.temperature_head is None:
            return ()
        one, two = (self.temperature_head(F.normalize(z)) for z in (z1, z2))
        return ((one + two) / 2,)

    def _project(self, batch: Any, stream: int, number: int) -> tuple[Tensor, Tensor]:
        """Return the projections of both views, ``[B, P]`` each."""
        seed = np.random.SeedSequence([self.config.seed, stream, number]).generate_state(1, np.uint64)[0]
        source: Any = self.source
        z = self.model(source.augment(batch, torch.Generator().manual_seed(int(seed) >> 1)))
        self._check_finite(z.detach())
        z1, z2 = z.chunk(2)
        return z1, z2


def gamma_of(settings: PretrainConfig) -> Any:
    """Return γ, or its schedule."""
    if settings.gamma_schedule == "cosine":
        return CosineGamma(settings.epochs, gamma_min=settings.gamma)
    return settings.gamma


def temperature_head(settings: PretrainConfig) -> TemperatureHead | None:
    """Return the network that predicts temperatures from projections, if they are predicted."""
    if settings.temperature != "predicted":
        return None
    bounds = settings.min_temperature, settings.max_temperature
    start = settings.contrast["temperature"]
    return TemperatureHead(
        settings.projection_channels, *bounds, start=start if bounds[0] < start < bounds[1] else None
    )


def with_parameters_of(optimizer: torch.optim.Optimizer, *modules: torch.nn.Module | None) -> torch.optim.Optimizer:
    """Let an optimiser train the parameters of further modules, with its settings."""
    more = [parameter for module in modules if module is not None for parameter in module.parameters()]
    if more:
        optimizer.add_param_group({"params": more})
    return optimizer


def task_weights(y: Tensor, datasets: list[str], balance: str) -> Tensor:
    """Return the weight of a label of each task; 0 for a task without labels."""
    known = y.isnan().logical_not_().sum(0).double()
    labelled = known > 0
    share = labelled.double()
    if balance == "datasets":
        count = {name: sum(bool(labelled[t]) for t, own in enumerate(datasets) if own == name) for name in datasets}
        share /= torch.tensor([max(count[name], 1) for name in datasets]).double()
    weight = torch.where(labelled, share / known.clamp_min(1), 0)
    return (weight * known.sum() / (weight * known).sum()).float()
