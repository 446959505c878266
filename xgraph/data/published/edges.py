"""Edges of published graphs: in one direction or both, sorted or not, with self-loops and repeats or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Edges:
    """The edges of a graph without repeats, and what was found in the list they come from.

    Args:
        index: Sources and targets, in ascending order of both. Shape ``[2, E]``.
        listed: Number of edges in the list.
        repeated: How many of these repeat another one.
        one_way: How many have no reverse in the list.
        loops: Number of self-loops, each counted once.
    """

    index: Ids
    listed: int
    repeated: int
    one_way: int
    loops: int

    def without_loops(self) -> Edges:
        """Leave the self-loops out."""
        if not self.loops:
            return self
        kept = np.ascontiguousarray(self.index[:, self.index[0] != self.index[1]])
        return Edges(kept, self.listed, self.repeated, self.one_way, 0)


def tidy_edges(source: Ids, target: Ids, num_nodes: int, *, directed: bool = False) -> Edges:
    """Sort edges and leave out repeats; with both directions of each, unless they are directed.

    Args:
        source: Sources, which must be in 0 to `num_nodes` - 1.
        target: Targets.
        num_nodes: Number of nodes.
        directed: Whether to keep the directions as they are.
    """
    n, listed = np.int64(max(num_nodes, 1)), len(source)
    keys = _distinct(source * n + target)
    repeated, one_way = listed - len(keys), 0
    rows, columns = np.divmod(keys, n)
    if not directed:
        both = _distinct(np.concatenate([keys, columns * n + rows]))
        one_way = len(both) - len(keys)
        if one_way:
            rows, columns = np.divmod(both, n)
    return Edges(np.stack([rows, columns]), listed, repeated, one_way, int((rows == columns).sum()))


def _distinct(keys: Ids) -> Ids:
    """Return sorted keys without repeats; without sorting if they are so already."""
    if (keys[1:] > keys[:-1]).all():
        return keys
    keys = np.sort(keys)
    return keys[np.concatenate([[True], keys[1:] != keys[:-1]])] if len(keys) else keys
