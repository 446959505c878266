"""The self-loops of a graph's nodes."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from xgraph.sampling.engines.edge_lists import EDGE, check_edge_index, edges_of

if TYPE_CHECKING:
    from torch_geometric.data import Data


def self_loops(data: Data | tuple[Tensor, int]) -> Tensor:
    """Return the number of self-loops of each node, which `GCNConv` and `GATConv` with feature momentum need.

    The loaders of `xgraph.sampling` add it to their batches by themselves if the graph has self-loops; with PyG's own
    loaders, set ``data.self_loops = self_loops(data)``.

    Args:
        data: PyG's ``Data``, or a pair ``(edge_index, num_nodes)``.

    Returns:
        Shape ``[num_nodes]``, int64.

    Raises:
        TypeError: If ``data`` has another type, or ids are not integers.
        ValueError: If there is no ``edge_index``, the number of nodes is unknown, or the graph has several types.
        IndexError: If an edge refers to a node that does not exist.

    Example:
        >>> self_loops((torch.tensor([[0, 1, 1], [1, 1, 1]]), 3)).tolist()
        [0, 2, 0]
    """
    edges = edges_of(data)
    if edges[0][0] != EDGE:
        raise ValueError("data must have one type of nodes and edges, got a heterogeneous graph")
    _, edge_index, num_nodes, _ = edges[0]
    check_edge_index(edge_index, num_nodes, num_nodes, "edge_index")
    return torch.bincount(edge_index[0][edge_index[0] == edge_index[1]], minlength=num_nodes)


def with_self_loops(data: Any) -> Any:
    """Return a graph with the attribute `self_loops`, unless it has the attribute, several types, or no self-loops."""
    if "self_loops" in data:
        return data
    edges = edges_of(data)
    if edges[0][0] != EDGE or not bool((edges[0][1][0] == edges[0][1][1]).any()):
        return data
    data = copy.copy(data)
    data.self_loops = self_loops(data)
    return data
