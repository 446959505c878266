"""A graph in the format of neighbour sampling: for every node, the list of its incoming edges."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xgraph.sampling.engines.edge_lists import (
    EDGE,
    NODE,
    EdgeType,
    check_edge_index,
    edges_of,
    name_of,
    narrow,
    num_nodes_of,
)

if TYPE_CHECKING:
    from torch_geometric.data import Data, HeteroData

__all__ = ["EDGE", "NODE", "EdgeType", "Graph", "Topology", "in_degree"]


@dataclass
class Topology:
    """The edges of one type in compressed sparse columns.

    Attributes:
        colptr: Position in ``row`` where each target's edges begin. Shape ``[num_dst + 1]``, int64.
        row: Source of every edge, sorted by target. Shape ``[E]``, int32 if the ids fit, otherwise int64. It can be a
            strided view: on the CPU, ``row`` and ``perm`` are interleaved, because they are read together.
        perm: Position of every sorted edge in ``edge_index``. Shape ``[E]``, int32 or int64; None if unchanged.
        num_src: Number of source nodes.
        num_dst: Number of target nodes.

    Example:
        >>> topology = Topology.from_edge_index(torch.tensor([[0, 1, 2], [1, 0, 1]]), 3, 3)
        >>> topology.colptr.tolist(), topology.row.tolist(), topology.perm.tolist()
        ([0, 1, 3, 3], [1, 0, 2], [1, 0, 2])
    """

    colptr: Tensor
    row: Tensor
    perm: Tensor | None
    num_src: int
    num_dst: int

    @classmethod
    def from_edge_index(cls, edge_index: Tensor, num_src: int, num_dst: int, name: str = "edge_index") -> "Topology":
        """Sort edges by target; edges of one target keep their order."""
        check_edge_index(edge_index, num_src, num_dst, name)
        edge_index = edge_index.detach()
        if edge_index.device.type == "cpu":
            return cls(*_counting_sort(edge_index, num_src, num_dst), num_src, num_dst)
        return cls(*_sort(edge_index, num_src, num_dst), num_src, num_dst)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle interleaved arrays only once."""
        rest = self.num_src, self.num_dst
        if self.pairs is None:
            return Topology, (self.colptr, self.row, self.perm, *rest)
        return _from_pairs, (self.colptr, self.pairs, *rest)

    @cached_property
    def max_degree(self) -> int:
        """Largest in-degree of a node; read from the device once."""
        return int(self.colptr.diff().max()) if self.num_dst else 0

    @cached_property
    def degree(self) -> Tensor:
        """In-degree of each node, counting parallel edges. Shape ``[num_dst]``, int64."""
        return self.colptr.diff()

    @property
    def num_edges(self) -> int:
        """Number of edges."""
        return self.row.numel()

    @property
    def nbytes(self) -> int:
        """Size of the arrays in bytes."""
        parts = [self.colptr, self.row] + ([] if self.perm is None else [self.perm])
        return sum(part.numel() * part.element_size() for part in parts)

    @property
    def pairs(self) -> Tensor | None:
        """The interleaved array of ``row`` and ``perm``, shape ``[E, 2]``; None if they are separate."""
        if self.perm is None or self.row.untyped_storage().data_ptr() != self.perm.untyped_storage().data_ptr():
            return None
        return self.row.as_strided((self.num_edges, 2), (2, 1))

    def map(self, function: Callable[[Tensor], Tensor], keep_pairs: bool = False) -> "Topology":
        """Return a topology with ``function`` applied to every array."""
        colptr, pairs = function(self.colptr), self.pairs
        if pairs is not None and keep_pairs:
            return _from_pairs(colptr, function(pairs), self.num_src, self.num_dst)
        perm = None if self.perm is None else function(self.perm.contiguous())
        return Topology(colptr, function(self.row.contiguous()), perm, self.num_src, self.num_dst)

    def to(self, device: torch.device | str) -> "Topology":
        """Return the topology on ``device``; the topology itself if it is already there."""
        if self.colptr.device == torch.device(device):
            return self
        return self.map(lambda part: part.to(device))

    def pin_memory(self) -> "Topology":
        """Return a copy in page-locked memory."""
        return self.map(Tensor.pin_memory)


