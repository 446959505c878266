"""The data sets of `benchmarks.feature_momentum`, and GraphSAGE over all neighbours."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.data import Data

from benchmarks.feature_momentum.noisy_graph import SIZES, noisy_graph
from xgraph.data import load
from xgraph.nn import InEdges, NodeModel, SAGEConv, input_aggregate
from xgraph.nn.convolutions.rows import linear, sum_neighbors
from xgraph.training.scoring.metrics import roc_auc


@dataclass
class Graph:
    """A data set in the form that the runs use."""

    data: Data
    parts: dict[str, Tensor]
    outputs: int
    """Number of logits per node."""

    @cached_property
    def edges(self) -> InEdges:
        """The edges by target."""
        return InEdges.from_edge_index(self.data.edge_index, self.data.num_nodes)

    @cached_property
    def inverse(self) -> Tensor:
        """1 / degree, ``[N]``; ValueError if the graph is directed."""
        (source, target), number = self.data.edge_index, self.data.num_nodes
        if not torch.equal((source * number + target).sort().values, (target * number + source).sort().values):
            raise ValueError("the graph is directed")
        return self.edges.colptr.diff().clamp(min=1).reciprocal()

    @cached_property
    def input_mean(self) -> Tensor:
        """The exact means of the neighbours' features, which never change."""
        return input_aggregate(SAGEConv(self.data.x.size(1), 1), self.data.x, self.edges)

    @property
    def multiclass(self) -> bool:
        """Whether labels are classes; otherwise they are 0 and 1."""
        return not self.data.y.is_floating_point()

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy."""
        return F.cross_entropy(logits, y) if self.multiclass else F.binary_cross_entropy_with_logits(logits, y)

    def score(self, logits: Tensor, part: str) -> float:
        """Return the accuracy for classes, otherwise ROC-AUC."""
        nodes = self.parts[part]
        y = self.data.y[nodes]
        if self.multiclass:
            return (logits[nodes].argmax(1) == y).float().mean().item()
        return roc_auc(y[:, 0].numpy(), logits[nodes, 0].double().numpy())


@cache
def graph(name: str, fold: int = 0) -> Graph:
    """Load a data set, with the masks of one fold if it has several."""
    if name in SIZES:
        data = noisy_graph(SIZES[name])
        parts = {part: data.pop(f"{part}_mask").nonzero().view(-1) for part in ("train", "valid", "test")}
        outputs = SIZES[name].num_classes
    else:
        nodes = load(name, split="given", fold=fold) if name == "tolokers" else load(name, split="stratified")
        data, parts, outputs = copy.copy(nodes.data), nodes.splits, nodes.num_tasks
        data.y = nodes.y
    return Graph(data, parts, outputs)


def whole_graph(data: Graph, model: NodeModel, nodes: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
    """Return the logits of `nodes` (None: all) and each layer's aggregates, from all neighbours of an undirected graph.

    The result is that of a batch with all neighbours, or of `layerwise`, in a fraction of the time: nothing is sampled,
    no edges are sorted for the gradient, and each layer is computed once, the last one for `nodes` only. Tables are not
    used.
    """
    h, means = data.data.x.to(torch.float32), []
    for number in range(model.num_layers):
        conv: Any = model.convs[number]
        if number == 0:
            mean = data.input_mean
        elif nodes is None or number < model.num_layers - 1:
            mean = _Means.apply(h, data.edges, data.inverse)
        else:
            begin, row, inverse = data.edges.colptr, data.edges.row, data.inverse
            count = begin.diff()[nodes]
            ends = count.cumsum(0)
            entries = torch.arange(int(ends[-1])) + (begin[nodes] - ends + count).repeat_interleave(count)
            target = torch.arange(len(nodes)).repeat_interleave(count)
            mean = sum_neighbors(h, torch.stack([row[entries], target]), len(nodes), inverse[nodes][target])
            h = h[nodes]
        means.append(mean)
        out = linear(mean, conv.lin_l.weight) + conv.lin_l.bias + linear(h, conv.lin_r.weight)
        h = model.dropout(model.norms[number](out).relu())
    return model.head(h), means


class _Means(torch.autograd.Function):
    """Means over neighbours. An undirected graph has a symmetric matrix, so forward and backward sum over rows."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, edges: InEdges, inverse: Tensor) -> Tensor:
        ctx.edges, ctx.inverse = edges, inverse
        return F.embedding_bag(edges.row, x, edges.colptr, mode="sum", include_last_offset=True) * inverse[:, None]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        grad = grad * ctx.inverse[:, None]
        return F.embedding_bag(ctx.edges.row, grad, ctx.edges.colptr, mode="sum", include_last_offset=True), None, None
