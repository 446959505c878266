"""Batches with a fixed number of positives."""

import operator
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from torch.utils.data import Sampler

from xgraph.sampling.cycle import Cycle
from xgraph.sampling.labels import as_matrix, negatives, positives


class DualSampler(Sampler[list[int]]):
    """Batches that all hold the same number of positives, for any PyTorch or PyG `DataLoader`.

    With k = ``round(batch_size * sampling_rate)`` (at least 1, at most ``batch_size - 1``), every batch holds
    exactly k positives, listed first, and ``batch_size - k`` negatives (section 6.4.5 of the chapter).

    **Positives** are walked through in passes: each pass is a new shuffle of all of them, so that at any time
    of an epoch their counts differ by at most one. None stands twice in a batch, unless there are fewer
    positives (p) than slots; then each stands there ``k // p`` times or once more.

    **Negatives** end the epoch: each one is used, in ``ceil(n / (batch_size - k))`` batches. The last one is
    filled up with negatives from the epoch's beginning. All lists are shuffled anew at each epoch.

    **Several tasks:** the positive slots go round the tasks that have a positive (in an order shuffled each
    epoch), and each task walks through its own positives: rare tasks get as many slots as common ones. A
    negative is an item labelled 0 in any task. So an item may be in several lists; if it is in the batch
    already, the next positive of the task takes its place where there is one. Items without a label never
    appear.

    The order depends on `seed` and epoch only: not on worker processes, nor on global random state. Every
    `for` over the sampler or its loader is a new epoch, as with a shuffling loader.

    **Resuming:** `state_dict` holds the position within the epoch, and after `load_state_dict` the next `for`
    gives the remaining batches of that epoch. Worker processes make a loader ask for batches ahead of
    training: hand over how many batches of the epoch were really used,
    ``sampler.state_dict(consumed=batch_index + 1)``.

    Args:
        labels: Labels 0, 1 or NaN (missing). Shape ``[n]`` or ``[n, num_tasks]``.
        batch_size: Items in a batch, at least 2.
        sampling_rate: Share of positives in a batch, between 0 and 1.
        seed: Seed of the shuffles, not negative.

    Raises:
        ValueError: A label is not 0, 1 or NaN, there is no positive or no negative, or another argument is
            out of range.
        TypeError: `labels` are not numbers, or `batch_size` or `seed` is not an integer.

    Example:
        >>> import torch
        >>> sampler = DualSampler(torch.tensor([0, 0, 1, 0, 1, 0, 0, 0]), batch_size=4, sampling_rate=0.5)
        >>> len(sampler)
        3
        >>> [sorted(batch[:2]) for batch in sampler]
        [[2, 4], [2, 4], [2, 4]]
    """

    def __init__(self, labels: Any, batch_size: int = 64, sampling_rate: float = 0.5, seed: int = 0) -> None:
        self.batch_size = _integer("batch_size", batch_size, 2)
        self.seed = _integer("seed", seed, 0)
        if not 0 < sampling_rate < 1:
            raise ValueError(f"sampling_rate must be between 0 and 1 (both excluded), got {sampling_rate}")
        self.sampling_rate = float(sampling_rate)
        self.positives_per_batch = min(max(round(self.batch_size * self.sampling_rate), 1), self.batch_size - 1)
        self.negatives_per_batch = self.batch_size - self.positives_per_batch
        y = as_matrix(labels)
        self._num_items = len(y)
        self._positives = positives(y)
        self._negatives = negatives(y)
        for name, value, found in (("positive", 1, self._positives), ("negative", 0, self._negatives)):
            if not len(found):
                raise ValueError(f"labels hold no {name}: none of the {len(y)} rows has a label {value}")
        self._fingerprint = self._num_items
        for rows in (*self._positives, self._negatives):
            self._fingerprint = zlib.crc32(rows.data, (self._fingerprint + len(rows)) % 2**32)
        self._epoch = 0  # the epoch of the latest `for`, or of the next one if that has not begun
        self._batch = 0  # batches handed out in it
        self._begun = False

    def __len__(self) -> int:
        """Number of batches in a whole epoch."""
        return -(-len(self._negatives) // self.negatives_per_batch)

    def __iter__(self) -> Iterator[list[int]]:
        """Go through the next epoch, or the rest of the one that was restored."""
        # A generator, so that the epoch begins with the first batch asked for: a loader with worker processes
        # calls `iter` twice and uses the second.
        if self._begun or self._batch >= len(self):
            self._epoch, self._batch = self._epoch + 1, 0
        self._begun = True
        epoch, start = self._epoch, self._batch
        for number, batch in enumerate(self._batches(epoch)):
            if number < start:  # drawing is cheap, so the way to a position is to walk there
                continue
            if epoch == self._epoch:
                self._batch = number + 1
            yield batch.tolist()

    def set_epoch(self, epoch: int) -> None:
        """Let the next `for` be that of `epoch`; if that one was restored midway, it goes on from there.

        Args:
            epoch: Number of the epoch, from 0.
        """
        epoch = _integer("epoch", epoch, 0)
        if self._begun or epoch != self._epoch:
            self._epoch, self._batch, self._begun = epoch, 0, False

    def state_dict(self, consumed: int | None = None) -> dict[str, int]:
        """Return the position: integers only.

        Args:
            consumed: Batches of this epoch that training has used, counted from the epoch's beginning; by
                default all that were handed out, which is right without worker processes.
        """
        batch = self._batch if consumed is None else _integer("consumed", consumed, 0)
        if batch > self._batch:
            raise ValueError(f"consumed is {batch}, but only {self._batch} batches were handed out in this epoch")
        return {"epoch": self._epoch, "batch": batch, **self._identity()}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on where `state` was taken.

        Args:
            state: What `state_dict` returned.

        Raises:
            ValueError: `state` is incomplete, or was taken with other labels, batch size, rate or seed.
        """
        own = self._identity()
        missing = [key for key in ("epoch", "batch", *own) if key not in state]
        if missing:
            raise ValueError(f"state of DualSampler lacks {', '.join(missing)}")
        for key, value in own.items():
            if state[key] != value:
                raise ValueError(f"state was taken with {key} {state[key]}, this DualSampler has {value}")
        epoch, batch = (_integer(f"state['{key}']", state[key], 0) for key in ("epoch", "batch"))
        self._epoch, self._batch = epoch, batch
        self._begun = False

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(num_items={self._num_items}, batches={len(self)}, "
            f"positives_per_batch={self.positives_per_batch}, "
            f"negatives_per_batch={self.negatives_per_batch}, seed={self.seed})"
        )

    def _identity(self) -> dict[str, int]:
        return {
            "num_items": self._num_items,
            "batch_size": self.batch_size,
            "positives_per_batch": self.positives_per_batch,
            "seed": self.seed,
            "fingerprint": self._fingerprint,
        }

    def _batches(self, epoch: int) -> Iterator[np.ndarray[Any, np.dtype[np.int64]]]:
        rng = np.random.default_rng([self.seed, epoch])
        order = rng.permutation(self._negatives)
        cycles = [Cycle(self._positives[task], rng) for task in rng.permutation(len(self._positives))]
        each, extra = divmod(self.positives_per_batch, len(cycles))
        turn = 0  # the first of the tasks that get one slot more
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


def _integer(name: str, value: Any, least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    return number
