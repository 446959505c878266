"""Numbering the nodes of a batch in order of first occurrence, with torch operations and without synchronisation.

Sorting would work, but takes longer than drawing. Instead, every node of the graph has a slot in a table, and the
smallest value written to it wins: ``base + position``, so the first occurrence. Each batch uses a range of values below
all earlier ones, so the table does not have to be cleared in between.
"""

import torch
from torch import Tensor

LARGEST = 2**31 - 1


class ClaimTable:
    """The slots of one node type, and the range of values in use."""

    def __init__(self, num_nodes: int, device: torch.device) -> None:
        # The last slot is for padding.
        self.slots = torch.full((num_nodes + 1,), LARGEST, dtype=torch.int32, device=device)
        self._lowest = LARGEST

    def start(self, capacity: int | None) -> int:
        """Begin a batch and return its base: a value `v` of this batch stands for local id ``v - base``."""
        if capacity is None or capacity > self._lowest:
            self.slots.fill_(LARGEST)
            self._lowest = LARGEST
        # A batch of unknown size uses up all values, and the next one clears the table.
        self._lowest = 0 if capacity is None else self._lowest - capacity
        return self._lowest


def claim(table: Tensor, candidates: Tensor, base: Tensor, count: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Number nodes; those already in the batch keep their number."""
    if not candidates.numel():
        return candidates, candidates.new_zeros(0, dtype=torch.bool), count
    sink = table.numel() - 1
    real = candidates >= 0
    slot = torch.where(real, candidates, sink)
    value = (torch.arange(slot.numel(), device=slot.device) + (base + count)).to(torch.int32)
    table.scatter_reduce_(0, slot, value, "amin")
    first = (table[slot] == value) & real
    number = torch.cumsum(first, 0)
    table.scatter_(0, torch.where(first, slot, sink), (number + (base + count - 1)).to(torch.int32))
    local = torch.where(real, table[slot].long() - base, -1)
    return local, first, count + number[-1]


def claim_seeds(table: Tensor, seeds: Tensor, base: Tensor) -> None:
    """Enter seeds, whose local ids are their positions; the first of equal seeds wins."""
    value = (torch.arange(seeds.numel(), device=seeds.device) + base).to(torch.int32)
    table.scatter_reduce_(0, torch.where(seeds >= 0, seeds, table.numel() - 1), value, "amin")


def claim_pairs(known: Tensor, candidates: Tensor, count: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Number pairs (seed, node) by sorting, because there are too many of them for a table."""
    both = torch.cat([known, candidates])
    order = torch.sort(both, stable=True).indices
    ranked = both[order]
    begins = torch.ones_like(ranked, dtype=torch.bool)
    begins[1:] = ranked[1:] != ranked[:-1]
    # The stable sort puts the earliest of equal pairs first.
    start = torch.cummax(torch.where(begins, torch.arange(len(both), device=both.device), 0), 0).values
    owner = torch.empty_like(order)
    owner[order] = order[start]
    owner = owner[len(known) :]
    real = candidates >= 0
    position = torch.arange(len(candidates), device=both.device)
    first = (owner == position + len(known)) & real
    number = torch.cumsum(first, 0) + (count - 1)
    held = owner < len(known)
    local = torch.where(held, owner, number[(owner - len(known)).clamp(min=0)]) if len(candidates) else candidates
    return torch.where(real, local, -1), first, count + first.sum()
