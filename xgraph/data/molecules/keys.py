"""A cheap hash of molecular graphs that does not depend on how their atoms are numbered."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from xgraph.data.molecules.packed import PackedGraphs

ROUNDS = 6  # bonds around each atom that the graph key sees
BLOCK = 10_000  # graphs hashed at a time


def graph_keys(graphs: PackedGraphs) -> NDArray[np.int64]:
    """A 64-bit hash of each graph, the same for every order of its atoms and blind to stereochemistry."""
    blocks = [np.arange(i, min(i + BLOCK, len(graphs))) for i in range(0, len(graphs), BLOCK)]
    return np.concatenate([np.empty(0, dtype=np.int64), *(_colors(graphs.take(block)) for block in blocks)])


def _colors(graphs: PackedGraphs) -> NDArray[np.int64]:
    """Rounds of Weisfeiler-Lehman colouring over all graphs at once; sums wrap around in 64 bits."""
    color = torch.zeros(len(graphs.x), dtype=torch.long)
    for column in torch.from_numpy(np.delete(graphs.x, 1, axis=1)).long().unbind(1):  # not the chirality
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
    """Scatter 64-bit integers (the multipliers of splitmix64; overflow wraps)."""
    value = (value ^ (value >> 30)) * -0x40A7B892E31B1A47
    value = (value ^ (value >> 27)) * -0x6B2FB644ECCEEE15
    return value ^ (value >> 31)
