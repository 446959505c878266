"""Samplers and loaders of batches, seeded and resumable."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from xgraph.options import OptionError
from xgraph.sampling import DualSampler, GroupSampler, TriSampler
from xgraph.sampling.items.epochs import EpochSampler, IntArray
from xgraph.training.config.build import TrainConfig


class ShuffleSampler(EpochSampler):
    """Yields every item once per epoch, in an order that depends only on seed and epoch."""

    def __init__(self, num_items: int, batch_size: int, seed: int = 0) -> None:
        super().__init__(seed)
        self.num_items, self.batch_size = num_items, batch_size

    def __len__(self) -> int:
        return -(-self.num_items // self.batch_size)

    def batches(self, epoch: int) -> Iterator[IntArray]:
        """Return all batches of `epoch`."""
        order = np.random.default_rng([self.seed, epoch]).permutation(self.num_items)
        return (order[i : i + self.batch_size] for i in range(0, self.num_items, self.batch_size))

    def identity(self) -> dict[str, int]:
        """Return everything that the batches depend on."""
        return {"num_items": self.num_items, "batch_size": self.batch_size, "seed": self.seed}


def make_sampler(
    kind: str, labels: torch.Tensor, config: TrainConfig, groups: torch.Tensor | None = None
) -> EpochSampler:
    """Create the sampler of a stage."""
    size, rate, seed = config.batch_size, config.sampling_rate, config.seed
    if kind == "shuffle":
        return ShuffleSampler(len(labels), size, seed)
    if kind == "group":
        if groups is None:
            raise ValueError("sampler = 'group': expected groups, got None")
        if size < config.items_per_group:
            raise OptionError(
                f"items_per_group = {config.items_per_group}: expected at most the batch size, batch_size = {size}"
            )
        num_groups = len(torch.unique(groups[groups >= 0]))
        each = max(config.items_per_group, size // num_groups)  # enough to fill a batch even from few groups
        return GroupSampler(groups, groups_per_batch=size // each, items_per_group=each, seed=seed)
    both = int(((labels == 1).any(0) & (labels == 0).any(0)).sum())
    tasks = min(config.sampled_tasks, max(both, 1)) if kind == "tri" else 1
    if size < 2 * tasks:
        of_each = f" of each of the sampled_tasks = {tasks} tasks" if tasks > 1 else ""
        raise OptionError(f"batch_size = {size}: expected {2 * tasks} or more, so that both classes{of_each} fit in it")
    size = min(size // tasks, max(len(labels), 2))  # the samplers would repeat items to fill a larger batch
    if kind == "tri":
        return TriSampler(labels, size, sampled_tasks=tasks, sampling_rate_per_task=rate, seed=seed)
    return DualSampler(labels, size, sampling_rate=rate, seed=seed)


def make_loader(
    collate: Callable[..., Any], positions: torch.Tensor, batches: EpochSampler | Sequence[list[int]]
) -> DataLoader[Any]:
    """Create a loader over positions in a data set; `collate` makes a batch of some of them in a single step."""
    # With its own generator, because a loader draws a seed for each pass, by default from torch's global stream.
    return DataLoader(
        positions.tolist(),  # type: ignore[arg-type]
        batch_sampler=batches,
        collate_fn=collate,
        generator=torch.Generator(),
    )
