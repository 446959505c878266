"""Epochs that depend on a seed only, and a position within them that can be saved."""

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
LARGEST_EPOCH = 2**63 - 1  # it lies in a tensor


class EpochSampler(Sampler[list[int]], ABC):
    """A batch sampler whose epochs are functions of their number, and which can be stopped and resumed anywhere.

    A subclass says in `batches` what an epoch is, in `__len__` how many batches it has, and in `identity` what
    it depends on. Every `for` over the sampler or its loader is a new epoch, as with a shuffling loader.

    Args:
        seed: Seed of the epochs, not negative.

    Raises:
        ValueError: If `seed` is negative.
        TypeError: If `seed` is not an integer.

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
        self._epoch = 0  # the epoch of the latest `for`, or of the next one if that has not begun
        self._batch = 0  # where in it the next batch is
        self._begun = False
        self._stride = 1  # how far a batch moves on; more than 1 where several processes share an epoch

    @abstractmethod
    def __len__(self) -> int:
        """Number of batches in a whole epoch."""

    @abstractmethod
    def batches(self, epoch: int) -> Iterator[IntArray]:
        """Go through all batches of `epoch`, whatever the position, which is left as it is.

        Args:
            epoch: Number of the epoch, from 0.
        """

    @abstractmethod
    def identity(self) -> dict[str, int]:
        """Return what the batches depend on. A state is for samplers that agree in it."""

    def __iter__(self) -> Iterator[list[int]]:
        """Go through the next epoch, or the rest of the one that was restored."""
        for _, _, batch in self.walk():
            yield batch.tolist()

    def walk(self) -> Iterator[tuple[int, int, IntArray]]:
        """Do so, with the epoch of each batch and the position behind it."""
        # A generator, so that the epoch begins with the first batch asked for: a loader with worker processes
        # calls `iter` twice and uses the second.
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
        """Number of the epoch of the latest `for`, or of the next one if that has not begun."""
        return self._epoch

    def set_epoch(self, epoch: int) -> None:
        """Let the next `for` be that of `epoch`; if that one was restored midway, it goes on from there.

        Args:
            epoch: Number of the epoch, from 0.
        """
        epoch = integer("epoch", epoch, 0, LARGEST_EPOCH)
        if self._begun or epoch != self._epoch:
            self._epoch, self._batch, self._begun = epoch, 0, False

    def state_dict(self, consumed: int | None = None) -> dict[str, int]:
        """Return the position: integers only.

        Args:
            consumed: Batches of this epoch that training has used, counted from the epoch's beginning; by
                default all that were handed out, which is right without worker processes.
        """
        batch = self._batch
        if consumed is not None:
            handed_out, ahead = divmod(self._batch, self._stride)
            consumed = integer("consumed", consumed, 0)
            if consumed > handed_out:
                raise ValueError(f"consumed is {consumed}, but only {handed_out} batches were handed out in this epoch")
            batch = consumed * self._stride + ahead
        return {"epoch": self._epoch, "batch": batch, **self.identity()}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on where `state` was taken.

        Args:
            state: What `state_dict` returned.

        Raises:
            ValueError: If `state` is incomplete, or was taken with other data, another seed or other settings.
            TypeError: If `state` is not a mapping, or its position is not made of integers.
        """
        self.restore(state, self.identity(), type(self).__name__)

    def restore(self, state: Mapping[str, int], identity: Mapping[str, int], name: str) -> None:
        """Take over the position of a state, if it agrees with `identity`; errors call this `name`."""
        if not isinstance(state, Mapping):
            raise TypeError(f"state of {name} must be what state_dict() returned, got {type(state).__name__}")
        missing = [key for key in ("epoch", "batch", *identity) if key not in state]
        if missing:
            raise ValueError(f"state of {name} lacks {', '.join(missing)}")
        for key, value in identity.items():
            if state[key] != value:
                raise ValueError(f"state was taken with {key} {state[key]}, this {name} has {value}")
        epoch, batch = (integer(f"state['{key}']", state[key], 0, LARGEST_EPOCH) for key in ("epoch", "batch"))
        self._epoch, self._batch, self._begun = epoch, batch, False

    def leave_finished_epoch(self) -> None:
        """If all batches of the epoch were handed out, stand at the beginning of the next."""
        if self._batch >= self._num_batches():
            self._epoch, self._batch = self._epoch + 1, 0

    def follow(self, other: "EpochSampler") -> None:
        """Stand where `other` stands."""
        self._epoch, self._batch, self._begun = other._epoch, other._batch, other._begun

    def _num_batches(self) -> int:
        """Where the epoch ends."""
        return len(self)

    def _from(self, epoch: int, position: int) -> Iterator[IntArray]:
        """Go through the batches of `epoch` from `position` on."""
        return islice(self.batches(epoch), position, None)  # drawing is cheap, so the way to it is to walk there


def fingerprint(num_items: int, lists: Iterable[NDArray[Any]]) -> int:
    """Return a checksum of lists of positions: of their order, lengths and contents."""
    value = num_items
    for rows in lists:
        value = zlib.crc32(rows.data, (value + len(rows)) % 2**32)
    return value
