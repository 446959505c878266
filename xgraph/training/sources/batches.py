"""Batches of a data set: which items stand in them, seeded and resumable."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from xgraph.options import OptionError
from xgraph.sampling import DualSampler, GroupSampler, TriSampler
from xgraph.sampling.items.epochs import EpochSampler, IntArray
from xgraph.training.config.build import TrainConfig

if TYPE_CHECKING:
    from xgraph.data import MoleculeDataset


class ShuffleSampler(EpochSampler):
    """Every item once an epoch, in an order that depends on seed and epoch only."""

    def __init__(self, num_items: int, batch_size: int, seed: int = 0) -> None:
        super().__init__(seed)
        self.num_items, self.batch_size = num_items, batch_size

    def __len__(self) -> int:
        return -(-self.num_items // self.batch_size)

    def batches(self, epoch: int) -> Iterator[IntArray]:
        """Go through all batches of `epoch`."""
        order = np.random.default_rng([self.seed, epoch]).permutation(self.num_items)
        return (order[i : i + self.batch_size] for i in range(0, self.num_items, self.batch_size))

    def identity(self) -> dict[str, int]:
        """What the batches depend on."""
        return {"num_items": self.num_items, "batch_size": self.batch_size, "seed": self.seed}


def make_sampler(
    kind: str, labels: torch.Tensor, config: TrainConfig, groups: torch.Tensor | None = None
) -> EpochSampler:
    """The batches of a stage."""
    size, rate, seed = config.batch_size, config.sampling_rate, config.seed
    if kind == "shuffle":
        return ShuffleSampler(len(labels), size, seed)
    if kind == "group":
        if groups is None:
            raise ValueError("groups: the sampler 'group' needs them")
        if size < config.items_per_group:
            raise OptionError(f"items_per_group = {config.items_per_group}: expected batch_size = {size} or less")
        num_groups = len(torch.unique(groups[groups >= 0]))
        each = max(config.items_per_group, size // num_groups)  # of a few groups, as many as fill a batch
        return GroupSampler(groups, groups_per_batch=size // each, items_per_group=each, seed=seed)
    both = int(((labels == 1).any(0) & (labels == 0).any(0)).sum())
    tasks = min(config.sampled_tasks, max(both, 1)) if kind == "tri" else 1
    if size < 2 * tasks:
        of_each = f" of each of sampled_tasks = {tasks}" if tasks > 1 else ""
        raise OptionError(f"batch_size = {size}: expected {2 * tasks} or more, for both classes{of_each} to be in each")
    size = min(size // tasks, max(len(labels), 2))  # the samplers would repeat items, whatever that takes
    if kind == "tri":
        return TriSampler(labels, size, sampled_tasks=tasks, sampling_rate_per_task=rate, seed=seed)
    return DualSampler(labels, size, sampling_rate=rate, seed=seed)


def make_loader(
    data: "MoleculeDataset", positions: torch.Tensor, batches: EpochSampler | Sequence[list[int]]
) -> DataLoader[Any]:
    """A loader over part of a data set, collated in one go from its packed store."""
    # A generator of its own: a loader draws a base seed for each pass, from torch's global stream otherwise.
    return DataLoader(
        positions.tolist(),  # type: ignore[arg-type]
        batch_sampler=batches,
        collate_fn=data.batch,
        generator=torch.Generator(),
    )
