"""Endless iteration over a list in shuffled passes."""

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


class Cycle:
    """Returns items pass by pass; every pass is a new shuffle of all of them."""

    def __init__(self, items: IntArray, rng: np.random.Generator, at_most: int | None = None) -> None:
        self.items = items
        self._rng = rng
        self._at_most = len(items) if at_most is None else at_most
        self._order = items[:0]
        self._next = 0

    def take(self, count: int, taken: BoolArray, num_taken: int) -> IntArray:
        """Return the next `count` items, skipping those that the batch already holds."""
        copies, count = divmod(count, len(self.items))
        if copies:  # the batch holds every item in any case
            taken[self.items] = False
            rest = self._draw(count, taken, num_taken) if count else self.items[:0]
            taken[self.items] = True
            return np.concatenate([np.tile(self.items, copies), rest])
        return self._draw(count, taken, num_taken)

    def _draw(self, count: int, taken: BoolArray, num_taken: int) -> IntArray:
        # At most `num_taken` items of the window are in the batch, so it has `count` others unless the pass runs out.
        window = self._order[self._next : self._next + count + num_taken]
        free = _free_first(window, taken)
        first = window[: min(count, free)].copy()
        taken[first] = True
        self._next += len(first)
        missing = count - len(first)
        if not missing:
            return first
        self._order = self._shuffled()
        _free_first(self._order[: missing + num_taken], taken)
        second = self._order[:missing].copy()
        taken[second] = True
        self._next = missing
        return np.concatenate([first, second])

    def _shuffled(self) -> IntArray:
        """Return a new shuffle, or only its beginning if the rest will not be used and that is faster."""
        if 50 * self._at_most < len(self.items):  # here NumPy's sampling takes time proportional to the sample
            return self._rng.choice(self.items, self._at_most, replace=False)
        return self._rng.permutation(self.items)


def _free_first(window: IntArray, taken: BoolArray) -> int:
    """Move the items that the batch holds to the end of `window`, keeping the order; return the number of others."""
    blocked = taken[window]
    num_blocked = int(np.count_nonzero(blocked))
    if num_blocked:
        window[:] = np.concatenate([window[~blocked], window[blocked]])
    return len(window) - num_blocked
