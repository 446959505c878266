"""Splits drawn at random within classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_TENTH = 10  # about so many classes of numbers, each of a multiple of so many items, so that parts get their shares


def bag_classes(y: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the class by which each item is stratified; -1 if all its labels are missing.

    For labels 0 and 1, the rarest task for which the item is positive, from 1, and 0 for none. For numbers, the tenth
    in which its number is; with several tasks, that of the mean of its numbers, each standardised.
    """
    if not ((y == 0) | (y == 1) | np.isnan(y)).all():
        return _tenths(y.astype(np.float64))
    positive = y == 1
    rarest_first = np.argsort(positive.sum(0), kind="stable")
    classes = np.where(np.isnan(y).all(1), -1, 0)
    for task in rarest_first[::-1]:
        classes[positive[:, task]] = task + 1
    return classes


def _tenths(y: NDArray[np.float64]) -> NDArray[np.int64]:
    known = ~np.isnan(y)
    if y.shape[1] > 1:  # numbers of different tasks have different units
        for task in range(y.shape[1]):
            own = y[known[:, task], task]
            y[:, task] -= own.mean() if len(own) else 0.0
            y[:, task] /= own.std() or 1.0 if len(own) else 1.0
    labelled = np.flatnonzero(known.any(1))
    mean = np.where(known, y, 0.0).sum(1)[labelled] / known.sum(1)[labelled]
    size = _TENTH * max(1, round(len(labelled) / _TENTH**2))
    edges = np.sort(mean)[size : len(labelled) - size + 1 : size]  # the last class has what remains, too
    classes = np.full(len(y), -1, dtype=np.int64)
    classes[labelled] = np.searchsorted(edges, mean, side="right")
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
