"""Exact inference over many nodes: layer by layer, each node's vector computed once, from all its neighbours."""

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
    """Logits of nodes, as a forward pass over the whole graph in evaluation mode gives them.

    Each layer is computed for one chunk of nodes after another, from all their neighbours, on the model's device;
    vectors in between stay where `x` is. So the device holds a chunk, and the host two matrices of vectors, whatever
    the graph's size. Of the early layers only those nodes are computed that `nodes` see.

    Args:
        model: The model; it is put into evaluation mode for as long as this takes.
        x: Features of all nodes, dense or ``torch.sparse_csr``. Shape ``[N, C]``.
        edges: ``edge_index``, or `InEdges`, which saves the sorting where a graph is used more than once.
        nodes: Which nodes, in any order; all if None. Shape ``[n]``.
        chunk_edges: Most edges of a chunk, unless a single node has more.
        progress: Called with (done, total, what).

    Returns:
        Logits, on the device of `x`. Shape ``[n, num_tasks]``.

    Raises:
        ValueError: If an argument has another shape than expected.
        IndexError: If a node is not there.

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
        raise IndexError(f"nodes must lie within 0..{num_nodes - 1}, got {low}..{high}")
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
    levels = _receptive(graph, requested, model.num_layers, chunk_edges)
    work, done = sum(len(level) for level in levels), 0
    place = torch.full((x.size(0),), -1)  # of a node among those of a chunk
    h, total = x, None
    for number, targets in enumerate(levels):
        new = torch.empty(0, model.hidden_channels, device=x.device)
        for chunk in graph.chunks(targets, chunk_edges):
            sources, block = graph.block(chunk, place)
            out = model.layer(number, take_rows(h, sources.to(h.device)).to(device), block.to(device))
            if not len(new):  # under autocast, the dtype is not that of the weights
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
    return torch.cat([model.head(part.to(device)).to(x.device) for part in torch.split(total, chunk_edges)])


def _receptive(graph: InEdges, requested: Tensor, num_layers: int, chunk_edges: int) -> list[Tensor]:
    """The nodes that each layer has to compute, in ascending order, searched a chunk of edges at a time."""
    needed = torch.zeros(graph.colptr.numel() - 1, dtype=torch.bool)
    needed[requested] = True
    levels = [needed.nonzero().view(-1)]
    for _ in range(num_layers - 1):
        if not bool(needed.all()):
            for chunk in graph.chunks(levels[-1], chunk_edges):
                needed[graph.sources(chunk)[0].long()] = True
        levels.append(needed.nonzero().view(-1))
    return levels[::-1]
