"""`PairDataset`: which items each user interacted with, in parts to train on, validate and test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from xgraph.checks import integer, number
from xgraph.relevance import RelevanceLists


class PairDataset:
    """Pairs of users and items: the relevant items of each user, in a training, a validation and a test part.

    Any bipartite graph can be read in this way, such as targets and the compounds that hit them; users are the queries.

    Args:
        splits: The pairs of the parts ``train``, ``test`` and perhaps ``valid``, over the same users and items.
        name: Name in messages.

    Attributes:
        splits: The parts.
        num_users: U.
        num_items: M.

    Raises:
        ValueError: If there is no training part, or the parts differ in the numbers of users or items.

    Example:
        >>> train = RelevanceLists([0, 0, 1, 1], [0, 1, 1, 2], num_items=3)
        >>> data = PairDataset({"train": train, "test": RelevanceLists([0], [2], num_items=3, num_queries=2)})
        >>> data
        PairDataset('pairs', num_users=2, num_items=3, train=4, test=1)
        >>> data.edge_index.shape
        torch.Size([2, 8])
    """

    def __init__(self, splits: Mapping[str, RelevanceLists], name: str = "pairs") -> None:
        unknown = splits.keys() - {"train", "valid", "test"}
        if "train" not in splits or unknown:
            got = ", ".join(splits) or "none"
            raise ValueError(f"splits must have the parts train, and valid or test, got {got}")
        sizes = {part: (lists.num_queries, lists.num_items) for part, lists in splits.items()}
        if len(set(sizes.values())) > 1:
            got = ", ".join(f"{part} {users} users and {items} items" for part, (users, items) in sizes.items())
            raise ValueError(f"splits must be over the same users and items, got {got}; give num_queries and num_items")
        self.splits, self.name = dict(splits), name
        self.num_users, self.num_items = sizes["train"]

    @property
    def edge_index(self) -> Tensor:
        """``[2, 2P]``, the graph of the training pairs in both directions; item i is node ``num_users + i``."""
        train = self.splits["train"]
        one = torch.stack([train.queries(), train.item + self.num_users])
        return torch.cat([one, one.flip(0)], 1)

    def known(self, part: str) -> list[RelevanceLists]:
        """Return the parts whose items are left out of the ranking when ``part`` is scored: the earlier ones."""
        parts = ("train", "valid", "test")
        return [self.splits[name] for name in parts[: parts.index(part)] if name in self.splits]

    def hold_out(self, share: float = 0.1, seed: int = 0) -> PairDataset:
        """Draw a validation part from the training part: a share of each user's items, at random.

        Users keep at least one item to train on; the share is rounded to whole items.

        Args:
            share: Share of each user's training items, between 0 and 1.
            seed: Seed of the draw.
        """
        number("share", share, 0, 1, "()")
        train = self.splits["train"]
        order = torch.from_numpy(np.random.default_rng(integer("seed", seed, 0)).random(train.num_pairs)).argsort()
        order = order[train.queries()[order].argsort(stable=True)]  # each user's pairs in random order
        place = torch.arange(train.num_pairs) - train.offsets[train.queries()]
        held = torch.minimum((train.num_relevant * share).round().long(), (train.num_relevant - 1).clamp_min(0))
        valid = torch.zeros(train.num_pairs, dtype=torch.bool)
        valid[order] = place < held[train.queries()]
        return PairDataset({**self.splits, "train": _part(train, ~valid), "valid": _part(train, valid)}, self.name)

    @classmethod
    def read(cls, path: str | Path, name: str | None = None) -> PairDataset:
        """Read an npz file with compressed rows: ``shape``, and ``train_indptr``, ``train_indices`` of each part.

        Args:
            path: The file.
            name: Name in messages; by default that of the file.

        Raises:
            ValueError: If an array is missing or is no compressed rows of this shape.
        """
        with np.load(path) as arrays:
            found: dict[str, Any] = {key: arrays[key] for key in arrays.files}
        if "shape" not in found or found["shape"].shape != (2,):
            raise ValueError(
                f"{path} must hold an array `shape` with the numbers of users and items, got {sorted(found)}"
            )
        users, items = (int(size) for size in found["shape"])
        splits = {}
        for part in ("train", "valid", "test"):
            if f"{part}_indptr" in found:
                indptr, indices = found[f"{part}_indptr"], found.get(f"{part}_indices", np.zeros(0))
                _check_rows(path, part, indptr, indices, users, items)
                query = np.repeat(np.arange(users), np.diff(indptr))
                splits[part] = RelevanceLists(query, indices.astype(np.int64), num_items=items, num_queries=users)
        return cls(splits, Path(path).stem if name is None else name)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{part}={lists.num_pairs}" for part, lists in self.splits.items())
        return f"PairDataset({self.name!r}, num_users={self.num_users}, num_items={self.num_items}, {sizes})"


def _part(lists: RelevanceLists, mask: Tensor) -> RelevanceLists:
    return RelevanceLists(
        lists.queries()[mask],
        lists.item[mask],
        lists.relevance[mask],
        num_items=lists.num_items,
        num_queries=lists.num_queries,
    )


def _check_rows(
    path: str | Path, part: str, indptr: npt.NDArray[Any], indices: npt.NDArray[Any], users: int, items: int
) -> None:
    ends = indptr.shape == (users + 1,) and indptr[0] == 0 and indptr[-1] == len(indices)
    inside = not len(indices) or 0 <= indices.min() <= indices.max() < items
    if not ends or (np.diff(indptr) < 0).any() or not inside:
        raise ValueError(f"{path}: {part}_indptr and {part}_indices are no compressed rows of {users} x {items}")
