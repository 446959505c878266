"""Exact layer-wise inference: each node's vector is computed once per layer, from all its neighbours."""

from collections.abc import Callable

import torch
from torch import Tensor

from xgraph.nn.convolutions.rows import take_rows
from xgraph.nn.nodes.in_edges import CHUNK_EDGES, InEdges
from xgraph.nn.nodes.model import NodeModel


def layerwise(
    model: NodeModel,
    x: Tensor,
    edges: Tensor | InEdges,
    nodes: Tensor | None = None,
    *,
    chunk_edges: int = CHUNK_EDGES,
    progress: Callable[[int, int, str], None] | None = None,
) -> Tensor:
    """Return exact logits of nodes, equal to a forward pass over the whole graph in evaluation mode.

    Each layer is computed chunk by chunk on the model's device, with all neighbours of each node. Intermediate vectors
    stay on the device of `x`. For any size of the graph, the model's device holds only one chunk, and the device of `x`
    two matrices of vectors. If `nodes` is given, earlier layers are computed only for the nodes that it depends on.

    Args:
        model: The model; it is switched to evaluation mode during the call.
        x: Features of all nodes, dense or ``torch.sparse_csr``. Shape ``[N, C]``.
        edges: An ``edge_index``, or an `InEdges`, which saves sorting the edges again when a graph is used repeatedly.
        nodes: Indices of the nodes to score, in any order; None means all. Shape ``[n]``.
        chunk_edges: Maximum number of edges processed together, unless a single node has more.
        progress: Called with ``(done, total, description)``.

    Returns:
        Logits, on the device of `x`. Shape ``[n, num_tasks]``.

    Raises:
        ValueError: If an argument has the wrong shape.
        IndexError: If `nodes` or an edge refers to a node outside 0 to N − 1.

    Example:
        >>> from xgraph.nn import GraphSAGE
        >>> model = GraphSAGE(num_tasks=2, in_channels=4, hidden_channels=8)
        >>> layerwise(model, torch.randn(3, 4), torch.tensor([[0, 1, 2], [1, 2, 0]])).shape
        torch.Size([3, 2])
    """
    num_nodes = x.size(0)
    graph = InEdges.of(edges, num_nodes)
    if x.size(1) != model.in_channels:
        raise ValueError(f"x must have shape [N, {model.in_channels}], got {list(x.shape)}")
    if chunk_edges < 1:
        raise ValueError(f"chunk_edges must be at least 1, got {chunk_edges}")
    requested = torch.arange(num_nodes) if nodes is None else nodes.cpu()
    low, high = (int(i) for i in requested.aminmax()) if requested.numel() else (0, 0)
    if requested.numel() and (low < 0 or high >= num_nodes):
        raise IndexError(f"nodes must be between 0 and {num_nodes - 1}, got {low if low < 0 else high}")
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            return _layers(model, x, graph, requested, chunk_edges, progress)
    finally:
        model.train(training)


def _layers(
    model: NodeModel,
    x: Tensor,
    graph: InEdges,
    requested: Tensor,
    chunk_edges: int,
    progress: Callable[[int, int, str], None] | None,
) -> Tensor:
    device = next(model.parameters()).device
    loops = graph.self_loops() if model.adds_self_loops else None
    levels = _receptive(graph, requested, model.num_layers, chunk_edges)
    work, done = sum(len(level) for level in levels), 0
    place = torch.full((x.size(0),), -1)  # of each node within a chunk
    h, total = x, None
    for number, targets in enumerate(levels):
        new = torch.empty(0, model.hidden_channels, device=x.device)
        for chunk in graph.chunks(targets, chunk_edges):
            sources, block = graph.block(chunk, place, loops)
            out = model.layer(number, take_rows(h, sources.to(h.device)).to(device), block.to(device))
            if not len(new):  # under autocast, the dtype differs from that of the weights
                new = torch.empty(x.size(0), model.hidden_channels, dtype=out.dtype, device=x.device)
            new[chunk.to(x.device)] = out.to(x.device)
            done += len(chunk)
            if progress is not None:
                progress(done, work, "scoring")
        h = new
        if model.jk == "sum" or number == model.num_layers - 1:
            own = h[requested.to(x.device)]
            total = own if total is None else total + own
    if total is None or not len(requested):
        return torch.empty(0, model.num_tasks, device=x.device)
    outputs = (model.in_units(model.head(part.to(device))) for part in torch.split(total, chunk_edges))
    return torch.cat([part.to(x.device) for part in outputs])


def _receptive(graph: InEdges, requested: Tensor, num_layers: int, chunk_edges: int) -> list[Tensor]:
    """Return the nodes that each layer has to compute, ascending; neighbours are looked up chunk by chunk."""
    needed = torch.zeros(graph.colptr.numel() - 1, dtype=torch.bool)
    needed[requested] = True
    levels = [needed.nonzero().view(-1)]
    for _ in range(num_layers - 1):
        if not bool(needed.all()):
            for chunk in graph.chunks(levels[-1], chunk_edges):
                needed[graph.sources(chunk)[0].long()] = True
        levels.append(needed.nonzero().view(-1))
    return levels[::-1]
