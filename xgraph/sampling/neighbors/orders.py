"""Simple batch samplers: items in order or shuffled, and batches of another sampler."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from xgraph.checks import integer
from xgraph.sampling.engines.seeds import positions_of
from xgraph.sampling.items.epochs import EpochSampler, IntArray


class InOrder(EpochSampler):
    """Every item once per epoch, in order or shuffled."""

    def __init__(
        self,
        num_items: int,
        batch_size: int,
        shuffle: bool,
        seed: int,
        *,
        drop_last: bool = False,
        identity: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(seed)
        self.num_items, self.shuffle, self.drop_last = num_items, bool(shuffle), bool(drop_last)
        self.batch_size = integer("batch_size", batch_size, 1)
        self._identity = identity

    def __len__(self) -> int:
        full, rest = divmod(self.num_items, self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def batches(self, epoch: int) -> Iterator[IntArray]:
        """Iterate over all batches of `epoch`."""
        order = np.arange(self.num_items)
        order = np.random.default_rng([self.seed, epoch]).permutation(order) if self.shuffle else order
        return (order[i * self.batch_size : (i + 1) * self.batch_size] for i in range(len(self)))

    def identity(self) -> dict[str, int]:
        """Return the values that the batches depend on."""
        if self._identity is not None:  # the format of NeighborLoader's states
            return {**self._identity, "num_batches": len(self)}
        settings = {"num_items": self.num_items, "batch_size": self.batch_size}
        return {**settings, "shuffle": int(self.shuffle), "seed": self.seed}


class AnyBatches(EpochSampler):
    """The batches of another sampler, or a list of batches, as positions in `items`."""

    def __init__(self, source: Any, num_items: int, items: str, identity: Mapping[str, int] | None = None) -> None:
        super().__init__()
        if not (hasattr(source, "__iter__") and hasattr(source, "__len__")):
            raise TypeError(
                f"batch_sampler must have a length and yield lists of positions, got {type(source).__name__}"
            )
        self.source, self.num_items, self.items = source, num_items, items
        self._identity = identity or {}

    def __len__(self) -> int:
        return len(self.source)

    def batches(self, epoch: int) -> Iterator[IntArray]:
        """Iterate over all batches of `epoch`."""
        if hasattr(self.source, "set_epoch"):
            self.source.set_epoch(epoch)
        return (positions_of(chosen, self.num_items, self.items).numpy() for chosen in self.source)

    def identity(self) -> dict[str, int]:
        """Return the known values that the batches depend on."""
        return {**self._identity, "num_batches": len(self)}
