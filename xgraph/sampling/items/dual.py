"""Batches with a fixed number of positives."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from xgraph.checks import integer
from xgraph.checks import number as checked_number
from xgraph.sampling.items.cycle import Cycle
from xgraph.sampling.items.epochs import EpochSampler, IntArray, fingerprint
from xgraph.sampling.items.labels import as_matrix, negatives, num_positives, positives


class DualSampler(EpochSampler):
    """A batch sampler with a fixed number of positives per batch, for any PyTorch or PyG ``DataLoader``.

    With k = ``round(batch_size * sampling_rate)`` (at least 1, at most ``batch_size - 1``), every batch holds exactly
    k positives, listed first, and ``batch_size - k`` negatives.

    **Positives** are used in passes. Each pass is a new shuffle of all of them, so at any time during an epoch their
    counts differ by at most one. No positive occurs twice in a batch, unless there are fewer positives (p) than slots;
    then each occurs ``k // p`` times or once more.

    **Negatives** determine the length of an epoch: each is used once, in ``ceil(n / (batch_size - k))`` batches. The
    last batch is filled with negatives from the beginning of the epoch. All lists are reshuffled in every epoch.

    **Several tasks.** The slots for positives rotate over the tasks that have positives, in an order that is shuffled
    in every epoch, and each task has its own passes: rare tasks get as many slots as common ones. An item counts as
    negative if it is labelled 0 in any task, so it can be in several lists. If it is already in the batch, the next
    positive of the task is used instead, if there is one. Items without labels never appear.

    The order only depends on ``seed`` and the epoch, not on worker processes or global random state. Every ``for``
    loop over the sampler or its loader is a new epoch, as with a shuffling loader.

    **Resuming.** ``state_dict`` holds the position within the epoch. After ``load_state_dict``, the next ``for`` loop
    returns the remaining batches of that epoch. Worker processes request batches ahead of training, so pass the number
    of batches that were really used: ``sampler.state_dict(consumed=batch_index + 1)``. To divide an epoch among
    several processes, use :class:`~xgraph.sampling.DistributedBatches`.

    Args:
        labels: Labels 0, 1 or NaN (missing). Shape ``[n]`` or ``[n, num_tasks]``.
        batch_size: Items per batch, at least 2.
        sampling_rate: Share of positives in a batch, between 0 and 1.
        seed: Seed of the shuffles, not negative.

    Raises:
        ValueError: If a label is not 0, 1 or NaN, there are no positives or no negatives, or another argument is out
            of range.
        TypeError: If ``labels`` are not numbers, or ``batch_size`` or ``seed`` is not an integer.

    Example:
        >>> import torch
        >>> sampler = DualSampler(torch.tensor([0, 0, 1, 0, 1, 0, 0, 0]), batch_size=4, sampling_rate=0.5)
        >>> len(sampler)
        3
        >>> [sorted(batch[:2]) for batch in sampler]
        [[2, 4], [2, 4], [2, 4]]
    """

    def __init__(self, labels: Any, batch_size: int = 64, sampling_rate: float = 0.5, seed: int = 0) -> None:
        super().__init__(seed)
        self.batch_size = integer("batch_size", batch_size, 2)
        self.sampling_rate = checked_number("sampling_rate", sampling_rate, 0, 1, "()")
        self.positives_per_batch = num_positives(self.batch_size, self.sampling_rate)
        self.negatives_per_batch = self.batch_size - self.positives_per_batch
        y = as_matrix(labels)
        self._num_items = len(y)
        self._positives = positives(y)
        self._negatives = negatives(y)
        for name, value, rows in (("positive", 1, self._positives), ("negative", 0, self._negatives)):
            if not len(rows):
                raise ValueError(f"labels must hold at least one {name} ({value}), got none in {len(y)} rows")
        self._fingerprint = fingerprint(self._num_items, (*self._positives, self._negatives))

    def __len__(self) -> int:
        """Number of batches per epoch."""
        return -(-len(self._negatives) // self.negatives_per_batch)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(num_items={self._num_items}, batches={len(self)}, "
            f"positives_per_batch={self.positives_per_batch}, "
            f"negatives_per_batch={self.negatives_per_batch}, seed={self.seed})"
        )

    def identity(self) -> dict[str, int]:
        """Return the values that the batches depend on: seed, settings, and a checksum of the lists."""
        return {
            "num_items": self._num_items,
            "batch_size": self.batch_size,
            "positives_per_batch": self.positives_per_batch,
            "seed": self.seed,
            "fingerprint": self._fingerprint,
        }

    def batches(self, epoch: int) -> Iterator[IntArray]:
        """Iterate over all batches of an epoch; the current position is neither used nor changed.

        Args:
            epoch: Number of the epoch, from 0.
        """
        rng = np.random.default_rng([self.seed, epoch])
        order = rng.permutation(self._negatives)
        cycles = [Cycle(self._positives[task], rng) for task in rng.permutation(len(self._positives))]
        each, extra = divmod(self.positives_per_batch, len(cycles))
        turn = 0  # the first of the tasks that get an extra slot
        taken = np.zeros(self._num_items, dtype=np.bool_)
        for number in range(len(self)):
            begin = number * self.negatives_per_batch
            part = order[begin : begin + self.negatives_per_batch]
            if len(part) < self.negatives_per_batch:
                part = np.concatenate([part, np.resize(order, self.negatives_per_batch - len(part))])
            taken[part] = True
            drawn = []
            for step in range(len(cycles) if each else extra):
                cycle = cycles[(turn + step) % len(cycles)]
                drawn.append(cycle.take(each + (step < extra), taken, self.batch_size))
            turn = (turn + extra) % len(cycles)
            batch = np.concatenate([*drawn, part])
            taken[batch] = False
            yield batch
