"""Batch samplers of the plainest kind: items in order, and batches that another one makes."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from xgraph.sampling.engines.node_ids import integers
from xgraph.sampling.items.checks import integer
from xgraph.sampling.items.epochs import EpochSampler, IntArray


class InOrder(EpochSampler):
    """Every item once an epoch."""

    def __init__(self, num_items: int, batch_size: int, shuffle: bool, seed: int) -> None:
        super().__init__(seed)
        self.num_items, self.shuffle = num_items, bool(shuffle)
        self.batch_size = integer("batch_size", batch_size, 1)

    def __len__(self) -> int:
        return -(-self.num_items // self.batch_size)

    def batches(self, epoch: int) -> Iterator[IntArray]:
        """Go through all batches of `epoch`."""
        order = np.arange(self.num_items)
        order = np.random.default_rng([self.seed, epoch]).permutation(order) if self.shuffle else order
        return (order[i : i + self.batch_size] for i in range(0, self.num_items, self.batch_size))

    def identity(self) -> dict[str, int]:
        """What the batches depend on."""
        return {
            "num_items": self.num_items,
            "batch_size": self.batch_size,
            "shuffle": int(self.shuffle),
            "seed": self.seed,
        }


class AnyBatches(EpochSampler):
    """The batches of another sampler, or a list of batches."""

    def __init__(self, given: Any) -> None:
        super().__init__()
        if not (hasattr(given, "__iter__") and hasattr(given, "__len__")):
            raise TypeError(f"batch_sampler must have a length and give lists of positions, got {type(given).__name__}")
        self.given = given

    def __len__(self) -> int:
        return len(self.given)

    def batches(self, epoch: int) -> Iterator[IntArray]:
        """Go through all batches of `epoch`."""
        if hasattr(self.given, "set_epoch"):
            self.given.set_epoch(epoch)
        return (integers("batch_sampler", chosen).numpy() for chosen in self.given)

    def identity(self) -> dict[str, int]:
        """What the batches depend on, as far as is known."""
        return {"num_batches": len(self)}
