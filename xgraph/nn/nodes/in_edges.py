"""A graph's edges sorted by target, and their division into chunks."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from xgraph.nn.convolutions.block import Block

CHUNK_EDGES = 2**18
"""Default number of edges in a chunk: with 256 channels, their messages take 256 MiB."""


class InEdges(NamedTuple):
    """A graph's edges sorted by target, in compressed sparse column (CSC) format.

    Args:
        colptr: Position of the first edge into each node; the last entry is the number of edges. Shape ``[N + 1]``.
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
            IndexError: If an edge refers to a node outside 0 to N − 1.

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
        """Return edges sorted by target in host memory, from an edge index or from sorted edges on any device."""
        graph = edges if isinstance(edges, InEdges) else cls.from_edge_index(edges.cpu(), num_nodes)
        if graph.colptr.numel() != num_nodes + 1:
            raise ValueError(f"x has {num_nodes} rows, but the graph has {graph.colptr.numel() - 1} nodes")
        return cls(graph.colptr.cpu(), graph.row.cpu())

    def sources(self, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sources of all edges into the given nodes (ascending), and the number of edges into each."""
        first = self.colptr[targets]
        counts = self.colptr[targets + 1] - first
        if len(targets) and int(targets[-1]) - int(targets[0]) + 1 == len(targets):  # contiguous, as they are ascending
            return self.row[int(first[0]) : int(first[-1] + counts[-1])], counts
        ends = counts.cumsum(0)
        entries = torch.arange(int(counts.sum())) + (first - ends + counts).repeat_interleave(counts)
        return self.row[entries], counts

    def chunks(self, targets: Tensor, chunk_edges: int = CHUNK_EDGES) -> Iterator[Tensor]:
        """Split ascending nodes into chunks of at most `chunk_edges` edges; each node counts as one extra edge."""
        ends = (self.colptr[targets + 1] - self.colptr[targets] + 1).cumsum(0)
        begin, before = 0, 0
        while begin < len(targets):
            end = max(int(torch.searchsorted(ends, before + chunk_edges, right=True)), begin + 1)
            yield targets[begin:end]
            begin, before = end, int(ends[end - 1])

    def self_loops(self, chunk_edges: int = CHUNK_EDGES) -> Tensor | None:
        """Count the self-loops of each node; None if there are none."""
        count, has_loops = torch.zeros(self.colptr.numel() - 1, dtype=torch.long), False
        for chunk in self.chunks(torch.arange(len(count)), chunk_edges):
            row, counts = self.sources(chunk)
            target = chunk.repeat_interleave(counts)
            loop = row == target
            if bool(loop.any()):
                has_loops = True
                count.index_add_(0, target, loop.long())
        return count if has_loops else None

    def block(self, targets: Tensor, place: Tensor, loops: Tensor | None = None) -> tuple[Tensor, Block]:
        """Return a chunk's nodes, targets first, and its edges; `place` is scratch space with -1 for every node."""
        row, counts = self.sources(targets)
        row = row.long()
        place[targets] = torch.arange(len(targets))
        others = torch.unique(row[place[row] < 0])
        place[others] = torch.arange(len(targets), len(targets) + len(others))
        nodes = torch.cat([targets, others])
        edge_index = torch.stack([place[row], torch.arange(len(targets)).repeat_interleave(counts)])
        place[nodes] = -1
        degree = self.colptr[nodes + 1] - self.colptr[nodes]
        return nodes, Block(edge_index, len(targets), degree, nodes, None if loops is None else loops[nodes])
