"""Samplers whose epochs only depend on a seed and whose position can be saved."""

import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from xgraph.checks import integer

IntArray = NDArray[np.int64]
LARGEST_EPOCH = 2**63 - 1  # epochs are stored in int64 tensors


class EpochSampler(Sampler[list[int]], ABC):
    """A batch sampler whose epochs are functions of their number; it can be stopped and resumed at any batch.

    A subclass defines the batches of an epoch in ``batches``, their number in ``__len__``, and the values that they
    depend on in ``identity``. Every ``for`` loop over the sampler or its loader is a new epoch, as with a shuffling
    loader.

    Args:
        seed: Seed of the epochs, not negative.

    Raises:
        ValueError: If ``seed`` is negative.
        TypeError: If ``seed`` is not an integer.

    Example:
        >>> class Pairs(EpochSampler):
        ...     def __len__(self):
        ...         return 3
        ...     def batches(self, epoch):
        ...         return iter(np.random.default_rng([self.seed, epoch]).permutation(6).reshape(3, 2))
        ...     def identity(self):
        ...         return {"seed": self.seed}
        >>> sampler, restored = Pairs(), Pairs()
        >>> first, *rest = sampler
        >>> restored.load_state_dict(sampler.state_dict(consumed=1))
        >>> list(restored) == rest
        True
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = integer("seed", seed, 0)
        self._epoch = 0  # the epoch of the latest `for` loop, or of the next one if that has not begun
        self._batch = 0  # position of the next batch in the epoch
        self._begun = False
        self._stride = 1  # how far a batch advances the position; above 1 if several processes share an epoch

    @abstractmethod
    def __len__(self) -> int:
        """Number of batches per epoch."""

    @abstractmethod
    def batches(self, epoch: int) -> Iterator[IntArray]:
        """Iterate over all batches of an epoch; the current position is neither used nor changed.

        Args:
            epoch: Number of the epoch, from 0.
        """

    @abstractmethod
    def identity(self) -> dict[str, int]:
        """Return the values that the batches depend on. A state can only be loaded by a sampler with equal values."""

    def __iter__(self) -> Iterator[list[int]]:
        """Iterate over the next epoch, or over the rest of a restored one."""
        for _, _, batch in self.walk():
            yield batch.tolist()

    def walk(self) -> Iterator[tuple[int, int, IntArray]]:
        """Iterate like ``for``, and also yield each batch's epoch and the position after it."""
        # As a generator, the epoch begins when the first batch is requested: a loader with worker processes calls
        # `iter` twice and uses the second iterator.
        if self._begun:
            self._epoch, self._batch = self._epoch + 1, 0
        else:
            self.leave_finished_epoch()
        self._begun = True
        epoch, position = self._epoch, self._batch
        for batch in self._from(epoch, position):
            position += self._stride
            if epoch == self._epoch:
                self._batch = position
            yield epoch, position, batch

    @property
    def epoch(self) -> int:
        """Number of the epoch of the latest ``for`` loop, or of the next one if that has not begun."""
        return self._epoch

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the next ``for`` loop; if a position within this epoch was restored, it is kept.

        Args:
            epoch: Number of the epoch, from 0.
        """
        epoch = integer("epoch", epoch, 0, LARGEST_EPOCH)
        if self._begun or epoch != self._epoch:
            self._epoch, self._batch, self._begun = epoch, 0, False

    def state_dict(self, consumed: int | None = None) -> dict[str, int]:
        """Return the position, as integers.

        Args:
            consumed: Number of batches of this epoch that training has used, from its beginning; by default all
                batches requested so far, which is correct without worker processes.

        Raises:
            ValueError: If ``consumed`` is negative or larger than the number of batches requested so far.
        """
        batch = self._batch
        if consumed is not None:
            handed_out, ahead = divmod(self._batch, self._stride)
            consumed = integer("consumed", consumed, 0)
            if consumed > handed_out:
                raise ValueError(
                    f"consumed must be at most the number of batches requested in this epoch, {handed_out}, "
                    f"got {consumed}"
                )
            batch = consumed * self._stride + ahead
        return {"epoch": self._epoch, "batch": batch, **self.identity()}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Resume at the position of ``state``.

        Args:
            state: The result of :meth:`state_dict`.

        Raises:
            ValueError: If ``state`` is incomplete, or was saved with other data, another seed or other settings.
            TypeError: If ``state`` is not a mapping, or its position does not consist of integers.
        """
        self.restore(state, self.identity(), type(self).__name__)

    def restore(self, state: Mapping[str, int], identity: Mapping[str, int], name: str) -> None:
        """Take over the position of a state that agrees with ``identity``; error messages use ``name``."""
        if not isinstance(state, Mapping):
            raise TypeError(f"state of {name} must be the result of state_dict(), got {type(state).__name__}")
        missing = [key for key in ("epoch", "batch", *identity) if key not in state]
        if missing:
            raise ValueError(f"state of {name} is incomplete: missing {', '.join(missing)}")
        for key, value in identity.items():
            if state[key] != value:
                raise ValueError(f"state was saved with {key} = {state[key]}, but this {name} has {key} = {value}")
        epoch, batch = (integer(f"state['{key}']", state[key], 0, LARGEST_EPOCH) for key in ("epoch", "batch"))
        self._epoch, self._batch, self._begun = epoch, batch, False

    def leave_finished_epoch(self) -> None:
        """Move to the beginning of the next epoch if all batches of this one have been requested."""
        if self._batch >= self._num_batches():
            self._epoch, self._batch = self._epoch + 1, 0

    def follow(self, other: "EpochSampler") -> None:
        """Take over the position of ``other``."""
        self._epoch, self._batch, self._begun = other._epoch, other._batch, other._begun

    def _num_batches(self) -> int:
        """Position at which the epoch ends."""
        return len(self)

    def _from(self, epoch: int, position: int) -> Iterator[IntArray]:
        """Iterate over the batches of ``epoch``, starting at ``position``."""
        return islice(self.batches(epoch), position, None)  # drawing is cheap, so skipped batches are drawn too


def fingerprint(num_items: int, lists: Iterable[NDArray[Any]]) -> int:
    """Return a checksum of the order, lengths and contents of lists of positions."""
    value = num_items
    for rows in lists:
        value = zlib.crc32(rows.data, (value + len(rows)) % 2**32)
    return value
