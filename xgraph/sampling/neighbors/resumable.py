"""The base class of all loaders: epochs, batches prepared by a thread, and a position that can be saved."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

import torch

from xgraph.checks import integer
from xgraph.sampling.items.distributed import DistributedBatches
from xgraph.sampling.items.epochs import EpochSampler
from xgraph.sampling.memory.prefetch import prefetched


class ResumableLoader(ABC):
    """Loads the batches that a sampler lists. Its position counts returned batches, not those prepared in advance."""

    _order: EpochSampler

    def __init__(self, prefetch: int, device: torch.device, transform: Callable[[Any], Any] | None) -> None:
        self.prefetch = integer("prefetch", prefetch, 0)
        self._device = device
        self._set_transform(transform)

    def _set_transform(self, transform: Callable[[Any], Any] | None) -> None:
        if transform is not None and not callable(transform):
            raise TypeError(f"transform must be callable with a batch, got {type(transform).__name__}")
        self.transform = transform

    def _set_order(self, order: EpochSampler) -> None:
        self._order = order
        self._state: dict[str, int] | None = None  # position after the batch returned last

    @abstractmethod
    def _make(self, chosen: Any, epoch: int) -> Any:
        """Create the batch of the chosen items."""

    def _identity(self) -> dict[str, int]:
        """Return the values that the batches depend on, apart from their order."""
        return {}

    @property
    def epoch(self) -> int:
        """Number of the epoch of the latest ``for`` loop, or of the next one if that has not begun."""
        return self._order.epoch

    def __len__(self) -> int:
        """Number of batches per epoch."""
        return len(self._order)

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the next epoch, or over the rest of a restored one."""

        def make(job: tuple[int, int, Any]) -> tuple[int, int, Any]:
            epoch, position, chosen = job
            return epoch, position, self._make(chosen, epoch)

        for epoch, position, batch in prefetched(make, self._order.walk(), self.prefetch, self._device):
            if epoch == self._order.epoch:  # otherwise another loop has begun in the meantime
                self._state = {"epoch": epoch, "batch": position}
            yield batch

    def sharded(self, num_replicas: int | None = None, rank: int | None = None) -> Self:
        """Return a loader of one process's part of each batch, which shares this loader's data and settings.

        The parts of all processes together are the batch, without overlap or loss; see ``split="rows"`` of
        :class:`~xgraph.sampling.DistributedBatches`. What is drawn for the items of a part (neighbours, instances)
        depends on the part.

        Args:
            num_replicas: Number of processes; by default that of the default group of ``torch.distributed``.
            rank: Number of this process, from 0; by default its rank in that group.

        Raises:
            ValueError: If an argument is out of range, or is omitted and ``torch.distributed`` is not initialised.
        """
        other = copy.copy(self)
        other._set_order(DistributedBatches(self._order, num_replicas, rank, split="rows"))
        return other

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the next ``for`` loop; if a position within this epoch was restored, it is kept.

        Args:
            epoch: Number of the epoch, from 0 to 2^63 − 1.
        """
        self._order.set_epoch(epoch)
        self._state = None

    def state_dict(self) -> dict[str, int]:
        """Return the position: the epoch, the number of batches returned, and the values that they depend on.

        Batches that the thread has prepared in advance do not count. The position of a ``batch_sampler`` is included,
        so do not restore its own state as well.
        """
        return {**self._order.state_dict(), **(self._state or {}), **self._identity()}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Resume at the position of ``state``.

        Args:
            state: The result of :meth:`state_dict`.

        Raises:
            ValueError: If ``state`` is incomplete, or was saved with other data, another seed or other settings.
            TypeError: If ``state`` is not a mapping, or its position does not consist of integers.
        """
        own = {key: n for key, n in self._identity().items() if isinstance(state, Mapping) and key in state}
        self._order.restore(state, {**own, **self._order.identity()}, type(self).__name__)
        self._order.leave_finished_epoch()
        self._state = None
