"""GraphConv: weighted sums or means."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xgraph.nn.convolutions.base import WeightedSum
from xgraph.nn.convolutions.block import Block
from xgraph.nn.convolutions.rows import linear
from xgraph.nn.convolutions.settings import aggregation, float_type
from xgraph.nn.convolutions.sums import Nodes, mean_or_sum, sources, targets, weighted_sum


class GraphConvolution(WeightedSum):
    """PyG's `GraphConv`, with ``aggr="add"`` or ``"mean"``."""

    def __init__(self, conv: Any) -> None:
        aggregation(conv, ("sum", "mean"))

    def channels(self, conv: Any) -> tuple[int, ...]:
        """Return the size of the neighbours' vectors."""
        return (int(conv.lin_rel.weight.size(1)),)

    def edge_weight(self, conv: Any, block: Block, edge_weight: Tensor | None = None) -> Tensor:
        """Return the weight of each edge in its target's sum."""
        weight = mean_or_sum(aggregation(conv, ("sum", "mean")), block, float_type(conv))
        return weight if edge_weight is None else weight * edge_weight

    def update(self, conv: Any, aggregate: Tensor, x: Nodes, block: Block) -> Tensor:
        """Apply the weights to the aggregate and to the target's own vector."""
        return self._finish(conv, linear(aggregate, conv.lin_rel.weight), x, block)

    def fused(self, conv: Any, x: Nodes, block: Block) -> Tensor:
        """Apply the convolution; sparse or wide vectors are projected before they are summed, which is equivalent."""
        sent, weight = sources(x), conv.lin_rel.weight
        if sent.layout == torch.strided and weight.size(1) <= weight.size(0):
            return self.convolve(conv, x, block)
        return self._finish(conv, weighted_sum(linear(sent, weight), block, self.edge_weight(conv, block)), x, block)

    def whole(self, conv: Any, x: Nodes, block: Block, edge_weight: Tensor | None = None) -> Tensor:
        """Apply PyG's convolution unchanged: see `Convolution.whole`."""
        out: Tensor = conv(x, block.edge_index, edge_weight)
        return out[: block.num_targets]

    def _finish(self, conv: Any, out: Tensor, x: Nodes, block: Block) -> Tensor:
        if conv.lin_rel.bias is not None:
            out = out + conv.lin_rel.bias
        return out + linear(targets(x, block), conv.lin_root.weight)
