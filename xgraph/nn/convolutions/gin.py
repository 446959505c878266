"""GINConv: sums over neighbours plus the node itself."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from xgraph.nn.convolutions.base import WeightedSum
from xgraph.nn.convolutions.block import Block
from xgraph.nn.convolutions.settings import aggregation, float_type, no_edge_weight
from xgraph.nn.convolutions.sums import Nodes, dense, mean_or_sum, targets


class GINConvolution(WeightedSum):
    """PyG's `GINConv`, with ``aggr="sum"`` or ``"mean"``."""

    def __init__(self, conv: Any) -> None:
        aggregation(conv, ("sum", "mean"))

    def channels(self, conv: Any) -> tuple[int, ...]:
        """Return the size of the neighbours' vectors: the input size of the network's first layer that has one."""
        layers = conv.nn.modules() if isinstance(conv.nn, nn.Module) else ()
        widths = (getattr(layer, name, None) for layer in layers for name in ("in_channels", "in_features"))
        first = next((width for width in widths if isinstance(width, int)), 0)
        if first > 0:
            return (first,)
        raise ValueError(f"the input size of {conv} cannot be determined: pass it as channels=")

    def edge_weight(self, conv: Any, block: Block, edge_weight: Tensor | None = None) -> Tensor:
        """Return the weight of each edge in its target's sum."""
        no_edge_weight(conv, edge_weight)
        return mean_or_sum(aggregation(conv, ("sum", "mean")), block, float_type(conv))

    def update(self, conv: Any, aggregate: Tensor, x: Nodes, block: Block) -> Tensor:
        """Add the target's own vector, and apply the network."""
        out: Tensor = conv.nn(dense(aggregate) + (1 + conv.eps) * dense(targets(x, block)))
        return out
