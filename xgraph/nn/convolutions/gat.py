"""GATConv: means weighted by attention."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from xgraph.nn.convolutions.base import Convolution
from xgraph.nn.convolutions.block import Block
from xgraph.nn.convolutions.feature_momentum import FeatureMomentum
from xgraph.nn.convolutions.rows import linear
from xgraph.nn.convolutions.settings import aggregation, no_edge_weight
from xgraph.nn.convolutions.sums import Nodes, num_neighbors, rescaling, sources, targets


class Projected(NamedTuple):
    """Projected vectors of a block's nodes, and the two parts of their attention logits.

    Args:
        sent: Messages of all nodes, per head. Shape ``[N, heads, C]``.
        key: The sources' part of the attention logits. Shape ``[N, heads]``.
        query: The targets' part of the attention logits. Shape ``[num_targets, heads]``.
    """

    sent: Tensor
    key: Tensor
    query: Tensor


class GATConvolution(Convolution):
    """PyG's `GATConv`. A softmax over sampled neighbours is biased, so numerator and denominator are both tracked."""

    linear = False
    ratio = True

    def __init__(self, conv: Any) -> None:
        aggregation(conv, ("sum",))
        if conv.edge_dim is not None:
            raise ValueError(
                f"feature momentum does not support edge features: GATConv needs edge_dim=None, got {conv.edge_dim}"
            )

    def channels(self, conv: Any) -> tuple[int, ...]:
        """Return the number of heads, and the size of a row for each."""
        return (conv.heads, conv.out_channels + 1)

    def computed(self, block: Block) -> Tensor:
        """Return which targets have a neighbour to attend to; a node with none in the whole graph needs no row."""
        return num_neighbors(block) > 0

    def aggregate(self, conv: Any, x: Nodes, block: Block, edge_weight: Tensor | None = None) -> Tensor:
        """Compute the attention-weighted means over the neighbours."""
        no_edge_weight(conv, edge_weight)
        block = _without_loops(conv, block)
        return _attend(conv, _project(conv, x, block), block)

    def update(self, conv: Any, aggregate: Tensor, x: Nodes, block: Block) -> Tensor:
        """Add the node's attention to itself, and the output layers."""
        first = x if isinstance(x, tuple) else targets(x, block)
        block = _without_loops(conv, block)
        return _finish(conv, aggregate, _project(conv, first, block), x, block)

    def convolve(
        self, conv: Any, x: Nodes, block: Block, table: FeatureMomentum | None = None, edge_weight: Tensor | None = None
    ) -> Tensor:
        """Apply the whole convolution: see `Convolution.convolve`."""
        no_edge_weight(conv, edge_weight)
        block = _without_loops(conv, block)
        projected = _project(conv, x, block)  # shared by both steps
        aggregate = _attend(conv, projected, block)
        if table is not None:
            aggregate = table(aggregate, block.n_id[: block.num_targets], self.computed(block))
        return _finish(conv, aggregate, projected, x, block)


def _without_loops(conv: Any, block: Block) -> Block:
    """Return a block that counts self-loops apart if the convolution replaces them by its own."""
    return block if conv.add_self_loops else block._replace(loops=None)


def _project(conv: Any, x: Nodes, block: Block) -> Projected:
    shape = (-1, conv.heads, conv.out_channels)
    if conv.lin is not None:
        sent = linear(sources(x), conv.lin.weight).view(shape)
        shared = not isinstance(x, tuple)
        own = sent[: block.num_targets] if shared else linear(targets(x, block), conv.lin.weight).view(shape)
    else:
        sent = linear(sources(x), conv.lin_src.weight).view(shape)
        own = linear(targets(x, block), conv.lin_dst.weight).view(shape)
    return Projected(sent, (sent * conv.att_src).sum(-1), (own * conv.att_dst).sum(-1))


def _attend(conv: Any, projected: Projected, block: Block) -> Tensor:
    """Return the aggregates in float32 or wider, as exponentials are summed."""
    source, target = block.edge_index[0], block.edge_index[1]
    sent, key, query = projected
    count = block.num_targets
    attention = F.leaky_relu(key[source] + query[target], conv.negative_slope)
    attention = attention.to(torch.promote_types(attention.dtype, torch.float32))
    where, fixed = target.unsqueeze(1).expand_as(attention), attention.detach()
    loop = block.loop_edges
    if loop is not None:
        attention = attention.masked_fill(loop.unsqueeze(1), -torch.inf)
        fixed = attention.detach()
    top = fixed.new_zeros(count, conv.heads).scatter_reduce(0, where, fixed, "amax", include_self=False)
    top = top.masked_fill(top == -torch.inf, 0)
    power = (attention - top[target]).exp()
    total = torch.zeros_like(top).index_add(0, target, power)
    none = total == 0
    share = F.dropout(power / total.masked_fill(none, 1)[target], conv.dropout, conv.training)
    mean = top.new_zeros(count, *sent.shape[1:]).index_add(0, target, sent[source] * share.unsqueeze(-1))
    scale = rescaling(block, total.dtype, loops=False).unsqueeze(1)
    level = (total * scale).masked_fill(none, 1).log() + top
    return torch.cat([mean, level.masked_fill(none, -torch.inf).unsqueeze(-1)], -1)


def _finish(conv: Any, aggregate: Tensor, projected: Projected, x: Nodes, block: Block) -> Tensor:
    sent, key, query = projected
    out = aggregate[..., :-1]
    if conv.add_self_loops:
        own = F.leaky_relu(key[: block.num_targets] + query, conv.negative_slope)
        margin = own - aggregate[..., -1]
        share = F.dropout(margin.sigmoid(), conv.dropout, conv.training)
        out = (-margin).sigmoid().unsqueeze(-1) * out + share.unsqueeze(-1) * sent[: block.num_targets]
    out = (out.flatten(1) if conv.concat else out.mean(1)).to(sent.dtype)
    if conv.res is not None:
        out = out + linear(targets(x, block), conv.res.weight)
    return out if conv.bias is None else out + conv.bias
