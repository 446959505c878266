"""Batches of a partition's parts."""

from collections.abc import Iterator

import numpy as np

from xgraph.sampling.checks import integer
from xgraph.sampling.epochs import EpochSampler, IntArray


class PartSampler(EpochSampler):
    """Batches of parts, in the order of their numbers or shuffled.

    Args:
        num_parts: Number of parts.
        batch_size: Parts in a batch.
        shuffle: Whether to shuffle.
        seed: Seed of that.
        checksum: Of what the parts are.

    Example:
        >>> list(PartSampler(3, 2, False, 0, 0))
        [[0, 1], [2]]
    """

    def __init__(self, num_parts: int, batch_size: int, shuffle: bool, seed: int, checksum: int) -> None:
        super().__init__(seed)
        self.num_parts, self.batch_size = num_parts, integer("batch_size", batch_size, 1)
        self.shuffle, self.checksum = bool(shuffle), checksum

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return -(-self.num_parts // self.batch_size)

    def batches(self, epoch: int) -> Iterator[IntArray]:
        """Go through all batches of `epoch`.

        Args:
            epoch: Its number.
        """
        rng = np.random.default_rng([self.seed, epoch])
        order = rng.permutation(self.num_parts) if self.shuffle else np.arange(self.num_parts)
        for begin in range(0, self.num_parts, self.batch_size):
            yield order[begin : begin + self.batch_size]

    def identity(self) -> dict[str, int]:
        """Return what the batches depend on."""
        settings = {"batch_size": self.batch_size, "shuffle": int(self.shuffle), "seed": self.seed}
        return {"num_parts": self.num_parts, "parts": self.checksum, **settings}
