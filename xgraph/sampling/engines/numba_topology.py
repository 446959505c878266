"""Compiled loops that sort edges by target."""

from typing import Any

from xgraph.sampling.engines.compiled import compiled


@compiled
def count_targets(dst: Any, colptr: Any) -> bool:
    """Compute where each target's edges begin, into ``colptr`` (initially zeros); return whether `dst` is sorted."""
    is_sorted = True
    before = 0
    for target in dst:
        colptr[target + 1] += 1
        is_sorted &= target >= before
        before = target
    for node in range(1, colptr.size):
        colptr[node] += colptr[node - 1]
    return is_sorted


@compiled
def fill_lists(src: Any, dst: Any, place: Any, row: Any, perm: Any) -> None:
    """Write source and position of every edge to its target's next free position, which keeps the order of edges."""
    for edge in range(dst.size):
        position = place[dst[edge]]
        place[dst[edge]] = position + 1
        row[position] = src[edge]
        perm[position] = edge
