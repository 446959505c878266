"""A graph's edges by their targets, and blocks of them, a chunk of targets after another."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from xgraph.nn.convolutions.block import Block

CHUNK_EDGES = 2**18
"""Edges of a chunk: with 256 channels, their messages take 256 MiB."""


class InEdges(NamedTuple):
    """A graph's edges by their targets, in compressed columns.

    Args:
        colptr: Where the edges into each node begin; the last entry is their number. Shape ``[N + 1]``.
        row: Source of each edge. Shape ``[E]``.
    """

    colptr: Tensor
    row: Tensor

    @classmethod
    def from_edge_index(cls, edge_index: Tensor, num_nodes: int) -> "InEdges":
        """Sort edges by target.

        Args:
            edge_index: Source and target of each edge. Shape ``[2, E]``.
            num_nodes: Number of nodes N.

        Raises:
            ValueError: If `edge_index` has another shape.
            IndexError: If an edge leads to or from a node that is not there.

        Example:
            >>> InEdges.from_edge_index(torch.tensor([[0, 1, 2], [1, 0, 1]]), 3)
            InEdges(colptr=tensor([0, 1, 3, 3]), row=tensor([1, 0, 2]))
        """
        if edge_index.dim() != 2 or edge_index.size(0) != 2:
            raise ValueError(f"edge_index must have shape [2, E], got {list(edge_index.shape)}")
        if edge_index.numel():
            least, most = (int(i) for i in edge_index.aminmax())
            if least < 0 or most >= num_nodes:
                raise IndexError(
                    f"edge_index holds {least if least < 0 else most}, but the graph has {num_nodes} nodes"
                )
        order = edge_index[1].argsort(stable=True)
        counts = torch.bincount(edge_index[1], minlength=num_nodes)
        return cls(torch.cat([counts.new_zeros(1), counts.cumsum(0)]), edge_index[0][order])

    @classmethod
    def of(cls, edges: "Tensor | InEdges", num_nodes: int) -> "InEdges":
        """Edges sorted by target, in host memory, of `edges` that are sorted already or not, on any device."""
        graph = edges if isinstance(edges, InEdges) else cls.from_edge_index(edges.cpu(), num_nodes)
        if graph.colptr.numel() != num_nodes + 1:
            raise ValueError(f"x has {num_nodes} rows, but the graph has {graph.colptr.numel() - 1} nodes")
        return cls(graph.colptr.cpu(), graph.row.cpu())

    def sources(self, targets: Tensor) -> tuple[Tensor, Tensor]:
        """The sources of all edges into nodes in ascending order, and how many edges each of these has."""
        first = self.colptr[targets]
        counts = self.colptr[targets + 1] - first
        if len(targets) and int(targets[-1]) - int(targets[0]) + 1 == len(targets):  # in a row, as they are ascending
            return self.row[int(first[0]) : int(first[-1] + counts[-1])], counts
        ends = counts.cumsum(0)
        entries = torch.arange(int(counts.sum())) + (first - ends + counts).repeat_interleave(counts)
        return self.row[entries], counts

    def chunks(self, targets: Tensor, chunk_edges: int = CHUNK_EDGES) -> Iterator[Tensor]:
        """Cut nodes in ascending order into parts of at most so many edges; loops of their own count as one each."""
        ends = (self.colptr[targets + 1] - self.colptr[targets] + 1).cumsum(0)
        begin, before = 0, 0
        while begin < len(targets):
            end = max(int(torch.searchsorted(ends, before + chunk_edges, right=True)), begin + 1)
            yield targets[begin:end]
            begin, before = end, int(ends[end - 1])

    def block(self, targets: Tensor, place: Tensor) -> tuple[Tensor, Block]:
        """The nodes that a chunk looks at, itself first, and its edges; `place` is scratch space: -1 for every node."""
        row, counts = self.sources(targets)
        row = row.long()
        place[targets] = torch.arange(len(targets))
        others = torch.unique(row[place[row] < 0])
        place[others] = torch.arange(len(targets), len(targets) + len(others))
        nodes = torch.cat([targets, others])
        edge_index = torch.stack([place[row], torch.arange(len(targets)).repeat_interleave(counts)])
        place[nodes] = -1
        degree = self.colptr[nodes + 1] - self.colptr[nodes]
        return nodes, Block(edge_index, len(targets), degree, nodes)
