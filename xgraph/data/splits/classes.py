"""Splits drawn at random within classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def bag_classes(y: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the rarest task for which each item is positive, from 1; 0 for none, -1 if all labels are missing."""
    positive = y == 1
    rarest_first = np.argsort(positive.sum(0), kind="stable")
    classes = np.where(np.isnan(y).all(1), -1, 0)
    for task in rarest_first[::-1]:
        classes[positive[:, task]] = task + 1
    return classes


def random_parts(classes: NDArray[np.int64], shares: tuple[float, float, float], seed: int) -> NDArray[np.int64]:
    """Draw parts with their shares of each class, and at least one item of it each if there are enough."""
    random = np.random.default_rng(seed)
    part = np.empty(len(classes), dtype=np.int64)
    for value in np.unique(classes):
        members = random.permutation(np.flatnonzero(classes == value))
        n = len(members)
        counts = _counts(n, [share for share in shares if share > 0])
        part[members] = np.repeat([i for i, share in enumerate(shares) if share > 0], counts)
    return part


def _counts(n: int, shares: Sequence[float]) -> list[int]:
    """Return how many of n items each part gets: its share, but at least one if there are enough."""
    ends = [round(sum(shares[: i + 1]) * n) for i in range(len(shares))]
    if n >= len(shares):
        for i in range(len(shares)):
            ends[i] = min(max(ends[i], ends[i - 1] + 1 if i else 1), n - (len(shares) - 1 - i))
    return [end - start for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def random_folds(classes: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """Draw the fold of each item; sizes of folds, and of each class within them, differ by one at most."""
    order = np.random.default_rng(seed).permutation(len(classes))
    order = order[np.argsort(classes[order], kind="stable")]
    fold = np.empty(len(classes), dtype=np.int64)
    fold[order] = np.arange(len(classes)) % folds  # each class continues where the previous one ended
    return fold
