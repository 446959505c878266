"""The bipartite graph of one layer: edges from all its nodes to its targets."""

from typing import NamedTuple

import torch
from torch import Tensor


class Block(NamedTuple):
    """The bipartite graph of one layer: edges from all its nodes to the targets, which are the first nodes.

    Args:
        edge_index: Source and target of each edge, as positions among the layer's nodes. Shape ``[2, E]``.
        num_targets: Number of targets, the nodes whose new vectors are computed.
        degree: In-degree of each node in the whole graph, regardless of sampling. Shape ``[N]``.
        n_id: Index of each node in the whole graph. Shape ``[N]``.
    """

    edge_index: Tensor
    num_targets: int
    degree: Tensor
    n_id: Tensor

    def to(self, device: torch.device | str) -> "Block":
        """Move the tensors to a device."""
        edge_index, num_targets, degree, n_id = self
        return Block(edge_index.to(device), num_targets, degree.to(device), n_id.to(device))


def in_degree(target: Tensor, num_nodes: int) -> Tensor:
    """Count the edges into each node."""
    count = torch.zeros(num_nodes, dtype=torch.long, device=target.device)
    return count.index_add_(0, target, torch.ones_like(target, dtype=torch.long))
