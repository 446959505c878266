"""Splits that keep groups of items together, such as molecules with one scaffold, whatever the order of the items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xgraph.data.splits.words import PARTS

Integers = NDArray[np.int64]


class _Groups(NamedTuple):
    """Groups of items, in an order that depends on keys and seed only."""

    of_item: Integers  # the group of each item
    size: Integers


def parts_by_size(keys: Integers, shares: tuple[float, float, float], seed: int = 0) -> Integers:
    """Assign whole groups to parts, largest first: to train while they fit, then to valid, then to test.

    This is the procedure of the Open Graph Benchmark, except that groups of the same size are in an order drawn by
    `seed` instead of the order of the items.

    Args:
        keys: A number per item that is the same for items of one group, such as a hash of the scaffold.
        shares: Shares of train, valid and test.
        seed: Seed of the order among groups of the same size.

    Returns:
        The position of the part in ``("train", "valid", "test")`` for each item.
    """
    groups = _make_groups(keys, seed)
    ends = [shares[0] * len(keys), (shares[0] + shares[1]) * len(keys)]
    part = np.full(len(groups.size), PARTS.index("test"), dtype=np.int64)
    train = valid = 0
    for group in np.argsort(-groups.size, kind="stable").tolist():
        size = int(groups.size[group])
        if train + size <= ends[0]:
            train, part[group] = train + size, 0
        elif train + valid + size <= ends[1]:
            valid, part[group] = valid + size, 1
    return part[groups.of_item]


def balanced_parts(keys: Integers, classes: Integers, shares: tuple[float, float, float], seed: int = 0) -> Integers:
    """Assign whole groups to parts so that each part gets its share of every class, as far as groups allow.

    Groups larger than half of the smaller of valid and test go to train. The others are assigned in random order, those
    with rare classes first, to the part that lacks their items most. A class that occurs in three groups or more is in
    all three parts.

    Args:
        keys: A number per item that is the same for items of one group.
        classes: The class of each item.
        shares: Shares of train, valid and test.
        seed: Seed of the order of groups.

    Returns:
        The position of the part in ``("train", "valid", "test")`` for each item.
    """
    groups = _make_groups(keys, seed)
    large = groups.size > max(min(shares[1:]) * len(keys) / 2, 1)
    contents = _contents(groups, classes)
    free: Counter[int] = Counter()  # groups of each class that are small enough for valid and test
    for content in (contents[group] for group in np.flatnonzero(~large)):
        free.update(content.keys())
    for group in np.flatnonzero(large).tolist():
        # a class that occurs in few other groups: this one may be needed in valid or test
        large[group] = all(free[value] >= len(PARTS) - 1 for value in contents[group])
    start = np.where(large, PARTS.index("train"), -1)
    return _spread(groups, contents, list(shares), start, np.argsort(~large, kind="stable"))


def group_folds(keys: Integers, classes: Integers | None, folds: int, seed: int = 0) -> Integers:
    """Assign whole groups to folds of about the same size and, with `classes`, about the same share of each class.

    Args:
        keys: A number per item that is the same for items of one group.
        classes: The class of each item, to stratify by; None to balance sizes only.
        folds: Number of folds.
        seed: Seed of the order among groups of the same size.

    Returns:
        The fold of each item.
    """
    groups = _make_groups(keys, seed)
    contents = _contents(groups, np.zeros(len(keys), dtype=np.int64) if classes is None else classes)
    start = np.full(len(groups.size), -1)
    return _spread(groups, contents, [1 / folds] * folds, start, np.argsort(-groups.size, kind="stable"))


def _make_groups(keys: Integers, seed: int) -> _Groups:
    values, of_item, size = np.unique(keys, return_inverse=True, return_counts=True)
    order = np.argsort(_mixed(values, seed), kind="stable")
    rank = np.empty(len(values), dtype=np.int64)
    rank[order] = np.arange(len(values))
    return _Groups(rank[of_item.reshape(-1)], size[order].astype(np.int64))


def _contents(groups: _Groups, classes: Integers) -> list[dict[int, int]]:
    """Return the number of items of each class, by group."""
    values, column = np.unique(classes, return_inverse=True)
    pairs, counts = np.unique(groups.of_item * max(len(values), 1) + column.reshape(-1), return_counts=True)
    contents: list[dict[int, int]] = [{} for _ in groups.size]
    for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
        contents[pair // len(values)][pair % len(values)] = count
    return contents


def _spread(
    groups: _Groups, contents: list[dict[int, int]], shares: Sequence[float], start: Integers, order: Integers
) -> Integers:
    """Assign the groups that are not assigned from the start, in this order, but those with rare classes first."""
    total: Counter[int] = Counter()
    waiting: Counter[int] = Counter()  # groups with a class that are not assigned yet
    for content in contents:
        total.update(content)
        waiting.update(content.keys())
    filled: list[Counter[int]] = [Counter() for _ in shares]
    places = [place for place, share in enumerate(shares) if share > 0]
    assigned = start.tolist()
    rare_first = sorted(order.tolist(), key=lambda group: min((total[value], value) for value in contents[group]))
    for group in [*(g for g in rare_first if assigned[g] >= 0), *(g for g in rare_first if assigned[g] < 0)]:
        content = contents[group]
        if assigned[group] < 0:
            rarest = min(content, key=lambda value: (total[value], value))
            lacking = [place for place in places if not filled[place][rarest]]
            candidates = lacking if waiting[rarest] <= len(lacking) else places
            assigned[group] = min(
                candidates,
                key=lambda place: sum(
                    ((2 * filled[place][value] + count) / shares[place] - 2 * total[value]) * count / total[value] ** 2
                    for value, count in content.items()
                ),
            )
        filled[assigned[group]].update(content)
        waiting.subtract(content.keys())
    return np.array(assigned, dtype=np.int64).reshape(-1)[groups.of_item]


def _mixed(values: Integers, seed: int) -> NDArray[np.uint64]:
    """Return a pseudo-random number for each value, by the finaliser of splitmix64."""
    with np.errstate(over="ignore"):
        x = values.astype(np.uint64) + np.uint64(((seed + 1) * 0x9E3779B97F4A7C15) % 2**64)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))
