"""A fast hash of molecular graphs that does not depend on the numbering of atoms."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from xgraph.data.molecules.packed import PackedGraphs

ROUNDS = 6  # radius, in bonds, of the neighbourhood of each atom that enters the key
BLOCK = 10_000  # graphs hashed at a time


def graph_keys(graphs: PackedGraphs) -> NDArray[np.int64]:
    """Return a 64-bit hash of each graph, which is invariant to the order of atoms and ignores stereochemistry."""
    blocks = [np.arange(i, min(i + BLOCK, len(graphs))) for i in range(0, len(graphs), BLOCK)]
    return np.concatenate([np.empty(0, dtype=np.int64), *(_colors(graphs.take(block)) for block in blocks)])


def _colors(graphs: PackedGraphs) -> NDArray[np.int64]:
    """Apply Weisfeiler-Lehman colouring to all graphs together; sums wrap around in 64 bits."""
    color = torch.zeros(len(graphs.x), dtype=torch.long)
    for column in torch.from_numpy(np.delete(graphs.x, 1, axis=1)).long().unbind(1):  # without chirality
        color = _mix(color * 131 + column)
    start, end = torch.from_numpy(graphs.offset_ends()).unbind(1)
    kind = torch.from_numpy(graphs.bond_attr[:, 0].astype(np.int64))
    for _ in range(ROUNDS):
        around = torch.zeros_like(color)
        around.index_add_(0, start, _mix(color[end] * 8 + kind))
        around.index_add_(0, end, _mix(color[start] * 8 + kind))
        color = _mix(color * 31 + around)
    owner = torch.from_numpy(np.repeat(np.arange(len(graphs)), np.diff(graphs.atom_ptr)))
    return torch.zeros(len(graphs), dtype=torch.long).index_add_(0, owner, _mix(color)).numpy()


def _mix(value: torch.Tensor) -> torch.Tensor:
    """Mix the bits of 64-bit integers, with the multipliers of splitmix64; overflow wraps around."""
    value = (value ^ (value >> 30)) * -0x40A7B892E31B1A47
    value = (value ^ (value >> 27)) * -0x6B2FB644ECCEEE15
    return value ^ (value >> 31)
