"""Lookup of the reverse of each edge."""

import torch
from torch import Tensor


def reverse_edges(edge_index: Tensor, num_nodes: int) -> Tensor:
    """Return the position of each edge's reverse edge."""
    source, target = edge_index[0], edge_index[1]
    numbers = torch.arange(source.size(0), device=source.device)
    on_cpu, compiling = source.device.type == "cpu", torch.compiler.is_compiling()
    if on_cpu and not compiling and _in_pairs(source, target):
        return numbers ^ 1
    forth, back = source * num_nodes + target, target * num_nodes + source
    order, partner = forth.argsort(stable=True), back.argsort(stable=True)
    if not compiling:
        paired = forth[order] == back[partner]
        if not on_cpu:
            torch._assert_async(paired.all(), "edge_index holds an edge without its reverse")
        elif not paired.all():
            raise ValueError(
                f"edge_index must hold both directions of each bond, got {_unpaired(forth, back, num_nodes)}"
            )
    return torch.empty_like(numbers).scatter_(0, order, partner)


def _in_pairs(source: Tensor, target: Tensor) -> bool:
    if source.size(0) % 2:
        return False
    return torch.equal(source[::2], target[1::2]) and torch.equal(source[1::2], target[::2])


def _unpaired(forth: Tensor, back: Tensor, num_nodes: int) -> str:
    """Describe an edge that occurs more often than its reverse."""
    keys, count = torch.unique(forth, return_counts=True)
    returning = torch.zeros_like(count)
    place = torch.searchsorted(keys, back).clamp(max=len(keys) - 1)
    returning.index_add_(0, place, (keys[place] == back).long())
    source, target = divmod(int(keys[count > returning][0]), num_nodes)
    return f"{source} -> {target} without {target} -> {source}"
