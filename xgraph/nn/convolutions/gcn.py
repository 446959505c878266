"""GCNConv: sums weighted by degrees."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xgraph.nn.convolutions.base import WeightedSum
from xgraph.nn.convolutions.block import Block
from xgraph.nn.convolutions.rows import linear
from xgraph.nn.convolutions.settings import aggregation, float_type
from xgraph.nn.convolutions.sums import Nodes, rescaling, sources, targets, times, weighted_sum


class GCNConvolution(WeightedSum):
    """PyG's `GCNConv`, with weights from the degrees in the whole graph."""

    def __init__(self, conv: Any) -> None:
        aggregation(conv, ("sum",))
        if conv.cached:
            raise ValueError(
                "feature momentum needs GCNConv(cached=False): with cached=True, the edges of the first batch in "
                "evaluation would be used for all later batches"
            )

    def channels(self, conv: Any) -> tuple[int, ...]:
        """Return the size of the neighbours' vectors."""
        return (int(conv.lin.weight.size(1)),)

    def edge_weight(self, conv: Any, block: Block, edge_weight: Tensor | None = None) -> Tensor:
        """Return the weight of each edge, from the true degrees and rescaled."""
        dtype = float_type(conv)
        source, target = block.edge_index[0], block.edge_index[1]
        scale = rescaling(block, dtype)
        if not conv.normalize:
            return scale[target] if edge_weight is None else scale[target] * edge_weight
        if edge_weight is not None:
            raise ValueError(
                "edge_weight cannot be normalised in a sampled batch, where the total weight into a node is unknown: "
                "normalise the weights of the whole graph first (torch_geometric.nn.conv.gcn_conv.gcn_norm) and use "
                "GCNConv(normalize=False)"
            )
        degree = block.degree.to(dtype) + _loops(conv)
        root = degree.rsqrt().masked_fill_(degree == 0, 0)
        return root[source] * (root[: block.num_targets] * scale)[target]

    def update(self, conv: Any, aggregate: Tensor, x: Nodes, block: Block) -> Tensor:
        """Add the node's self-loop, and apply the weights."""
        own, loop = targets(x, block), self._loop(conv, block)
        if loop is None:
            return _biased(conv, linear(aggregate, conv.lin.weight))
        if aggregate.layout == own.layout == torch.strided:
            return _biased(conv, linear(aggregate + times(own, loop), conv.lin.weight))
        return _biased(conv, linear(aggregate, conv.lin.weight) + times(linear(own, conv.lin.weight), loop))

    def fused(self, conv: Any, x: Nodes, block: Block) -> Tensor:
        """Apply the convolution; sparse or wide vectors are projected before they are summed, which is equivalent."""
        sent, weight = sources(x), conv.lin.weight
        if isinstance(x, tuple) or (sent.layout == torch.strided and weight.size(1) <= weight.size(0)):
            return self.convolve(conv, x, block)
        short = linear(sent, weight)
        total = weighted_sum(short, block, self.edge_weight(conv, block))
        loop = self._loop(conv, block)
        return _biased(conv, total if loop is None else total + times(short[: block.num_targets], loop))

    def whole(self, conv: Any, x: Nodes, block: Block, edge_weight: Tensor | None = None) -> Tensor:
        """Apply PyG's convolution unchanged: see `Convolution.whole`."""
        if edge_weight is None and conv.improved:  # without weights, PyG ignores `improved`
            edge_weight = torch.ones(block.edge_index.size(1), dtype=float_type(conv), device=block.edge_index.device)
        out: Tensor = conv(x, block.edge_index, edge_weight)
        return out[: block.num_targets]

    def _loop(self, conv: Any, block: Block) -> Tensor | None:
        """Return the normalised weight of each target's self-loop."""
        loops = _loops(conv)
        if not (conv.normalize and loops):
            return None
        return loops / (block.degree[: block.num_targets].to(float_type(conv)) + loops)


def _loops(conv: Any) -> float:
    """Return the weight of a node's self-loop before normalisation."""
    if not conv.add_self_loops:
        return 0.0
    return 2.0 if conv.improved else 1.0


def _biased(conv: Any, out: Tensor) -> Tensor:
    return out if conv.bias is None else out + conv.bias
