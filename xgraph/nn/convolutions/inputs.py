"""Checks of the arguments that a user's model passes to a convolution."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xgraph.nn.convolutions.block import Block, count_self_loops, in_degree
from xgraph.nn.convolutions.sums import Nodes

WHERE = {
    "n_id": "batches from PyG's and xgraph's loaders have it",
    "degree": "batches from xgraph.sampling.NeighborLoader have it; for PyG's loaders, first set "
    "data.degree = xgraph.sampling.in_degree(data)",
}


def check_layout(x: Tensor) -> None:
    """Raise unless vectors are dense or in the sparse format CSR."""
    if x.layout not in (torch.strided, torch.sparse_csr):
        raise ValueError(
            f"x must be dense or sparse in the format CSR, got {str(x.layout).removeprefix('torch.')}; convert it once "
            "with x.to_sparse_csr() or x.to_dense()"
        )


def block_of(
    conv: Any,
    x: Nodes,
    edge_index: Tensor,
    n_id: Tensor | None,
    degree: Tensor | None,
    num_targets: int | None,
    self_loops: Tensor | None = None,
    *,
    needed: tuple[str, ...],
    separate: bool = False,
) -> Block:
    """Check the arguments of a layer's `forward`, and return them as a block.

    If `separate`, the targets need not be the first of the sources, as in a graph with node types: `n_id` and `degree`
    may have one entry per target.
    """
    sent, own = x if isinstance(x, tuple) else (x, x)
    for vectors in (sent, own):
        if not isinstance(vectors, Tensor) or vectors.dim() != 2:
            got = list(vectors.shape) if isinstance(vectors, Tensor) else type(vectors).__name__
            raise ValueError(f"x must have shape [N, C], or be a pair of such tensors, got {got}")
        check_layout(vectors)
    count, most = sent.size(0), own.size(0) if separate else min(sent.size(0), own.size(0))
    num_targets = own.size(0) if num_targets is None else num_targets
    if not 0 <= num_targets <= most:
        raise ValueError(f"num_targets must be between 0 and {most}, the number of nodes in x, got {num_targets}")
    edge_index = _edges(edge_index, count, num_targets)
    for name, value in (("n_id", n_id), ("degree", degree), ("self_loops", self_loops)):
        if value is None:
            if name in needed:
                raise ValueError(f"{type(conv).__name__} with feature momentum needs {name} in training: {WHERE[name]}")
        elif list(value.shape) != [count] and not (separate and list(value.shape) == [own.size(0)]):
            raise ValueError(
                f"{name} must have one entry for each of the {count} nodes in x, got shape {list(value.shape)}; for a "
                f"trimmed batch, pass {name}[: x.size(0)]"
            )
        elif value.device != edge_index.device:
            raise ValueError(
                f"{name} must be on the same device as edge_index, {edge_index.device}, got {value.device}"
            )
    if degree is None:
        degree = in_degree(edge_index[1], max(count, num_targets))
    elif degree.device.type == "cpu" and bool((degree[edge_index[1]] < 1).any()):
        raise ValueError(
            "degree must hold the true in-degrees, but it is 0 for a node with incoming edges in edge_index"
        )
    n_id = torch.arange(max(count, num_targets), device=edge_index.device) if n_id is None else n_id
    if self_loops is None and getattr(conv, "add_self_loops", False):
        self_loops = count_self_loops(edge_index, degree)
    return Block(edge_index, num_targets, degree, n_id, self_loops)


def _edges(edge_index: Tensor, num_nodes: int, num_targets: int) -> Tensor:
    if hasattr(edge_index, "as_tensor"):  # PyG's EdgeIndex
        edge_index = edge_index.as_tensor()
    if not isinstance(edge_index, Tensor) or edge_index.layout != torch.strided:
        raise TypeError(
            "edge_index must be a tensor of integers with shape [2, E], got a sparse matrix: convert it with "
            "torch_geometric.utils.to_edge_index(adj_t.t())[0]"
            if hasattr(edge_index, "t")
            else f"edge_index must be a tensor of integers with shape [2, E], got {type(edge_index).__name__}"
        )
    if edge_index.dim() != 2 or edge_index.size(0) != 2:
        raise ValueError(f"edge_index must have shape [2, E], got {list(edge_index.shape)}")
    if edge_index.is_floating_point() or edge_index.dtype == torch.bool:
        raise TypeError(f"edge_index must be a tensor of integers, got {edge_index.dtype}")
    if edge_index.device.type == "cpu" and edge_index.numel():  # checking would synchronise a GPU
        for what, ends, most in (("source", edge_index[0], num_nodes), ("target", edge_index[1], num_targets)):
            low, high = (int(i) for i in ends.aminmax())
            if low < 0 or high >= most:
                raise IndexError(
                    f"edge_index has {what} {low if low < 0 else high}, but the {what}s are nodes 0 to {most - 1}"
                )
    return edge_index.long()
