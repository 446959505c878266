"""Batches of a data set: which items stand in them, seeded and resumable."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler

from xgraph.options import OptionError

if TYPE_CHECKING:
    from xgraph.data import MoleculeDataset


class BatchSampler(Protocol):
    """What training needs of a sampler of batches: epochs, a length and a position that can be saved."""

    def __iter__(self) -> Iterator[list[int]]: ...
    def __len__(self) -> int: ...
    def set_epoch(self, epoch: int) -> None: ...  # noqa: D102
    def state_dict(self) -> Mapping[str, int]: ...  # noqa: D102
    def load_state_dict(self, state: Mapping[str, int]) -> None: ...  # noqa: D102


class ShuffleSampler(Sampler[list[int]]):
    """Every item once an epoch, in an order that depends on seed and epoch only.

    Args:
        num_items: Number of items.
        batch_size: Items in a batch; the last one may hold fewer.
        seed: Seed.

    Example:
        >>> sorted(sum(ShuffleSampler(5, batch_size=2), []))
        [0, 1, 2, 3, 4]
    """

    def __init__(self, num_items: int, batch_size: int, seed: int = 0) -> None:
        self.num_items, self.batch_size, self.seed = num_items, batch_size, seed
        self._epoch = 0

    def __len__(self) -> int:
        return -(-self.num_items // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        order = np.random.default_rng([self.seed, self._epoch]).permutation(self.num_items)
        return iter([order[i : i + self.batch_size].tolist() for i in range(0, self.num_items, self.batch_size)])

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order the next `for` gives.

        Args:
            epoch: Number of the epoch, from 0.
        """
        self._epoch = epoch

    def state_dict(self) -> dict[str, int]:
        """The position: the epoch."""
        return {"epoch": self._epoch}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on where `state` was taken.

        Args:
            state: What `state_dict` gave.
        """
        self._epoch = int(state["epoch"])


def make_sampler(kind: str, labels: torch.Tensor, batch_size: int, sampling_rate: float, seed: int) -> BatchSampler:
    """The batches a loss asks for.

    Args:
        kind: "dual" (both classes in each batch) or "shuffle".
        labels: Labels of the training items, shape [n, T].
        batch_size: Items in a batch; no more than there are.
        sampling_rate: Share of positives in a batch, if "dual".
        seed: Seed.

    Raises:
        OptionError: If "dual" cannot have this batch size.
    """
    if kind == "dual":
        from xgraph.sampling import DualSampler

        if batch_size < 2:
            raise OptionError(f"batch_size = {batch_size}: expected 2 or more, for both classes to be in each batch")
        batch_size = min(batch_size, max(len(labels), 2))  # the sampler would repeat items, whatever that takes

        return DualSampler(labels, batch_size=batch_size, sampling_rate=sampling_rate, seed=seed)
    return ShuffleSampler(len(labels), batch_size, seed)


def make_loader(
    data: "MoleculeDataset", positions: torch.Tensor, batches: BatchSampler | Sequence[list[int]]
) -> DataLoader[Any]:
    """A loader over part of a data set, collated in one go from its packed store.

    Args:
        data: The data set.
        positions: Positions of the part in it, shape [n].
        batches: Positions in the part, batch by batch.
    """
    # A generator of its own: a loader draws a base seed for each pass, from torch's global stream otherwise.
    return DataLoader(
        positions.tolist(),  # type: ignore[arg-type]
        batch_sampler=batches,
        collate_fn=data.batch,
        generator=torch.Generator(),
    )


def in_order(num_items: int, batch_size: int) -> list[list[int]]:
    """Batches of consecutive items, for evaluation.

    Args:
        num_items: Number of items.
        batch_size: Items in a batch.

    Example:
        >>> in_order(5, 2)
        [[0, 1], [2, 3], [4]]
    """
    return [list(range(i, min(i + batch_size, num_items))) for i in range(0, num_items, batch_size)]
