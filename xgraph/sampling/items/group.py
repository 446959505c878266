"""Batches of a few groups with several items of each."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xgraph.checks import integer
from xgraph.sampling.items.cycle import Cycle
from xgraph.sampling.items.epochs import EpochSampler, IntArray, fingerprint
from xgraph.sampling.items.labels import check_not_data


class GroupSampler(EpochSampler):
    """A batch sampler for group DRO: B1 = ``groups_per_batch`` groups with B2 = ``items_per_group`` items each.

    **Groups** are used in shuffled passes, so at any time during an epoch their counts differ by at most one, however
    small or large the groups are. If there are fewer than B1 groups, every batch holds all of them.

    **Items** of a group are used in shuffled passes too. A group of at most B2 items is used as a whole, each item
    once: copies would take time without improving the group's mean. So no item occurs twice in a batch, and batches are
    smaller if groups are small. The items of a group are listed together.

    **An epoch** has ``ceil(n / (B1 * s))`` batches, where s is the mean over groups of ``min(items of the group, B2)``;
    this is ``ceil(n / (B1 * B2))`` if no group is smaller than B2. It contains about as many items as the data set, and
    every group at least once. Since all groups are used equally often, items of small groups occur more often than
    items of large groups, some of which may not occur in a given epoch.

    The order only depends on ``seed`` and the epoch. Epochs, positions and resuming work as in
    :class:`~xgraph.sampling.DualSampler`. See Algorithm 25 of the losses' reference chapter, and
    :class:`xgraph.losses.GroupDROLoss`.

    Args:
        groups: Group numbers of the items, integers from 0 (gaps are allowed); −1 leaves the item out. Shape ``[n]``.
        groups_per_batch: Groups per batch, at least 1.
        items_per_group: Items per group in a batch, at least 1.
        seed: Seed of the shuffles, not negative.

    Raises:
        ValueError: If ``groups`` has the wrong shape, holds a number below −1 or only −1, or another argument is out
            of range.
        TypeError: If ``groups`` does not hold integers, or another argument is not an integer.

    Example:
        >>> import torch
        >>> groups = torch.tensor([0, 0, 0, 0, 7, 7, -1, 3, 3, 3])
        >>> sampler = GroupSampler(groups, groups_per_batch=2, items_per_group=2)
        >>> [sorted(set(groups[batch].tolist())) for batch in sampler]
        [[0, 7], [0, 3], [3, 7]]
    """

    def __init__(self, groups: Any, groups_per_batch: int = 8, items_per_group: int = 8, seed: int = 0) -> None:
        super().__init__(seed)
        self.groups_per_batch = integer("groups_per_batch", groups_per_batch, 1)
        self.items_per_group = integer("items_per_group", items_per_group, 1)
        group = _as_vector(groups)
        kept = np.flatnonzero(group >= 0)
        if not len(kept):
            raise ValueError(f"groups must assign at least one item to a group, got -1 for all {len(group)} items")
        # Items sorted by group; group k has the items [bounds[k], bounds[k + 1]).
        self._items = kept[np.argsort(group[kept], kind="stable")].astype(np.int64, copy=False)
        ordered = group[self._items]
        inner = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
        self._bounds = np.concatenate([[0], inner, [len(kept)]]).astype(np.int64)
        self._num_items, self.num_groups = len(group), len(inner) + 1
        self._fingerprint = fingerprint(self._num_items, (self._items, self._bounds))

    def __len__(self) -> int:
        """Number of batches per epoch."""
        per_pass = int(np.minimum(np.diff(self._bounds), self.items_per_group).sum())  # items used in a pass
        return -(-len(self._items) * self.num_groups // (per_pass * min(self.groups_per_batch, self.num_groups)))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(num_items={self._num_items}, num_groups={self.num_groups}, batches={len(self)}, "
            f"groups_per_batch={self.groups_per_batch}, items_per_group={self.items_per_group}, seed={self.seed})"
        )

    def identity(self) -> dict[str, int]:
        """Return the values that the batches depend on: seed, settings, and a checksum of the groups."""
        return {
            "num_items": self._num_items,
            "groups_per_batch": self.groups_per_batch,
            "items_per_group": self.items_per_group,
            "seed": self.seed,
            "fingerprint": self._fingerprint,
        }

    def batches(self, epoch: int) -> Iterator[IntArray]:
        """Iterate over all batches of an epoch; the current position is neither used nor changed.

        Args:
            epoch: Number of the epoch, from 0.
        """
        rng = np.random.default_rng([self.seed, epoch])
        count = min(self.groups_per_batch, self.num_groups)
        groups, shown = Cycle(np.arange(self.num_groups), rng), np.zeros(self.num_groups, dtype=np.bool_)
        cycles: dict[int, Cycle] = {}  # for groups that are not used as a whole
        taken = np.zeros(self._num_items, dtype=np.bool_)
        bounds = self._bounds.tolist()
        for _ in range(len(self)):
            drawn = groups.take(count, shown, count)
            shown[drawn] = False
            parts = []
            for group in drawn.tolist():
                items = self._items[bounds[group] : bounds[group + 1]]
                if len(items) > self.items_per_group:
                    cycle = cycles.get(group) or cycles.setdefault(group, Cycle(items, rng))
                    items = cycle.take(self.items_per_group, taken, self.items_per_group)
                parts.append(items)
            batch = np.concatenate(parts)
            taken[batch] = False
            yield batch


def _as_vector(groups: Any) -> NDArray[Any]:
    """Return groups as an array ``[n]`` of integers from −1."""
    check_not_data("groups", groups, "one group number per item")
    if isinstance(groups, torch.Tensor):
        if groups.is_floating_point() or groups.is_complex():
            raise TypeError(f"groups must be integers, got a tensor of dtype {groups.dtype}")
        groups = groups.cpu()
    group = np.asarray(groups)
    if group.ndim != 1 or not group.size:
        raise ValueError(f"groups must have shape [n] and not be empty, got {list(group.shape)}")
    if group.dtype.kind not in "iu":
        raise TypeError(f"groups must be integers, got an array of dtype {group.dtype}")
    if (group < -1).any():
        row = int(np.argmax(group < -1))
        raise ValueError(f"groups must be integers from 0, or -1 to leave an item out, got {group[row]} in row {row}")
    return group
