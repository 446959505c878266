"""Batches of ranked lists: some queries, some of their relevant items, and a sample of the other ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from xgraph.checks import integer
from xgraph.relevance import RelevanceLists
from xgraph.sampling.items.epochs import EpochSampler, IntArray, fingerprint


class ListBatch(NamedTuple):
    """Sampled lists, pair by pair: ``loss_fn(scores, batch.target, batch.pair, batch.query)``.

    Args:
        query: ``[N]`` queries.
        item: ``[N]`` items.
        target: ``[N]`` relevance, 0 for irrelevant items.
        pair: ``[N]`` numbers of the relevant pairs, −1 for irrelevant ones.
        weight: ``[N]`` how many items of the whole list each one stands for: n⁺/b⁺ or n⁻/b⁻.
    """

    query: Tensor
    item: Tensor
    target: Tensor
    pair: Tensor
    weight: Tensor

    def to(self, device: torch.device | str) -> ListBatch:
        """Return the batch on a device."""
        return ListBatch(*(values.to(device) for values in self))


class ListSampler(EpochSampler):
    """Batches of queries with some relevant and some irrelevant items each, for losses of ranked lists.

    An epoch is a pass over all queries that have a relevant item and another one in their list, in a new order. Each of
    them brings ``relevant`` of its relevant items, in shuffled passes of their own over the epochs, and ``irrelevant``
    of the others, drawn uniformly without replacement. Short lists give all they have. The last batch can be smaller.

    The draws only depend on the seed, the epoch and the query. Epochs, positions and resuming work as in
    :class:`~xgraph.sampling.DualSampler`; a ``for`` loop yields :class:`ListBatch`.

    Args:
        lists: The lists.
        queries_per_batch: Queries in a batch.
        relevant: Relevant items of each query; ``None`` for all.
        irrelevant: Irrelevant items of each query; ``None`` for all.
        seed: Seed of the draws, not negative.

    Raises:
        ValueError: If no query has a relevant item and another one, or a number is out of range.
        TypeError: If an argument has the wrong type.

    Example:
        >>> lists = RelevanceLists([0, 0, 1], [3, 5, 2], num_items=10)
        >>> sampler = ListSampler(lists, queries_per_batch=2, relevant=1, irrelevant=3)
        >>> batch = next(iter(sampler))
        >>> batch.target.tolist()
        [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
        >>> batch.weight.sum().item()  # what is sampled stands for two lists of ten items
        20.0
    """

    def __init__(
        self,
        lists: RelevanceLists,
        queries_per_batch: int = 16,
        relevant: int | None = 5,
        irrelevant: int | None = 20,
        seed: int = 0,
    ) -> None:
        super().__init__(seed)
        if not isinstance(lists, RelevanceLists):
            raise TypeError(f"lists must be RelevanceLists, got {type(lists).__name__}")
        self.lists = lists
        self.queries_per_batch = integer("queries_per_batch", queries_per_batch)
        most = lists.num_items
        self.relevant = most if relevant is None else integer("relevant", relevant)
        self.irrelevant = most if irrelevant is None else integer("irrelevant", irrelevant)
        self._queries: IntArray = ((lists.num_relevant > 0) & (lists.list_size > 1)).nonzero().squeeze(1).numpy()
        if not len(self._queries):
            raise ValueError(f"lists must hold a query with a relevant item and another one, got none in {lists}")
        self._offsets, self._items = lists.offsets.numpy(), lists.item.numpy()
        self._others: IntArray = (lists.list_size - lists.num_relevant).numpy()
        sizes = (self._offsets, self._items, lists.list_size.numpy())
        self._fingerprint = fingerprint(lists.num_items, sizes)

    def __len__(self) -> int:
        """Number of batches per epoch."""
        return -(-len(self._queries) // self.queries_per_batch)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.lists!r}, batches={len(self)}, queries_per_batch={self.queries_per_batch}, "
            f"relevant={self.relevant}, irrelevant={self.irrelevant}, seed={self.seed})"
        )

    def identity(self) -> dict[str, int]:
        """Return the values that the batches depend on: seed, settings, and a checksum of the lists."""
        return {
            "num_items": self.lists.num_items,
            "queries_per_batch": self.queries_per_batch,
            "relevant": self.relevant,
            "irrelevant": self.irrelevant,
            "seed": self.seed,
            "fingerprint": self._fingerprint,
        }

    def __iter__(self) -> Iterator[ListBatch]:  # type: ignore[override]
        """Iterate over the next epoch, or over the rest of a restored one."""
        for _, _, rows in self.walk():
            yield self.batch_of(rows)

    def batches(self, epoch: int) -> Iterator[IntArray]:
        """Iterate over all batches of an epoch: ``[N, 3]`` queries, items, and numbers of relevant pairs or −1.

        Args:
            epoch: Number of the epoch, from 0.
        """
        order = np.random.default_rng([self.seed, epoch]).permutation(self._queries)
        for begin in range(0, len(order), self.queries_per_batch):
            queries = order[begin : begin + self.queries_per_batch].tolist()
            yield np.concatenate([self._draw(query, epoch) for query in queries])

    def batch_of(self, rows: IntArray) -> ListBatch:
        """Return the batch of ``[N, 3]`` rows, with relevance and weights."""
        query, item, pair = (torch.from_numpy(rows[:, column].copy()) for column in range(3))
        positive = pair >= 0
        target = torch.where(positive, self.lists.relevance[pair.clamp_min(0)].float(), 0)
        sizes = self.lists.num_relevant, self.lists.list_size - self.lists.num_relevant
        weight = torch.zeros(len(query))
        for mask, size in zip((positive, ~positive), sizes, strict=True):
            drawn = torch.bincount(query[mask], minlength=self.lists.num_queries)
            weight[mask] = (size[query] / drawn[query]).float()[mask]
        return ListBatch(query, item, target, pair, weight)

    def _draw(self, query: int, epoch: int) -> IntArray:
        start, count = int(self._offsets[query]), int(self._offsets[query + 1] - self._offsets[query])
        own = np.arange(count)
        if self.relevant < count:
            turn, place = divmod(epoch, -(-count // self.relevant))
            shuffled = np.random.default_rng([self.seed, turn, query, 1]).permutation(count)
            own = shuffled[(place * self.relevant + np.arange(self.relevant)) % count]
        pair = start + own
        others = int(self._others[query])
        if self.irrelevant < others:
            rng = np.random.default_rng([self.seed, epoch, query, 2])
            places = rng.choice(others, self.irrelevant, replace=False, shuffle=False)
        else:
            places = np.arange(others)
        rows = np.empty((len(pair) + len(places), 3), dtype=np.int64)
        rows[:, 0] = query
        rows[: len(pair), 1], rows[: len(pair), 2] = self._items[pair], pair
        rows[len(pair) :, 1] = self.lists.irrelevant(query, torch.from_numpy(places)).numpy()
        rows[len(pair) :, 2] = -1
        return rows
