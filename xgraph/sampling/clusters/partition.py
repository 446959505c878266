"""Partitions of a graph's nodes, for batches of clusters."""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xgraph.checks import integer
from xgraph.sampling.engines.edge_lists import EDGE, check_edge_index, edges_of

if TYPE_CHECKING:
    from torch_geometric.data import Data

IntArray = NDArray[np.int64]
Method = Literal["auto", "metis", "bfs"]

SWEEPS = 20
SLACK = 0.1
"""How much a part can deviate from the mean size, as a share of it, apart from rounding."""


def partition(data: "Data | tuple[Tensor, int]", num_parts: int, seed: int = 0, method: Method = "auto") -> Tensor:
    """Divide the nodes of a graph into parts of nearly equal size with few edges between them.

    The direction of edges, parallel edges and self-loops are ignored. Methods:

    - "metis": recursive bisection by METIS (Karypis and Kumar, "A Fast and High Quality Multilevel Scheme for
      Partitioning Irregular Graphs", SIAM J. Sci. Comput., 1998). Requires pymetis:
      ``pip install xgraph-pyg[metis]``.
    - "bfs", without further requirements: parts grow one after another by breadth-first search, starting with the
      nodes that have most neighbours in the previous level. Then repeated sweeps of linear deterministic greedy
      (Stanton and Kliot, KDD 2012; Nishimura and Ugander, KDD 2013) move every node to the part with most of its
      neighbours, as long as sizes stay within 10 % of the mean, or one node.
    - "auto": METIS if it is installed, otherwise "bfs".

    Args:
        data: PyG's ``Data``, or a pair ``(edge_index, num_nodes)``.
        num_parts: Number of parts, at most the number of nodes. No part is empty.
        seed: Seed of the partition, not negative.
        method: "auto", "metis" or "bfs".

    Returns:
        The part of each node, from 0. Shape ``[num_nodes]``, int64, on the CPU.

    Raises:
        TypeError: If ``data`` has another type, or a number is not an integer.
        ValueError: If ``num_parts`` is below 1 or above the number of nodes, ``method`` is unknown, or pymetis is
            missing.
        IndexError: If an edge refers to a node that does not exist.

    Example:
        >>> two_triangles = torch.tensor([[0, 1, 2, 3, 4, 5, 0], [1, 2, 0, 4, 5, 3, 3]])
        >>> parts = partition((two_triangles, 6), 2, method="bfs")
        >>> len(parts[:3].unique()), len(parts[3:].unique())
        (1, 1)
    """
    edges = edges_of(data)
    if edges[0][0] != EDGE:
        raise TypeError(f"data must be Data or (edge_index, num_nodes), got {type(data).__name__} with node types")
    _, edge_index, num_nodes, _ = edges[0]
    check_edge_index(edge_index, num_nodes, num_nodes, "edge_index")
    num_parts, seed = integer("num_parts", num_parts, 1), integer("seed", seed, 0)
    if num_parts > num_nodes:
        raise ValueError(f"num_parts must be at most {num_nodes}, the number of nodes, got {num_parts}")
    if method not in get_args(Method):
        raise ValueError(f"method must be one of {', '.join(get_args(Method))}, got {method!r}")
    has_metis = find_spec("pymetis") is not None
    if method == "metis" and not has_metis:
        raise ValueError('method="metis" requires pymetis: pip install xgraph-pyg[metis], or use method="bfs"')
    begin, neighbor = _undirected(edge_index.detach().cpu(), num_nodes)
    make = _metis if has_metis and method != "bfs" else _bfs
    return torch.from_numpy(make(begin, neighbor, num_parts, seed))


def _undirected(edge_index: Tensor, num_nodes: int) -> tuple[IntArray, IntArray]:
    """Return each node's distinct neighbours in compressed rows."""
    src, dst = edge_index.long().numpy()
    keys = np.concatenate([src * num_nodes + dst, dst * num_nodes + src])
    keys.sort()
    first = np.ones(len(keys), np.bool_)
    first[1:] = keys[1:] != keys[:-1]
    src, dst = np.divmod(keys[first], num_nodes)
    other = src != dst
    src, dst = src[other], dst[other]
    return np.concatenate([[0], np.bincount(src, minlength=num_nodes).cumsum()]), dst


def _metis(begin: IntArray, neighbor: IntArray, num_parts: int, seed: int) -> IntArray:
    import pymetis

    graph = pymetis.CSRAdjacency(begin, neighbor)
    options = pymetis.Options(seed=seed % 2**31)
    # Recursive bisection balances better than METIS's k-way method at equal quality; only small graphs get empty parts.
    result = pymetis.part_graph(num_parts, graph, recursive=True, options=options)
    part = np.array(result.vertex_part, np.int64)
    size = np.bincount(part, minlength=num_parts)
    for empty in np.flatnonzero(size == 0):
        largest = size.argmax()
        part[np.flatnonzero(part == largest)[0]] = empty
        size[largest], size[empty] = size[largest] - 1, 1
    return part


def _bfs(begin: IntArray, neighbor: IntArray, num_parts: int, seed: int) -> IntArray:
    from xgraph.sampling.clusters.numba_partition import sweep  # compilers take a second to import

    num_nodes = len(begin) - 1
    order = np.random.default_rng(seed).permutation(num_nodes)
    part = _grown(begin, neighbor, num_parts, order)
    size, count = np.bincount(part, minlength=num_parts), np.zeros(num_parts, np.int64)
    mean = num_nodes / num_parts
    most = int(max(np.ceil(mean) + 1, np.ceil((1 + SLACK) * mean)))
    least = int(max(np.floor((1 - SLACK) * mean), 1))
    for _ in range(SWEEPS):
        if not sweep(begin, neighbor, order, part, size, least, most, count):
            break
    return part


def _grown(begin: IntArray, neighbor: IntArray, num_parts: int, order: IntArray) -> IntArray:
    """Grow parts level by level, each from the first unassigned node in ``order``."""
    num_nodes = len(order)
    part = np.full(num_nodes, -1)
    rank = np.empty(num_nodes, np.int64)
    rank[order] = np.arange(num_nodes)
    start = 0
    for number in range(num_parts):
        room = num_nodes // num_parts + (number < num_nodes % num_parts)
        level: Any = order[:0]
        while room:
            reached, count = np.unique(_neighbors(begin, neighbor, level, part), return_counts=True)
            level = reached[np.lexsort([rank[reached], -count])][:room]
            if not len(level):
                while part[order[start]] >= 0:
                    start += 1
                level = order[start : start + 1]
            part[level] = number
            room -= len(level)
    return part


def _neighbors(begin: IntArray, neighbor: IntArray, nodes: IntArray, part: IntArray) -> IntArray:
    """Return the unassigned neighbours of nodes, repeated for each of these nodes."""
    first = begin[nodes]
    count = begin[nodes + 1] - first
    others = neighbor[np.arange(count.sum()) + np.repeat(first - count.cumsum() + count, count)]
    left: IntArray = others[part[others] < 0]
    return left
