"""Exact inference over many nodes: layer by layer, each node's vector computed once, from all its neighbours."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from xgraph.nn.node_model import Block, NodeModel
from xgraph.nn.rows import take_rows

CHUNK_EDGES = 2**18
"""Edges of a chunk: with 256 channels, their messages take 256 MiB."""


class InEdges(NamedTuple):
    """A graph's edges by their targets, in compressed columns.

    Args:
        colptr: Where the edges into each node begin; the last entry is their number. Shape ``[N + 1]``.
        row: Source of each edge. Shape ``[E]``.
    """

    colptr: Tensor
    row: Tensor

    @classmethod
    def from_edge_index(cls, edge_index: Tensor, num_nodes: int) -> "InEdges":
        """Sort edges by target.

        Args:
            edge_index: Source and target of each edge. Shape ``[2, E]``.
            num_nodes: Number of nodes N.

        Raises:
            ValueError: `edge_index` has another shape.
            IndexError: An edge leads to or from a node that is not there.

        Example:
            >>> InEdges.from_edge_index(torch.tensor([[0, 1, 2], [1, 0, 1]]), 3)
            InEdges(colptr=tensor([0, 1, 3, 3]), row=tensor([1, 0, 2]))
        """
        if edge_index.dim() != 2 or edge_index.size(0) != 2:
            raise ValueError(f"edge_index must have shape [2, E], got {list(edge_index.shape)}")
        if edge_index.numel():
            least, most = (int(i) for i in edge_index.aminmax())
            if least < 0 or most >= num_nodes:
                raise IndexError(
                    f"edge_index holds {least if least < 0 else most}, but the graph has {num_nodes} nodes"
                )
        order = edge_index[1].argsort(stable=True)
        counts = torch.bincount(edge_index[1], minlength=num_nodes)
        return cls(torch.cat([counts.new_zeros(1), counts.cumsum(0)]), edge_index[0][order])


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
        ValueError: An argument has another shape than expected.
        IndexError: A node is not there.

    Example:
        >>> from xgraph.nn import GraphSAGE
        >>> model = GraphSAGE(num_tasks=2, in_channels=4, hidden_channels=8)
        >>> layerwise(model, torch.randn(3, 4), torch.tensor([[0, 1, 2], [1, 2, 0]])).shape
        torch.Size([3, 2])
    """
    num_nodes = x.size(0)
    graph = edges if isinstance(edges, InEdges) else InEdges.from_edge_index(edges, num_nodes)
    if graph.colptr.numel() != num_nodes + 1:
        raise ValueError(f"x has {num_nodes} rows, but the graph has {graph.colptr.numel() - 1} nodes")
    if x.size(1) != model.in_channels:
        raise ValueError(f"x must have shape [N, {model.in_channels}], got {list(x.shape)}")
    if chunk_edges < 1:
        raise ValueError(f"chunk_edges must be at least 1, got {chunk_edges}")
    wanted = torch.arange(num_nodes) if nodes is None else nodes.cpu()
    if wanted.numel() and (int(wanted.min()) < 0 or int(wanted.max()) >= num_nodes):
        raise IndexError(f"nodes must lie within 0..{num_nodes - 1}, got {int(wanted.min())}..{int(wanted.max())}")
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            return _layers(model, x, graph, wanted, chunk_edges, progress)
    finally:
        model.train(training)


def _layers(
    model: NodeModel,
    x: Tensor,
    graph: InEdges,
    wanted: Tensor,
    chunk_edges: int,
    progress: Callable[[int, int, str], None] | None,
) -> Tensor:
    device = next(model.parameters()).device
    levels = _receptive(graph, wanted, model.num_layers, chunk_edges)
    work, done = sum(len(level) for level in levels), 0
    place = torch.full((x.size(0),), -1)  # of a node among those of a chunk
    h, total = x, None
    for number, targets in enumerate(levels):
        new = torch.empty(0, model.hidden_channels, device=x.device)
        for chunk in _chunks(graph, targets, chunk_edges):
            sources, block = _block(graph, chunk, place)
            out = model.layer(number, take_rows(h, sources.to(h.device)).to(device), block.to(device))
            if not len(new):  # under autocast, the dtype is not that of the weights
                new = torch.empty(x.size(0), model.hidden_channels, dtype=out.dtype, device=x.device)
            new[chunk.to(x.device)] = out.to(x.device)
            done += len(chunk)
            if progress is not None:
                progress(done, work, "scoring")
        h = new
        if model.jk == "sum" or number == model.num_layers - 1:
            own = h[wanted.to(x.device)]
            total = own if total is None else total + own
    if total is None or not len(wanted):
        return torch.empty(0, model.num_tasks, device=x.device)
    return torch.cat([model.head(part.to(device)).to(x.device) for part in torch.split(total, chunk_edges)])


def _receptive(graph: InEdges, wanted: Tensor, num_layers: int, chunk_edges: int) -> list[Tensor]:
    """The nodes that each layer has to compute, in ascending order; found by as many edges at a time."""
    needed = torch.zeros(graph.colptr.numel() - 1, dtype=torch.bool)
    needed[wanted] = True
    levels = [needed.nonzero().view(-1)]
    for _ in range(num_layers - 1):
        if not bool(needed.all()):
            for chunk in _chunks(graph, levels[-1], chunk_edges):
                needed[_sources(graph, chunk)[0].long()] = True
        levels.append(needed.nonzero().view(-1))
    return levels[::-1]


def _sources(graph: InEdges, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The sources of all edges into some nodes, and how many edges each of these has."""
    first = graph.colptr[targets]
    counts = graph.colptr[targets + 1] - first
    if len(targets) and int(targets[-1]) - int(targets[0]) + 1 == len(targets):  # in a row, as they are ascending
        return graph.row[int(first[0]) : int(first[-1] + counts[-1])], counts
    ends = counts.cumsum(0)
    entries = torch.arange(int(counts.sum())) + (first - ends + counts).repeat_interleave(counts)
    return graph.row[entries], counts


def _chunks(graph: InEdges, targets: Tensor, chunk_edges: int) -> Iterator[Tensor]:
    """Cut ascending nodes into parts of at most so many edges; loops of their own count as one each."""
    ends = (graph.colptr[targets + 1] - graph.colptr[targets] + 1).cumsum(0)
    begin, before = 0, 0
    while begin < len(targets):
        end = max(int(torch.searchsorted(ends, before + chunk_edges, right=True)), begin + 1)
        yield targets[begin:end]
        begin, before = end, int(ends[end - 1])


def _block(graph: InEdges, targets: Tensor, place: Tensor) -> tuple[Tensor, Block]:
    """The nodes that a chunk looks at, itself first, and its edges. `place` is all -1 before and after."""
    row, counts = _sources(graph, targets)
    row = row.long()
    place[targets] = torch.arange(len(targets))
    others = torch.unique(row[place[row] < 0])
    place[others] = torch.arange(len(targets), len(targets) + len(others))
    nodes = torch.cat([targets, others])
    edge_index = torch.stack([place[row], torch.arange(len(targets)).repeat_interleave(counts)])
    place[nodes] = -1
    degree = graph.colptr[nodes + 1] - graph.colptr[nodes]
    return nodes, Block(edge_index, len(targets), degree, nodes)
