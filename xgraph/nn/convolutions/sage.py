"""SAGEConv: means or sums over neighbours."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from xgraph.nn.convolutions.base import WeightedSum
from xgraph.nn.convolutions.block import Block, in_degree
from xgraph.nn.convolutions.rows import linear
from xgraph.nn.convolutions.settings import aggregation, float_type, no_edge_weight
from xgraph.nn.convolutions.sums import Nodes, mean_or_sum, sources, targets, times, weighted_sum


class SAGEConvolution(WeightedSum):
    """PyG's and xgraph's `SAGEConv`, with ``aggr="mean"`` or ``"sum"``."""

    def __init__(self, conv: Any) -> None:
        aggregation(conv, ("mean", "sum"))
        self.linear = not getattr(conv, "project", False)

    def channels(self, conv: Any) -> tuple[int, ...]:
        """Return the size of the neighbours' vectors."""
        return (int(conv.lin_l.weight.size(1)),)

    def edge_weight(self, conv: Any, block: Block, edge_weight: Tensor | None = None) -> Tensor:
        """Return the weight of each edge in its target's mean or sum."""
        no_edge_weight(conv, edge_weight)
        weight = mean_or_sum(aggregation(conv, ("mean", "sum")), block, float_type(conv))
        if not _with_self(conv):
            return weight
        degree = block.degree[: block.num_targets].to(weight.dtype)
        return weight * (degree / (degree + 1))[block.edge_index[1]]

    def own_weight(self, conv: Any, block: Block) -> Tensor | None:
        """Return the weight of each target in a mean that includes it; 1 if the batch has none of its neighbours."""
        if not _with_self(conv):
            return None
        none = in_degree(block.edge_index[1], block.num_targets) == 0
        degree = block.degree[: block.num_targets].to(float_type(conv))
        return (degree + 1).reciprocal_().masked_fill_(none, 1)

    def aggregate(self, conv: Any, x: Nodes, block: Block, edge_weight: Tensor | None = None) -> Tensor:
        """Return the mean or sum over the neighbours, which are projected first if the convolution has ``project``."""
        if not self.linear:
            sent = linear(sources(x), conv.lin.weight)
            sent = (sent if conv.lin.bias is None else sent + conv.lin.bias).relu()
            return weighted_sum(sent, block, self.edge_weight(conv, block, edge_weight))
        return super().aggregate(conv, x, block, edge_weight)

    def update(self, conv: Any, aggregate: Tensor, x: Nodes, block: Block) -> Tensor:
        """Apply the weights to the aggregate and to the target's own vector."""
        return self._finish(conv, linear(aggregate, conv.lin_l.weight), x, block)

    def fused(self, conv: Any, x: Nodes, block: Block) -> Tensor:
        """Apply the convolution; sparse or wide vectors are projected before they are averaged, which is equivalent."""
        sent, weight = sources(x), conv.lin_l.weight
        if not self.linear or (sent.layout == torch.strided and weight.size(1) <= weight.size(0)):
            return self.convolve(conv, x, block)
        short = linear(sent, weight)
        mean = weighted_sum(short, block, self.edge_weight(conv, block))
        own = self.own_weight(conv, block)
        if own is not None:
            mean = mean + times(linear(x[1], weight) if isinstance(x, tuple) else short[: block.num_targets], own)
        return self._finish(conv, mean, x, block)

    def _finish(self, conv: Any, out: Tensor, x: Nodes, block: Block) -> Tensor:
        if conv.lin_l.bias is not None:
            out = out + conv.lin_l.bias
        if conv.root_weight and not _with_self(conv):
            out = out + linear(targets(x, block), conv.lin_r.weight)
        return F.normalize(out, dim=-1) if conv.normalize else out


def _with_self(conv: Any) -> bool:
    return bool(getattr(conv, "mean_with_self", False))
