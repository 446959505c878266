"""A batch on the CPU that grows hop by hop."""

import numpy as np
from numpy.typing import NDArray

from xgraph.sampling.engines import numba_numbering as numbering

Ints = NDArray[np.int64]
LARGEST = 2**31 - 1


class Edges:
    """Edges of one type found so far.

    Attributes:
        row: Sources: node ids at first, then local ids.
        col: Local ids of targets.
        edge: Edge ids.
        sizes: Number of edges in each hop.
    """

    def __init__(self) -> None:
        self.row: Ints = np.empty(0, np.int64)
        self.col: Ints = np.empty(0, np.int64)
        self.edge: Ints = np.empty(0, np.int64)
        self.sizes: list[int] = []

    def grow(self, size: int) -> None:
        """Add room for the `size` edges of a hop."""
        self.sizes.append(size)
        if size:
            self.row, self.col, self.edge = (_longer(part, size) for part in (self.row, self.col, self.edge))


class Slots:
    """A number per node of the graph: ``base + local id`` for nodes in the batch, less than ``base`` for others."""

    def __init__(self, num_nodes: int) -> None:
        self.values = np.full(num_nodes, -1, np.int32)
        self.base = 0

    def start(self, capacity: int) -> None:
        """Begin a batch of at most `capacity` nodes."""
        if self.base + capacity > LARGEST:
            self.values.fill(-1)
            self.base = 0

    def end(self, count: int) -> None:
        """End a batch of `count` nodes, which raises `base` above its values."""
        self.base += count


class Nodes:
    """Nodes of one type found so far.

    Args:
        num_nodes: Number of nodes of the type in the graph.
        seeds: Node ids.
        slots: Table of the type; None: seeds have subgraphs of their own.
        first: Number of the first seed among those of all types.
        num_seeds: Number of seeds of all types.

    Attributes:
        frontier: The nodes to expand in this hop.
        begin: Local id of the first of them.
        count: Number of nodes so far.
    """

    def __init__(self, num_nodes: int, seeds: Ints, slots: Slots | None, first: int, num_seeds: int) -> None:
        self.num_nodes = num_nodes
        self.num_seeds = num_seeds
        self.slots = slots
        self.frontier = seeds
        self.begin = 0
        self.count = len(seeds)
        self.sizes = [len(seeds)]
        self._node = seeds
        self._seed_of: Ints = np.empty(0, np.int64)
        if slots is None:
            self._seed_of = np.arange(first, first + len(seeds))
            return
        slots.start(num_nodes + len(seeds))
        numbering.number_seeds(slots.values, slots.base, seeds)

    def number(self, edges: Edges, targets: "Nodes") -> None:
        """Replace the node ids in the last hop's ``edges.row`` by local ids, with new ones for new nodes."""
        size = edges.sizes[-1]
        if not size:
            return
        begin, end = len(edges.row) - size, len(edges.row)
        if self.slots is None:
            self._node = _longer(self._node[: self.count], size)
            self._seed_of = _longer(self._seed_of[: self.count], size)
            known = self.num_seeds, self._node, self._seed_of, self.count
            self.count += numbering.number_pairs(*known, targets._seed_of, edges.row, edges.col, begin, end)
        else:
            # One more than needed, because nodes that are not new are written too.
            self._node = _longer(self._node[: self.count], min(size, self.num_nodes) + 1)
            table, base, new = self.slots.values, self.slots.base, self._node[self.count :]
            self.count += numbering.number_nodes(table, base, edges.row, begin, end, self.count, new)

    def end_hop(self) -> None:
        """Make the new nodes the frontier."""
        self.begin = sum(self.sizes)
        self.frontier = self._node[self.begin : self.count]
        self.sizes.append(len(self.frontier))

    def finish(self) -> Ints:
        """End the batch and return all node ids."""
        if self.slots is not None:
            self.slots.end(self.count)
        return self._node[: self.count].copy()  # without unused space

    def seeds(self) -> Ints:
        """Return which seed each node belongs to."""
        return self._seed_of[: self.count].copy()


def _longer(part: Ints, size: int) -> Ints:
    out: Ints = np.empty(len(part) + size, np.int64)
    out[: len(part)] = part
    return out