def _counting_sort(edge_index: Tensor, num_src: int, num_dst: int) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return colptr, row and perm of edges on the CPU, without other memory that grows with the number of edges."""
    from xgraph.sampling.engines import numba_topology as loops  # compilers take a second to import

    edges = edge_index if edge_index.dtype in (torch.int64, torch.int32) else edge_index.long()
    src, dst = edges.numpy()
    colptr = np.zeros(num_dst + 1, np.int64)
    is_sorted = loops.count_targets(dst, colptr)
    id_type, edge_type = (np.int32 if narrow(size) == torch.int32 else np.int64 for size in (num_src, len(src)))
    # Unlike torch, NumPy requests huge pages, which reduces page-table misses of random reads.
    if is_sorted:
        row: NDArray[Any] = np.empty(len(src), id_type)
        row[:] = src
        return torch.from_numpy(colptr), torch.from_numpy(row), None
    if id_type == edge_type:
        pairs = torch.from_numpy(np.empty((len(src), 2), id_type))
        sources, perm = pairs[:, 0], pairs[:, 1]
    else:
        sources, perm = (torch.from_numpy(np.empty(len(src), kind)) for kind in (id_type, edge_type))
    loops.fill_lists(src, dst, colptr[:-1].copy(), sources.numpy(), perm.numpy())
    return torch.from_numpy(colptr), sources, perm


def _sort(edge_index: Tensor, num_src: int, num_dst: int) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return colptr, row and perm of edges on a GPU."""
    src, dst = edge_index
    colptr = torch.zeros(num_dst + 1, dtype=torch.int64, device=dst.device)
    torch.cumsum(torch.bincount(dst, minlength=num_dst), 0, out=colptr[1:])
    id_type = narrow(num_src)
    if bool((dst[1:] >= dst[:-1]).all()):
        return colptr, src.to(id_type, copy=True), None  # a copy, because the user may modify `edge_index`
    order = torch.sort(dst.to(narrow(num_dst)), stable=True).indices
    return colptr, src.to(id_type)[order], order.to(narrow(src.numel()))


def _from_pairs(colptr: Tensor, pairs: Tensor, num_src: int, num_dst: int) -> Topology:
    return Topology(colptr, pairs[:, 0], pairs[:, 1], num_src, num_dst)


@dataclass
class Graph:
    """The topologies of all edge types.

    Attributes:
        num_nodes: Number of nodes by type; homogeneous graphs have the type ``""``.
        topologies: Topology by edge type; homogeneous graphs have the type ``("", "", "")``.
    """

    num_nodes: dict[str, int]
    topologies: dict[EdgeType, Topology]

    @property
    def is_hetero(self) -> bool:
        """Whether the graph has node and edge types."""
        return EDGE not in self.topologies

    @property
    def nbytes(self) -> int:
        """Size of all topologies in bytes."""
        return sum(topology.nbytes for topology in self.topologies.values())

    @classmethod
    def from_data(cls, data: "Data | HeteroData | tuple[Tensor, int] | Graph") -> "Graph":
        """Build the topologies of a graph."""
        if isinstance(data, Graph):
            return data
        graph = cls({}, {})
        for edge_type, edge_index, num_src, num_dst in edges_of(data):
            topology = Topology.from_edge_index(edge_index, num_src, num_dst, name_of(edge_type))
            graph.topologies[edge_type] = topology
        graph.num_nodes = num_nodes_of(data)
        return graph

    def map(self, function: Callable[[Tensor], Tensor], keep_pairs: bool = False) -> "Graph":
        """Return a graph with ``function`` applied to every array; see :meth:`Topology.map`."""
        return Graph(self.num_nodes, {name: part.map(function, keep_pairs) for name, part in self.topologies.items()})

    def to(self, device: torch.device | str) -> "Graph":
        """Return the graph on ``device``."""
        return Graph(self.num_nodes, {name: topology.to(device) for name, topology in self.topologies.items()})

    def pin_memory(self) -> "Graph":
        """Return a copy in page-locked memory."""
        return Graph(self.num_nodes, {name: topology.pin_memory() for name, topology in self.topologies.items()})


def in_degree(data: "Data | HeteroData | tuple[Tensor, int] | Graph") -> "Tensor | dict[EdgeType, Tensor]":
    """Return the in-degree of each node in the whole graph, which feature momentum needs.

    Parallel edges are counted. :class:`NeighborLoader` adds the in-degrees to its batches by itself; with PyG's own
    loaders, set ``data.degree = in_degree(data)``.

    Args:
        data: PyG's ``Data`` or ``HeteroData``, or a pair ``(edge_index, num_nodes)``.

    Returns:
        Shape ``[num_nodes]``, int64; for ``HeteroData`` a dictionary by edge type, of shape ``[num_dst]`` each.

    Raises:
        TypeError: If ``data`` has another type, or ids are not integers.
        ValueError: If there is no ``edge_index``, or the number of nodes is unknown.
        IndexError: If an edge refers to a node that does not exist.

    Example:
        >>> in_degree((torch.tensor([[0, 1, 2], [1, 0, 1]]), 3)).tolist()
        [1, 2, 0]
    """
    if isinstance(data, Graph):
        degrees = {edge_type: topology.degree for edge_type, topology in data.topologies.items()}
    else:
        degrees = {}
        for edge_type, edge_index, num_src, num_dst in edges_of(data):
            check_edge_index(edge_index, num_src, num_dst, name_of(edge_type))
            degrees[edge_type] = torch.bincount(edge_index[1], minlength=num_dst)
    return degrees.get(EDGE, degrees)
