"""GCNConv: sums weighted by degrees."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xgraph.nn.convolutions.base import WeightedSum
from xgraph.nn.convolutions.block import Block, in_degree
from xgraph.nn.convolutions.feature_momentum import FeatureMomentum
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
        scale = rescaling(block, dtype)  # with all edges in both counts: a self-loop was as likely to be sampled
        if not conv.normalize:
            return scale[target] if edge_weight is None else scale[target] * edge_weight
        if edge_weight is not None:
            return _normalized(conv, block, edge_weight)[0]
        root = _root(_degree(conv, block, dtype))
        weight = root[source] * (root[: block.num_targets] * scale)[target]
        loop = block.loop_edges if conv.add_self_loops else None
        return weight if loop is None else weight.masked_fill(loop, 0)

    def update(self, conv: Any, aggregate: Tensor, x: Nodes, block: Block) -> Tensor:
        """Add the node's self-loop, and apply the weights."""
        return self._output(conv, aggregate, x, block, self._loop(conv, block))

    def convolve(
        self, conv: Any, x: Nodes, block: Block, table: FeatureMomentum | None = None, edge_weight: Tensor | None = None
    ) -> Tensor:
        """Apply the whole convolution: see `Convolution.convolve`."""
        if edge_weight is None or not conv.normalize:
            return super().convolve(conv, x, block, table, edge_weight)
        weight, loop = _normalized(conv, block, edge_weight)
        aggregate = weighted_sum(sources(x), block, weight)
        if table is not None:
            aggregate = self.track(aggregate, block, table)
        return self._output(conv, aggregate, x, block, loop)

    def _output(self, conv: Any, aggregate: Tensor, x: Nodes, block: Block, loop: Tensor | None) -> Tensor:
        own = targets(x, block)
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
        if not (conv.normalize and conv.add_self_loops):
            return None
        degree = _degree(conv, block, float_type(conv))[: block.num_targets]
        return _own(conv, block, degree)[: block.num_targets] / degree


def _degree(conv: Any, block: Block, dtype: torch.dtype) -> Tensor:
    """Return the degrees that normalise, with one self-loop per node if the convolution adds them."""
    degree = block.degree.to(dtype)
    if not conv.add_self_loops:
        return degree
    return (degree if block.loops is None else degree - block.loops) + _own(conv, block, degree)


def _own(conv: Any, block: Block, like: Tensor) -> Tensor:
    """Return the weight of each node's self-loop before normalisation: one that the graph has keeps its weight of 1."""
    added = 2.0 if conv.improved else 1.0
    if block.loops is None:
        return torch.full_like(block.degree, added, dtype=like.dtype)
    return torch.where(block.loops > 0, 1.0, added).to(like.dtype)


def _normalized(conv: Any, block: Block, edge_weight: Tensor) -> tuple[Tensor, Tensor | None]:
    """Return normalised weights of all edges, with 0 for self-loops, and those of the targets' self-loops."""
    source, target = block.edge_index[0], block.edge_index[1]
    size, edge_weight = len(block.degree), edge_weight.to(float_type(conv))
    if not torch.equal(in_degree(target, size), block.degree.long()):
        raise ValueError(
            "edge_weight cannot be normalised in a sampled batch, where the total weight into a node is unknown: "
            "normalise the weights of the whole graph first (torch_geometric.nn.conv.gcn_conv.gcn_norm) and use "
            "GCNConv(normalize=False)"
        )
    own = None
    if conv.add_self_loops:
        loop = source == target
        own = edge_weight.new_full((size,), 2.0 if conv.improved else 1.0)
        own[target[loop]] = edge_weight[loop]
        edge_weight = edge_weight.masked_fill(loop, 0)
    total = edge_weight.new_zeros(size).index_add(0, target, edge_weight)
    root = _root(total if own is None else total + own)
    loops = None if own is None else (own * root.square())[: block.num_targets]
    return root[source] * edge_weight * root[target], loops


def _root(degree: Tensor) -> Tensor:
    return degree.rsqrt().masked_fill(degree == 0, 0)


def _biased(conv: Any, out: Tensor) -> Tensor:
    return out if conv.bias is None else out + conv.bias
