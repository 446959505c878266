"""One cell of `benchmarks.mil`: trains a bag model on a fold and scores the test bags."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks.mil.grid import ARMS, Arm
from xgraph.data import BagDataset, instance_statistics, load
from xgraph.losses import LOSSES
from xgraph.nn.bags.models import AttentionModel, BagModel, MaxModel, MeanModel, SmoothedMaxModel
from xgraph.sampling import BagLoader, DualSampler
from xgraph.training.fit.seeding import own_random_streams
from xgraph.training.scoring.bag_scores import score_bags

BATCH = 16
WEIGHT_DECAY = 1e-4
TAU = 0.1
WIDTH = 128
"""Minimum width of the hidden layer; otherwise it is as wide as the input."""


@dataclass(frozen=True)
class Halved:
    """A γ that is halved at each of the given epochs, at which the learning rate falls too."""

    gamma: float
    epochs: tuple[int, ...]

    def __call__(self, epoch: int) -> float:
        return self.gamma * 0.5 ** sum(epoch >= fall for fall in self.epochs)


def milestones(epochs: int) -> tuple[int, int]:
    """Return the epochs at which the learning rate is divided by ten: after a half and three quarters."""
    return epochs // 2, epochs * 3 // 4


def run(cell: dict[str, Any]) -> dict[str, Any]:
    """Train, and score the test bags on all of their instances."""
    data: Any = load(cell["data"], fold=cell["fold"])
    train = torch.cat([torch.as_tensor(data.splits[part]) for part in ("train", "valid")]).sort().values
    test = torch.as_tensor(data.splits["test"])
    wall, cpu = time.perf_counter(), time.process_time()
    with own_random_streams(cell["fold"]):
        model, loss = trained(data, train, cell)
        seconds = {"cpu_seconds": time.process_time() - cpu, "wall_seconds": time.perf_counter() - wall}
        scores = score_bags(model, data, test)[:, 0]
    return {
        "test": test.tolist(),
        "y": data.y[test, 0].int().tolist(),
        "scores": scores.tolist(),
        "loss": loss,
        **seconds,
    }


def make_model(data: BagDataset, arm: Arm, gamma: float, falls: tuple[int, ...]) -> BagModel:
    """Return the model of an arm, initialised from torch's generator."""
    classes = {"attention": AttentionModel, "mean": MeanModel, "max": MaxModel, "smoothed-max": SmoothedMaxModel}
    options: dict[str, Any] = {"hidden_channels": max(data.num_features, WIDTH), "num_layers": 1}
    if arm.pooling != "max":
        options["gamma"] = Halved(gamma, falls)
    if arm.pooling == "smoothed-max":
        options["tau"] = TAU
    state = None if arm.instances is None else len(data)
    model: BagModel = classes[arm.pooling](data.num_tasks, data.instance_shape, state, **options)
    return model


def make_loader(data: BagDataset, train: Tensor, arm: Arm, seed: int) -> BagLoader:
    """Return a loader of the training bags, without prefetching."""
    common: dict[str, Any] = {"num_instances": arm.instances, "bags": train, "seed": seed, "prefetch": 0}
    if arm.loss == "bce":
        return BagLoader(data, batch_size=BATCH, shuffle=True, **common)
    return BagLoader(data, batch_sampler=DualSampler(data.y[train], BATCH, 0.5, seed), **common)


def trained(data: BagDataset, train: Tensor, cell: dict[str, Any]) -> tuple[BagModel, float]:
    """Return the model after the last epoch, and the mean loss of that epoch."""
    arm, falls = ARMS[cell["arm"]], milestones(cell["epochs"])
    model = make_model(data, arm, cell["gamma"], falls)
    if model.scale is not None:
        model.scale.fit(*instance_statistics(data, train))
    loader = make_loader(data, train, arm, cell["fold"])
    kind: Any = LOSSES[arm.loss]
    loss_fn = kind(num_items=len(data), **kind.recipe)
    optimizer = torch.optim.Adam(model.parameters(), lr=cell["lr"], weight_decay=WEIGHT_DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, list(falls), gamma=0.1)
    total = 0.0
    for epoch in range(cell["epochs"]):
        model.train()
        model.pool.set_epoch(epoch)
        total = 0.0
        for batch in loader:
            loss = loss_fn(model(batch), batch.y, batch.idx)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        schedule.step()
    return model, total / len(loader)
