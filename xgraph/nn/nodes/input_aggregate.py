"""Exact aggregates of the input features, computed once because the features are constant."""

from typing import Any

import torch
from torch import Tensor, nn

from xgraph.nn.convolutions import WeightedSum, convolution_of
from xgraph.nn.convolutions.block import Block
from xgraph.nn.convolutions.rows import take_rows
from xgraph.nn.nodes.in_edges import CHUNK_EDGES, InEdges
from xgraph.nn.nodes.model import NodeModel


def input_aggregate(model: nn.Module, x: Tensor, edges: Tensor | InEdges, *, chunk_edges: int = CHUNK_EDGES) -> Tensor:
    r"""Return the exact aggregates of the input features, :math:`\hat A_v` over all neighbours, for every node v.

    The first layer can use them instead of a table. Store them as an attribute of the graph,
    ``data.x_aggr = input_aggregate(model, data.x, data.edge_index)``: loaders slice it along with the features, and a
    model with `exact_input` reads it. The result depends on the type of the convolution, not on its weights: it is the
    mean over the neighbours for `GraphSAGEFM`, and the sum weighted by degrees for `GCNFM`.

    Args:
        model: A `NodeModel`, whose first convolution is used, or a convolution.
        x: Features of all nodes, dense or ``torch.sparse_csr``. Shape ``[N, C]``.
        edges: An ``edge_index`` or an `InEdges`.
        chunk_edges: Maximum number of edges processed together, unless a single node has more.

    Returns:
        The aggregates in float32 or wider, in the layout and on the device of `x`. Shape ``[N, C]``.

    Raises:
        ValueError: If the convolution is not a weighted sum of its input (`GATConv`), or a shape is wrong.
        IndexError: If an edge refers to a node outside 0 to N − 1.

    Example:
        >>> from torch_geometric.nn import SAGEConv
        >>> input_aggregate(SAGEConv(1, 8), torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([[1, 2, 0], [0, 0, 2]]))
        tensor([[3.],
                [0.],
                [1.]])
    """
    conv: Any = model.convs[0] if isinstance(model, NodeModel) else model
    kind = convolution_of(conv)
    if not isinstance(kind, WeightedSum) or not kind.linear:
        raise ValueError(
            f"{type(conv).__name__} is not a weighted sum of its input, so the input cannot be aggregated in advance"
        )
    if x.dim() != 2:
        raise ValueError(f"x must have shape [N, C], got {list(x.shape)}")
    if chunk_edges < 1:
        raise ValueError(f"chunk_edges must be at least 1, got {chunk_edges}")
    graph = InEdges.of(edges, len(x))
    place = torch.full((len(x),), -1)
    loops = graph.self_loops() if getattr(conv, "add_self_loops", False) else None
    dtype = torch.promote_types(torch.promote_types(x.dtype, torch.float32), next(conv.parameters()).dtype)
    sparse, parts = x.layout == torch.sparse_csr, []
    out = torch.empty(0 if sparse else len(x), x.size(1), dtype=dtype, device=x.device)
    with torch.no_grad():
        for chunk in graph.chunks(torch.arange(len(x)), chunk_edges):
            nodes, block = graph.block(chunk, place, loops)
            rows = take_rows(x, nodes.to(x.device)).to(dtype)
            if sparse:
                parts.append(_product(kind, conv, rows.cpu(), block))
            else:
                out[chunk.to(x.device)] = kind.aggregate(conv, rows, block.to(x.device))
    return _stack(parts, x, dtype) if sparse else out


def _product(kind: WeightedSum, conv: Any, x: Tensor, block: Block) -> Any:
    """Return a chunk's aggregates as a SciPy matrix: torch needs MKL to multiply two sparse matrices."""
    from scipy.sparse import csr_array

    (source, target), weight = block.edge_index, kind.edge_weight(conv, block)
    own = kind.own_weight(conv, block)
    if own is not None:
        itself = torch.arange(block.num_targets)
        source, target = torch.cat([source, itself]), torch.cat([target, itself])
        weight = torch.cat([weight, own])
    matrix = csr_array((weight.numpy(), (target.numpy(), source.numpy())), shape=(block.num_targets, len(x)))
    rows = csr_array((x.values().numpy(), x.col_indices().numpy(), x.crow_indices().numpy()), shape=tuple(x.shape))
    return matrix @ rows


def _stack(parts: list[Any], x: Tensor, dtype: torch.dtype) -> Tensor:
    """Stack the chunks' SciPy matrices into one torch matrix."""
    from scipy.sparse import vstack

    if not parts:
        return x.to(dtype)
    whole = vstack(parts, format="csr")
    whole.sort_indices()
    begin, column = (torch.from_numpy(i).to(x.device, x.crow_indices().dtype) for i in (whole.indptr, whole.indices))
    values = torch.from_numpy(whole.data).to(x.device, dtype)
    return torch.sparse_csr_tensor(begin, column, values, tuple(x.shape), check_invariants=False)
