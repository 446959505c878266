"""Search for ring systems and chains in molecules, compiled by numba."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def _compiled(function: Function) -> Function:
    """Compile on the first call, and cache the result on disk if a folder is writable."""
    try:
        return njit(nogil=True, cache=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # neither the package's folder nor the user's cache is writable
        return njit(nogil=True)(function)  # type: ignore[no-any-return]


@_compiled
def find_clusters(source: Any, target: Any, num_nodes: int) -> Any:
    """Return each node's cluster, int64 [N], and whether each cluster is a ring system, int64 [M]."""
    begin = np.zeros(num_nodes + 1, np.int64)
    for edge in range(source.size):
        begin[source[edge] + 1] += 1
    for node in range(num_nodes):
        begin[node + 1] += begin[node]
    following = begin[:-1].copy()
    neighbor = np.empty(source.size, np.int64)  # targets, sorted by source
    for edge in range(source.size):
        neighbor[following[source[edge]]] = target[edge]
        following[source[edge]] += 1

    following[:] = begin[:-1]
    order: Any = np.empty(num_nodes, np.int64)  # nodes in order of discovery
    number = np.full(num_nodes, -1, np.int64)  # position in that order
    lowest = np.empty(num_nodes, np.int64)  # lowest position reachable by an edge from the node or its descendants
    parent = np.full(num_nodes, -1, np.int64)
    returned = np.zeros(
        num_nodes, np.bool_
    )  # the first edge to the parent is the tree edge; a second one closes a ring
    count = 0
    for root in range(num_nodes):
        node = root if number[root] < 0 else -1
        while node >= 0:
            if number[node] < 0:
                order[count] = node
                number[node] = lowest[node] = count
                count += 1
            if following[node] == begin[node + 1]:  # all its edges have been visited
                above = parent[node]
                if above >= 0:
                    lowest[above] = min(lowest[above], lowest[node])
                node = above
                continue
            other = neighbor[following[node]]
            following[node] += 1
            if number[other] < 0:
                parent[other] = node
                node = other
            elif other == parent[node] and not returned[node]:
                returned[node] = True
            else:
                lowest[node] = min(lowest[node], number[other])

    in_ring = np.zeros(num_nodes, np.bool_)
    for node in order:
        if parent[node] >= 0 and lowest[node] < number[node]:
            in_ring[node] = in_ring[parent[node]] = True
    cluster = np.empty(num_nodes, np.int64)
    is_ring = np.empty(num_nodes, np.int64)
    num_clusters = 0
    for node in order:
        above = parent[node]
        if above >= 0 and (lowest[node] < number[node] or not (in_ring[node] or in_ring[above])):
            cluster[node] = cluster[above]
        else:
            cluster[node] = num_clusters
            is_ring[num_clusters] = in_ring[node]
            num_clusters += 1
    return cluster, is_ring[:num_clusters]
