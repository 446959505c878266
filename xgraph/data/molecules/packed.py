"""Many molecular graphs in five flat arrays, from which batches are created without a Python loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:  # PyG takes seconds to import, and splitting or checking files does not need it
    from torch_geometric.data import Batch, Data


def _ptr(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts, dtype=np.int64)])


def _ranges(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the concatenated ranges [start, start + count)."""
    shift = starts - np.cumsum(counts) + counts
    return np.arange(int(counts.sum()), dtype=np.int64) + np.repeat(shift, counts)


@dataclass(frozen=True)
class PackedGraphs:
    """Packed graphs; graph i has the atoms atom_ptr[i]:atom_ptr[i+1] and the bonds bond_ptr[i]:bond_ptr[i+1]."""

    x: NDArray[np.uint8]  # [atoms, 9]
    ends: NDArray[np.signedinteger]  # [bonds, 2], positions of atoms within the molecule
    bond_attr: NDArray[np.uint8]  # [bonds, 3]; a bond is listed once here and twice in a graph's edges
    atom_ptr: NDArray[np.int64]
    bond_ptr: NDArray[np.int64]

    @classmethod
    def from_counts(
        cls,
        x: NDArray[np.uint8],
        ends: NDArray[np.signedinteger],
        bond_attr: NDArray[np.uint8],
        num_atoms: NDArray[np.int64],
        num_bonds: NDArray[np.int64],
    ) -> PackedGraphs:
        """Create graphs from their arrays and the numbers of atoms and bonds of each."""
        narrow = np.int16 if num_atoms.max(initial=0) <= 2**15 else np.int32
        return cls(x, ends.astype(narrow, copy=False), bond_attr, _ptr(num_atoms), _ptr(num_bonds))

    @classmethod
    def concatenate(cls, parts: Sequence[PackedGraphs]) -> PackedGraphs:
        """Concatenate the graphs of all parts."""
        if not parts:
            return cls.concatenate([_EMPTY])
        return cls.from_counts(
            np.concatenate([part.x for part in parts]),
            np.concatenate([part.ends for part in parts]),
            np.concatenate([part.bond_attr for part in parts]),
            np.concatenate([np.diff(part.atom_ptr) for part in parts]),
            np.concatenate([np.diff(part.bond_ptr) for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.atom_ptr) - 1

    def graph(self, i: int) -> Data:
        """Return graph i as PyG `Data` with int64 `x`, `edge_index` and `edge_attr`."""
        from torch_geometric.data import Data

        atoms = slice(self.atom_ptr[i], self.atom_ptr[i + 1])
        bonds = slice(self.bond_ptr[i], self.bond_ptr[i + 1])
        return Data(
            x=torch.from_numpy(self.x[atoms].astype(np.int64)),
            edge_index=torch.from_numpy(_edges(self.ends[bonds].astype(np.int64))),
            edge_attr=torch.from_numpy(np.repeat(self.bond_attr[bonds], 2, axis=0).astype(np.int64)),
        )

    def take(self, index: NDArray[np.int64]) -> PackedGraphs:
        """Select the graphs at these positions, in this order."""
        num_atoms = self.atom_ptr[index + 1] - self.atom_ptr[index]
        num_bonds = self.bond_ptr[index + 1] - self.bond_ptr[index]
        atoms = _ranges(self.atom_ptr[index], num_atoms)
        bonds = _ranges(self.bond_ptr[index], num_bonds)
        return PackedGraphs(self.x[atoms], self.ends[bonds], self.bond_attr[bonds], _ptr(num_atoms), _ptr(num_bonds))

    def offset_ends(self) -> NDArray[np.int64]:
        """Return both atoms of each bond as positions among all graphs' atoms, int64 [bonds, 2]."""
        offset = np.repeat(self.atom_ptr[:-1], np.diff(self.bond_ptr))
        return self.ends + offset[:, None]

    def batch(self, index: NDArray[np.int64], **per_graph: Tensor) -> Batch:
        """Return the same as `Batch.from_data_list` of these graphs."""
        from torch_geometric.data import Batch

        part = self.take(index)
        atom_ptr, edge_ptr = torch.from_numpy(part.atom_ptr), torch.from_numpy(2 * part.bond_ptr)
        n = len(index)
        batch = Batch(
            x=torch.from_numpy(part.x.astype(np.int64)),
            edge_index=torch.from_numpy(_edges(part.offset_ends())),
            edge_attr=torch.from_numpy(np.repeat(part.bond_attr, 2, axis=0).astype(np.int64)),
            batch=torch.from_numpy(np.repeat(np.arange(n), np.diff(part.atom_ptr))),
            ptr=atom_ptr,
            **per_graph,
        )
        # `to_data_list` and `batch[i]` need these to split the batch again.
        rows, zero = torch.arange(n + 1), torch.zeros(n, dtype=torch.long)
        slices = {"x": atom_ptr, "edge_index": edge_ptr, "edge_attr": edge_ptr}
        batch._num_graphs = n
        batch._slice_dict = slices | dict.fromkeys(per_graph, rows)
        batch._inc_dict = dict.fromkeys(batch._slice_dict, zero) | {"edge_index": atom_ptr[:-1]}
        return batch


def _edges(ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Convert bonds [B, 2] to edges [2, 2B], with both directions of a bond next to each other."""
    edges = np.empty((2, len(ends), 2), dtype=np.int64)
    edges[0] = ends
    edges[1] = ends[:, ::-1]
    return edges.reshape(2, -1)


_EMPTY = PackedGraphs.from_counts(
    np.empty((0, 9), dtype=np.uint8),
    np.empty((0, 2), dtype=np.int16),
    np.empty((0, 3), dtype=np.uint8),
    np.empty(0, dtype=np.int64),
    np.empty(0, dtype=np.int64),
)
