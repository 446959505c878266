"""Batches of bags with sampled instances."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from xgraph.sampling.bags.instances import InstanceSampler, bag_numbers
from xgraph.sampling.engines.hashing import WORD, digest
from xgraph.sampling.engines.seeds import positions_of
from xgraph.sampling.items.epochs import EpochSampler
from xgraph.sampling.neighbors.orders import AnyBatches, InOrder
from xgraph.sampling.neighbors.resumable import ResumableLoader


class Bags(Protocol):
    """A data set of bags, such as :class:`xgraph.data.BagDataset`."""

    bag_ptr: Tensor

    def batch(self, positions: Tensor, rows: tuple[Tensor, Tensor] | None = None) -> Any:
        """Collate bags with all their instances, or with given rows and each row's bag position in ``positions``."""


class BagLoader(ResumableLoader):
    """Loads batches of bags, with all or some randomly drawn instances of each.

    The drawn instances only depend on ``seed``, the epoch and the bags in the batch, not on ``prefetch`` or global
    random state. A bag that occurs in several batches of an epoch, or twice in a batch, is drawn independently each
    time (unless exactly the same batch is repeated). Every ``for`` loop over the loader is a new epoch. Leaving a loop
    early stops its thread.

    Args:
        data: The data set; batches are created by ``data.batch(bags, rows)``.
        num_instances: Number of instances to draw from each bag, without replacement; None or -1 for all.
        bags: Positions of the bags to load, such as ``data.splits["train"]``, or a mask; None for all.
        batch_size: Bags per batch; by default 16.
        shuffle: Whether to reshuffle the bags in every epoch.
        batch_sampler: Lists of positions in ``bags``: a :class:`~xgraph.sampling.DualSampler` over their labels,
            another sampler of this package (its position is saved and restored), or any iterable with a length. Cannot
            be combined with ``batch_size`` and ``shuffle``.
        seed: Seed of drawing and shuffling, not negative.
        device: Device of the batches.
        prefetch: Number of batches that a thread prepares in advance; 0 for no thread.
        transform: A function applied to each batch, in the thread.

    Raises:
        ValueError: If an argument is out of range, ``bags`` is empty, or a mask has the wrong size.
        IndexError: If ``bags`` holds a bag that is not in the data set.
        TypeError: If an argument has the wrong type.

    Example:
        >>> from torch_geometric.data import Data
        >>> class Numbers:
        ...     bag_ptr = torch.tensor([0, 3, 1000])
        ...     def batch(self, positions, rows=None):
        ...         return Data(x=rows[0].float()[:, None], batch=rows[1], idx=positions)
        >>> loader = BagLoader(Numbers(), num_instances=2, batch_size=2, seed=1)
        >>> [batch.x.view(2, 2).tolist() for batch in loader]
        [[[1.0, 2.0], [113.0, 236.0]]]
        >>> [batch.x.view(2, 2).tolist() for batch in loader]
        [[[0.0, 2.0], [881.0, 988.0]]]
    """

    def __init__(
        self,
        data: Bags,
        num_instances: int | None = None,
        bags: Any = None,
        *,
        batch_size: int | None = None,
        shuffle: bool = False,
        batch_sampler: Iterable[Sequence[int]] | None = None,
        seed: int = 0,
        device: str | torch.device = "cpu",
        prefetch: int = 2,
        transform: Callable[[Any], Any] | None = None,
    ) -> None:
        if not (hasattr(data, "bag_ptr") and hasattr(data, "batch")):
            raise TypeError(f"data must be a data set of bags with bag_ptr and batch(), got {type(data).__name__}")
        if batch_sampler is not None and (batch_size is not None or shuffle):
            raise ValueError("batch_sampler cannot be combined with batch_size and shuffle: it defines the batches")
        super().__init__(prefetch, torch.device(device), transform)
        self.data, self.device = data, self._device
        self.instance_sampler = InstanceSampler(data.bag_ptr, num_instances, seed=seed)
        self.bags = _positions(bags, self.instance_sampler.num_bags)
        if batch_sampler is None:
            number = 16 if batch_size is None else batch_size
            self._set_order(InOrder(len(self.bags), number, shuffle, seed))
        else:
            self.batch_sampler = batch_sampler

    @property
    def batch_sampler(self) -> EpochSampler:
        """The sampler that defines the batches; it can be replaced."""
        return self._order

    @batch_sampler.setter
    def batch_sampler(self, source: Any) -> None:
        is_sampler = isinstance(source, EpochSampler)
        self._set_order(source if is_sampler else AnyBatches(source, len(self.bags), "bags"))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.bags)} bags, {self.instance_sampler}, device={self.device})"

    def _make(self, chosen: Any, epoch: int) -> Any:
        return self.load(chosen, epoch)

    def load(self, positions: Sequence[int] | Tensor, epoch: int = 0) -> Any:
        """Return a batch of chosen bags.

        Args:
            positions: Positions in ``bags``. Shape ``[B]``.
            epoch: Number of the epoch; together with the bags it determines the drawn instances.
        """
        bags = self.bags[positions_of(positions, len(self.bags), "bags")]
        rows = None
        if self.instance_sampler.num_instances is not None and len(bags):
            # Deriving the visit from the batch's bags makes draws independent of earlier batches, also after a resume.
            rows = self.instance_sampler.sample(bags, epoch, visit=digest(bags) & WORD)
        batch = self.data.batch(bags, rows)
        if self.device.type != "cpu":
            batch = batch.to(self.device)
        return batch if self.transform is None else self.transform(batch)

    def _identity(self) -> dict[str, int]:
        sampler = self.instance_sampler
        return {"num_bags": sampler.num_bags, "num_instances": sampler.num_instances or -1, "draw_seed": sampler.seed}


def _positions(bags: Any, num_bags: int) -> Tensor:
    """Return positions of bags, given as such or as a mask."""
    if bags is None:
        return torch.arange(num_bags)
    mask = bags if isinstance(bags, Tensor) else np.asarray(bags)
    if mask.dtype in (torch.bool, np.bool_):
        if mask.shape != (num_bags,):
            got = list(mask.shape)
            raise ValueError(f"bags must have one entry for each of {num_bags} bags if it is a mask, got shape {got}")
        bags = torch.as_tensor(mask).nonzero()[:, 0]
    return bag_numbers(bags, num_bags)
