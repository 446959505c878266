"""A graph as neighbour sampling reads it: for every node the list of edges that point at it."""

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
        colptr: Where each target's edges begin in ``row``. Shape ``[num_dst + 1]``, int64.
        row: Source of every edge, sorted by target. Shape ``[E]``, int32 where the ids fit, else int64. It may be a
            strided view: on the CPU ``row`` and ``perm`` of a graph lie side by side, as they are read together.
        perm: Position of every sorted edge in ``edge_index``. Shape ``[E]``, int32 or int64; None: the same position.
        num_src: Number of nodes that edges may start at.
        num_dst: Number of nodes that edges may point at.

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
        """Pickle arrays that lie side by side once, not once for each."""
        rest = self.num_src, self.num_dst
        if self.pairs is None:
            return Topology, (self.colptr, self.row, self.perm, *rest)
        return _from_pairs, (self.colptr, self.pairs, *rest)

    @cached_property
    def max_degree(self) -> int:
        """Largest number of edges that point at one node; read from the device once."""
        return int(self.colptr.diff().max()) if self.num_dst else 0

    @cached_property
    def degree(self) -> Tensor:
        """Number of edges that point at each node, parallel edges counted. Shape ``[num_dst]``, int64."""
        return self.colptr.diff()

    @property
    def num_edges(self) -> int:
        """Number of edges."""
        return self.row.numel()

    @property
    def nbytes(self) -> int:
        """Bytes that the arrays take."""
        parts = [self.colptr, self.row] + ([] if self.perm is None else [self.perm])
        return sum(part.numel() * part.element_size() for part in parts)

    @property
    def pairs(self) -> Tensor | None:
        """``row`` and ``perm`` as the one array they lie in, of shape ``[E, 2]``; None if they do not."""
        if self.perm is None or self.row.untyped_storage().data_ptr() != self.perm.untyped_storage().data_ptr():
            return None
        return self.row.as_strided((self.num_edges, 2), (2, 1))

    def map(self, function: Callable[[Tensor], Tensor], keep_pairs: bool = False) -> "Topology":
        """Return a topology with ``function`` of every array."""
        colptr, pairs = function(self.colptr), self.pairs
        if pairs is not None and keep_pairs:
            return _from_pairs(colptr, function(pairs), self.num_src, self.num_dst)
        perm = None if self.perm is None else function(self.perm.contiguous())
        return Topology(colptr, function(self.row.contiguous()), perm, self.num_src, self.num_dst)

    def to(self, device: torch.device | str) -> "Topology":
        """Return the topology on ``device``; itself if it is there already."""
        if self.colptr.device == torch.device(device):
            return self
        return self.map(lambda part: part.to(device))

    def pin_memory(self) -> "Topology":
        """Return a copy in page-locked memory."""
        return self.map(Tensor.pin_memory)


def _counting_sort(edge_index: Tensor, num_src: int, num_dst: int) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return colptr, row and perm of edges on the CPU; besides them it needs no memory that grows with the edges."""
    from xgraph.sampling.engines import numba_topology as loops  # compilers take a second to import

    edges = edge_index if edge_index.dtype in (torch.int64, torch.int32) else edge_index.long()
    src, dst = edges.numpy()
    colptr = np.zeros(num_dst + 1, np.int64)
    is_sorted = loops.count_targets(dst, colptr)
    id_type, edge_type = (np.int32 if narrow(size) == torch.int32 else np.int64 for size in (num_src, len(src)))
    # NumPy asks for huge pages where torch does not; random reads then miss the page tables less often.
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
        return colptr, src.to(id_type, copy=True), None  # a copy, as `edge_index` is the user's to change
    order = torch.sort(dst.to(narrow(num_dst)), stable=True).indices
    return colptr, src.to(id_type)[order], order.to(narrow(src.numel()))


def _from_pairs(colptr: Tensor, pairs: Tensor, num_src: int, num_dst: int) -> Topology:
    return Topology(colptr, pairs[:, 0], pairs[:, 1], num_src, num_dst)


@dataclass
class Graph:
    """Topologies of all edge types.

    Attributes:
        num_nodes: Number of nodes by type; of a homogeneous graph: of type ``""``.
        topologies: By edge type; of a homogeneous graph: of type ``("", "", "")``.
    """

    num_nodes: dict[str, int]
    topologies: dict[EdgeType, Topology]

    @property
    def is_hetero(self) -> bool:
        """Whether it has types."""
        return EDGE not in self.topologies

    @property
    def nbytes(self) -> int:
        """Bytes that all topologies take."""
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
        """Return a graph with ``function`` of every array; see :meth:`Topology.map`."""
        return Graph(self.num_nodes, {name: part.map(function, keep_pairs) for name, part in self.topologies.items()})

    def to(self, device: torch.device | str) -> "Graph":
        """Return the graph on ``device``."""
        return Graph(self.num_nodes, {name: topology.to(device) for name, topology in self.topologies.items()})

    def pin_memory(self) -> "Graph":
        """Return a copy in page-locked memory."""
        return Graph(self.num_nodes, {name: topology.pin_memory() for name, topology in self.topologies.items()})


def in_degree(data: "Data | HeteroData | tuple[Tensor, int] | Graph") -> "Tensor | dict[EdgeType, Tensor]":
    """Return how many edges point at each node of the whole graph, as feature momentum wants to know.

    Args:
        data: PyG's ``Data`` or ``HeteroData``, or a pair ``(edge_index, num_nodes)``.

    Returns:
        Shape ``[num_nodes]``, int64; for ``HeteroData`` a dictionary by edge type, of shape ``[num_dst]`` each.

    Raises:
        TypeError: If ``data`` is something else, or ids are not integers.
        ValueError: If there is no ``edge_index``, or the number of nodes is not known.
        IndexError: If an edge points outside of the graph.

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
