"""The compiled loop that improves a partition."""

from typing import Any

from xgraph.sampling.engines.compiled import compiled


@compiled
def sweep(begin: Any, neighbor: Any, order: Any, part: Any, size: Any, least: int, most: int, count: Any) -> int:
    """Move each node in turn to the part with most of its neighbours; return the number of moved nodes."""
    moved = 0
    for node in order:
        own = part[node]
        if size[own] <= least:
            continue
        for edge in range(begin[node], begin[node + 1]):
            count[part[neighbor[edge]]] += 1
        best, highest = own, count[own] * (1.0 - (size[own] - 1) / most)
        for edge in range(begin[node], begin[node + 1]):
            other = part[neighbor[edge]]
            score = count[other] * (1.0 - size[other] / most)
            if score > highest:
                best, highest = other, score
        for edge in range(begin[node], begin[node + 1]):
            count[part[neighbor[edge]]] = 0
        if best != own:
            size[own] -= 1
            size[best] += 1
            part[node] = best
            moved += 1
    return moved
