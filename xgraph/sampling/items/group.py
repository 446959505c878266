"""Batches of a few groups at a time, with several items of each."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xgraph.checks import integer
from xgraph.sampling.items.cycle import Cycle
from xgraph.sampling.items.epochs import EpochSampler, IntArray, fingerprint


class GroupSampler(EpochSampler):
    """Batches of B1 = `groups_per_batch` groups with B2 = `items_per_group` items each (Algorithm 25).

    **Groups** are walked through in shuffled passes, so that at any time of an epoch all have been shown
    equally often, give or take one, however small or large they are. If there are fewer than B1, every batch
    holds all of them.

    **Items** of a group are walked through in shuffled passes too. A group of at most B2 items is shown whole,
    each item once: more copies would cost time and make the group's mean no better. So no item stands twice in
    a batch, and batches are smaller where groups are small. The items of a group stand next to each other.

    **An epoch** shows as many items as there are, and every group at least once: it has
    ``ceil(n / (B1 * s))`` batches, where s is the mean over groups of ``min(items of the group, B2)``, which is
    ``ceil(n / (B1 * B2))`` when no group is smaller than B2. Since groups are shown equally often, an item
    of a small group comes more often than one of a large group, which may not come at all in an epoch.

    The order depends on `seed` and epoch only. Epochs, positions and resuming are those of
    :class:`~xgraph.sampling.DualSampler`.

    Args:
        groups: Group of each item, any integers from 0 (numbers may be missing); −1 leaves the item out.
            Shape ``[n]``.
        groups_per_batch: Groups in a batch, at least 1.
        items_per_group: Items shown of a group, at least 1.
        seed: Seed of the shuffles, not negative.

    Raises:
        ValueError: If `groups` has another shape, holds a number below −1 or −1 only, or another argument is out
            of range.
        TypeError: If `groups` or another argument is not made of integers.

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
            raise ValueError(f"groups hold no group: each of the {len(group)} items has -1 (left out)")
        # Items sorted by group; those of group k are [bounds[k], bounds[k + 1]).
        self._items = kept[np.argsort(group[kept], kind="stable")].astype(np.int64, copy=False)
        ordered = group[self._items]
        inner = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
        self._bounds = np.concatenate([[0], inner, [len(kept)]]).astype(np.int64)
        self._num_items, self.num_groups = len(group), len(inner) + 1
        self._fingerprint = fingerprint(self._num_items, (self._items, self._bounds))

    def __len__(self) -> int:
        """Number of batches in a whole epoch."""
        a_pass = int(np.minimum(np.diff(self._bounds), self.items_per_group).sum())  # items it shows
        return -(-len(self._items) * self.num_groups // (a_pass * min(self.groups_per_batch, self.num_groups)))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(num_items={self._num_items}, num_groups={self.num_groups}, batches={len(self)}, "
            f"groups_per_batch={self.groups_per_batch}, items_per_group={self.items_per_group}, seed={self.seed})"
        )

    def identity(self) -> dict[str, int]:
        """Return what the batches depend on: seed, settings, and a checksum of the groups."""
        return {
            "num_items": self._num_items,
            "groups_per_batch": self.groups_per_batch,
            "items_per_group": self.items_per_group,
            "seed": self.seed,
            "fingerprint": self._fingerprint,
        }

    def batches(self, epoch: int) -> Iterator[IntArray]:
        """Go through all batches of `epoch`, whatever the position, which is left as it is.

        Args:
            epoch: Number of the epoch, from 0.
        """
        rng = np.random.default_rng([self.seed, epoch])
        count = min(self.groups_per_batch, self.num_groups)
        groups, shown = Cycle(np.arange(self.num_groups), rng), np.zeros(self.num_groups, dtype=np.bool_)
        cycles: dict[int, Cycle] = {}  # of the groups that are not shown whole
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
