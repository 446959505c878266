"""Weighted sums over a block's edges."""

from __future__ import annotations

import torch
from torch import Tensor

from xgraph.nn.convolutions.block import Block, in_degree
from xgraph.nn.convolutions.rows import first_rows, sum_neighbors, take_rows

Nodes = Tensor | tuple[Tensor, Tensor]
"""Vectors of a block's nodes, targets first; or a pair with the vectors of all nodes and those of the targets."""


def sources(x: Nodes) -> Tensor:
    """Return the source vectors."""
    return x[0] if isinstance(x, tuple) else x


def targets(x: Nodes, block: Block) -> Tensor:
    """Return the targets' own vectors."""
    return first_rows(x[1] if isinstance(x, tuple) else x, block.num_targets)


def dense(x: Tensor) -> Tensor:
    """Return the matrix in dense layout."""
    return x.to_dense() if x.layout == torch.sparse_csr else x


def times(x: Tensor, weight: Tensor) -> Tensor:
    """Return each row multiplied by its weight, in dense layout."""
    return dense(x) * weight.to(x.dtype).unsqueeze(1)


def weighted_sum(x: Tensor, block: Block, weight: Tensor) -> Tensor:
    """Return the weighted sum of each target's source vectors."""
    source, target = block.edge_index[0], block.edge_index[1]
    if x.layout == torch.sparse_csr:
        rows = take_rows(x, source)
        length = rows.crow_indices().diff()
        where = target.repeat_interleave(length) * x.size(1) + rows.col_indices()
        total = weight.new_zeros(block.num_targets * x.size(1), dtype=x.dtype)
        values = rows.values() * weight.to(x.dtype).repeat_interleave(length)
        return total.index_add(0, where, values).view(block.num_targets, x.size(1))
    if weight.requires_grad and torch.is_grad_enabled():
        messages = x[source] * weight.to(x.dtype).unsqueeze(1)
        return x.new_zeros(block.num_targets, x.size(1)).index_add(0, target, messages)
    return sum_neighbors(x, block.edge_index, block.num_targets, weight)


def num_neighbors(block: Block) -> Tensor:
    """Count the neighbours of each target in the batch, without itself if the block counts self-loops."""
    loop, target = block.loop_edges, block.edge_index[1]
    if loop is None:
        return in_degree(target, block.num_targets)
    return torch.zeros_like(block.degree[: block.num_targets], dtype=torch.long).index_add_(0, target, (~loop).long())


def rescaling(block: Block, dtype: torch.dtype, *, loops: bool = True) -> Tensor:
    """Return the ratio of neighbours in the whole graph to those in the batch; 0 where the batch has none.

    If not `loops`, a node is not its own neighbour.
    """
    degree = block.degree[: block.num_targets]
    if loops or block.loops is None:
        count = in_degree(block.edge_index[1], block.num_targets)
    else:
        count, degree = num_neighbors(block), degree - block.loops[: block.num_targets]
    scale = degree.to(dtype) / count.clamp(min=1)
    return scale.masked_fill_(count == 0, 0)


def mean_or_sum(which: str, block: Block, dtype: torch.dtype) -> Tensor:
    """Return the weight of each edge in its target's mean or rescaled sum."""
    target = block.edge_index[1]
    if which == "sum":
        return rescaling(block, dtype)[target]
    return in_degree(target, block.num_targets).to(dtype).reciprocal_()[target]
