"""The edges of one layer, from its nodes to those that get new vectors."""

from typing import NamedTuple

import torch
from torch import Tensor


class Block(NamedTuple):
    """The edges of one layer, from all its nodes to the first of them.

    Args:
        edge_index: Source and target of each edge, as positions among the layer's nodes. Shape ``[2, E]``.
        num_targets: The first so many nodes get new vectors.
        degree: Number of edges into each node in the whole graph, whatever was sampled of them. Shape ``[N]``.
        n_id: The nodes' numbers in the whole graph. Shape ``[N]``.
    """

    edge_index: Tensor
    num_targets: int
    degree: Tensor
    n_id: Tensor

    def to(self, device: torch.device | str) -> "Block":
        """The same on a device."""
        edge_index, num_targets, degree, n_id = self
        return Block(edge_index.to(device), num_targets, degree.to(device), n_id.to(device))


def in_degree(target: Tensor, num_nodes: int) -> Tensor:
    """Number of edges into each node."""
    count = torch.zeros(num_nodes, dtype=torch.long, device=target.device)
    return count.index_add_(0, target, torch.ones_like(target, dtype=torch.long))
