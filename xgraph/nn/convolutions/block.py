"""The bipartite graph of one layer: edges from all its nodes to its targets."""

import warnings
from typing import NamedTuple

import torch
from torch import Tensor

from xgraph.nn.layers.recording import is_recorded


class Block(NamedTuple):
    """The bipartite graph of one layer: edges from all its nodes to the targets, which are the first nodes.

    Args:
        edge_index: Source and target of each edge, as positions among the layer's nodes. Shape ``[2, E]``.
        num_targets: Number of targets, the nodes whose new vectors are computed.
        degree: In-degree of each node in the whole graph, regardless of sampling. Shape ``[N]``.
        n_id: Index of each node in the whole graph. Shape ``[N]``.
        loops: Number of self-loops of each node in the whole graph, shape ``[N]``; None if it has none. Only
            convolutions that add self-loops need it.
    """

    edge_index: Tensor
    num_targets: int
    degree: Tensor
    n_id: Tensor
    loops: Tensor | None = None

    @property
    def loop_edges(self) -> Tensor | None:
        """Mask of the edges that are self-loops, ``[E]``; None if the graph has none."""
        return None if self.loops is None else self.edge_index[0] == self.edge_index[1]

    def to(self, device: torch.device | str) -> "Block":
        """Move the tensors to a device."""
        edge_index, num_targets, degree, n_id, loops = self
        loops = None if loops is None else loops.to(device)
        return Block(edge_index.to(device), num_targets, degree.to(device), n_id.to(device), loops)


def in_degree(target: Tensor, num_nodes: int) -> Tensor:
    """Count the edges into each node."""
    count = torch.zeros(num_nodes, dtype=torch.long, device=target.device)
    return count.index_add_(0, target, torch.ones_like(target, dtype=torch.long))


def count_self_loops(edge_index: Tensor, degree: Tensor) -> Tensor | None:
    """Count the self-loops of each node of a batch; None if there are none.

    A node's self-loop may be in the graph but not in the batch. If that is possible, a warning says so; on a GPU,
    checking would force a synchronisation.
    """
    loop = edge_index[0] == edge_index[1]
    if not (loop.is_cuda or is_recorded()):
        if not bool(loop.any()):
            return None
        if not torch.equal(in_degree(edge_index[1], len(degree)), degree.long()):
            warnings.warn(
                "the graph has self-loops, but the batch does not tell which of its nodes have one, so only those in "
                "the batch are counted: pass self_loops=batch.self_loops, which batches of xgraph.sampling's loaders "
                "have; for PyG's loaders, first set data.self_loops = xgraph.sampling.self_loops(data)",
                stacklevel=3,
            )
    return torch.zeros_like(degree, dtype=torch.long).index_add_(0, edge_index[1], loop.long())
