"""The part that all loaders share: epochs, batches made ahead by a thread, and a position that can be saved."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from xgraph.checks import integer
from xgraph.sampling.items.epochs import EpochSampler
from xgraph.sampling.memory.prefetch import prefetched


class ResumableLoader(ABC):
    """Makes the batches that an order lists. Its position counts what was handed out, not what was made ahead."""

    _order: EpochSampler

    def __init__(self, prefetch: int, device: torch.device, transform: Callable[[Any], Any] | None) -> None:
        self.prefetch = integer("prefetch", prefetch, 0)
        self._device = device
        self._set_transform(transform)

    def _set_transform(self, transform: Callable[[Any], Any] | None) -> None:
        if transform is not None and not callable(transform):
            raise TypeError(f"transform must be a function of a batch, got {type(transform).__name__}")
        self.transform = transform

    def _set_order(self, order: EpochSampler) -> None:
        self._order = order
        self._state: dict[str, int] | None = None  # position behind the batch that was handed out last

    @abstractmethod
    def _make(self, chosen: Any, epoch: int) -> Any:
        """The batch of what the order chose."""

    def _identity(self) -> dict[str, int]:
        """What the batches depend on besides the order."""
        return {}

    @property
    def epoch(self) -> int:
        """Number of the epoch of the latest `for`, or of the next one if that has not begun."""
        return self._order.epoch

    def __len__(self) -> int:
        """Number of batches in a whole epoch."""
        return len(self._order)

    def __iter__(self) -> Iterator[Any]:
        """Go through the next epoch, or the rest of the one that was restored."""

        def make(job: tuple[int, int, Any]) -> tuple[int, int, Any]:
            epoch, position, chosen = job
            return epoch, position, self._make(chosen, epoch)

        for epoch, position, batch in prefetched(make, self._order.walk(), self.prefetch, self._device):
            if epoch == self._order.epoch:  # else another loop has begun since
                self._state = {"epoch": epoch, "batch": position}
            yield batch

    def set_epoch(self, epoch: int) -> None:
        """Let the next `for` be that of `epoch`; if that one was restored midway, it goes on from there.

        Args:
            epoch: Number of the epoch, from 0 to 2^63 − 1.
        """
        self._order.set_epoch(epoch)
        self._state = None

    def state_dict(self) -> dict[str, int]:
        """Return the position: the epoch, how many of its batches were handed out, and what they depend on.

        What the thread has made ahead does not count. The position of a `batch_sampler` is included, so its own state
        must not be restored beside this one.
        """
        return {**self._order.state_dict(), **(self._state or {}), **self._identity()}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Resume where `state` was taken.

        Args:
            state: What `state_dict` returned.

        Raises:
            ValueError: If `state` is incomplete, or was taken with other data, another seed or other settings.
            TypeError: If `state` is not a mapping, or its position is not made of integers.
        """
        own = {key: n for key, n in self._identity().items() if isinstance(state, Mapping) and key in state}
        self._order.restore(state, {**own, **self._order.identity()}, type(self).__name__)
        self._order.leave_finished_epoch()
        self._state = None
