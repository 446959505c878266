"""Checks of the edges of PyG's data."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from xgraph.checks import holds_integers, integer, outside

_CONVERT = "only adj_t; convert it: data.edge_index = torch_geometric.utils.to_edge_index(data.adj_t)[0].flip(0)"

EdgeType = tuple[str, str, str]
NODE = ""
EDGE: EdgeType = ("", "", "")
"""The types of nodes and edges in a homogeneous graph."""


def check_edge_index(edge_index: Any, num_src: int, num_dst: int, name: str) -> None:
    """Raise an error unless `edge_index` holds edges between these nodes."""
    if not isinstance(edge_index, Tensor):
        raise TypeError(f"{name} must be a tensor, got {type(edge_index).__name__}")
    if not holds_integers(edge_index):
        raise TypeError(f"{name} must hold integers, got a tensor of dtype {edge_index.dtype}")
    if edge_index.ndim != 2 or edge_index.shape[0] != 2:
        raise ValueError(f"{name} must have shape [2, E], got {list(edge_index.shape)}")
    for ids, num_nodes, what in ((edge_index[0], num_src, "source"), (edge_index[1], num_dst, "target")):
        wrong = outside(ids, num_nodes)
        if wrong is not None:
            edge = int((ids == wrong).nonzero()[0])
            raise IndexError(
                f"{name} must hold node ids from 0 to {num_nodes - 1}, got {what} {wrong} at edge {edge} "
                f"(the graph has {num_nodes} {what} nodes)"
            )


def name_of(edge_type: EdgeType) -> str:
    """Return the name of an edge type's edges in error messages."""
    return "edge_index" if edge_type == EDGE else f"edge_index of {edge_type}"


def narrow(size: int) -> torch.dtype:
    """Return the integer type for numbers below `size`: int32 if they fit, otherwise int64."""
    return torch.int32 if size < 2**31 else torch.int64


def edges_of(data: Any) -> list[tuple[EdgeType, Any, int, int]]:
    """Return (edge type, edge index, number of sources, number of targets) of every type."""
    num_nodes = num_nodes_of(data)
    if isinstance(data, tuple):
        return [(EDGE, data[0], num_nodes[NODE], num_nodes[NODE])]
    if NODE in num_nodes:
        if getattr(data, "edge_index", None) is None:
            got = "none; use one of shape [2, 0] for a graph without edges"
            raise ValueError(f"data must have an edge_index, got {_CONVERT if 'adj_t' in data else got}")
        return [(EDGE, data.edge_index, num_nodes[NODE], num_nodes[NODE])]
    edges = []
    for edge_type in data.edge_types:
        if "edge_index" not in data[edge_type]:
            got = f"for {edge_type} {_CONVERT}" if "adj_t" in data[edge_type] else f"none for {edge_type}"
            raise ValueError(f"data must have an edge_index for every edge type, got {got}")
        for node_type in (edge_type[0], edge_type[2]):
            if node_type not in num_nodes:
                raise ValueError(
                    f"data must have the node type {node_type!r}, which its edge type {edge_type} refers to"
                )
        edges.append((edge_type, data[edge_type].edge_index, num_nodes[edge_type[0]], num_nodes[edge_type[2]]))
    if not edges:
        raise ValueError("data must have at least one edge type, got none")
    return edges


def num_nodes_of(data: Any) -> dict[str, int]:
    """Return the number of nodes by type."""
    if isinstance(data, tuple) and len(data) == 2:
        if not isinstance(data[1], int | float | np.integer | Tensor | None):  # the number itself is checked below
            kinds = " and ".join(type(part).__name__ for part in data)
            raise TypeError(
                f"data must be Data, HeteroData or (edge_index, num_nodes), got a pair of {kinds}; PyG's feature and "
                "graph stores are not supported"
            )
        sizes: dict[str, Any] = {NODE: data[1]}
    elif hasattr(data, "node_types") and hasattr(data, "edge_types"):
        sizes = {node_type: data[node_type].num_nodes for node_type in data.node_types}
    elif hasattr(data, "num_nodes"):
        sizes = {NODE: data.num_nodes}
    else:
        raise TypeError(f"data must be Data, HeteroData or (edge_index, num_nodes), got {type(data).__name__}")
    for node_type, size in sizes.items():
        if size is None:
            raise ValueError(
                f"num_nodes{f' of type {node_type!r}' if node_type else ''} is unknown: set num_nodes in data"
            )
        if isinstance(size, bool):
            raise TypeError(f"num_nodes must be an integer, got {size!r}")
        sizes[node_type] = integer(f"num_nodes{f' of type {node_type!r}' if node_type else ''}", size, 0)
    return sizes
