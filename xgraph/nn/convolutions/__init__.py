"""Convolutions split into an aggregate, which a table can track, and an update."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xgraph.nn.convolutions.base import Convolution, WeightedSum
from xgraph.nn.convolutions.gat import GATConvolution
from xgraph.nn.convolutions.gcn import GCNConvolution
from xgraph.nn.convolutions.gin import GINConvolution
from xgraph.nn.convolutions.graph_conv import GraphConvolution
from xgraph.nn.convolutions.sage import SAGEConvolution

CONVOLUTIONS: dict[str, Callable[[Any], Convolution]] = {
    "xgraph.nn.nodes.sage_conv.SAGEConv": SAGEConvolution,
    "torch_geometric.nn.conv.sage_conv.SAGEConv": SAGEConvolution,
    "torch_geometric.nn.conv.gcn_conv.GCNConv": GCNConvolution,
    "torch_geometric.nn.conv.gin_conv.GINConv": GINConvolution,
    "torch_geometric.nn.conv.graph_conv.GraphConv": GraphConvolution,
    "torch_geometric.nn.conv.gat_conv.GATConv": GATConvolution,
}
"""Supported convolutions by qualified class name, so that none has to be imported."""


def convolution_of(conv: Any) -> Convolution:
    """Return how a convolution splits; ValueError if it does not support feature momentum."""
    split = CONVOLUTIONS.get(f"{type(conv).__module__}.{type(conv).__qualname__}")
    if split is None:
        raise ValueError(
            f"conv must be one of {', '.join(name.rpartition('.')[2] for name in list(CONVOLUTIONS)[1:])} from "
            f"torch_geometric.nn, or SAGEConv from xgraph.nn, got {type(conv).__name__}"
        )
    flow = getattr(conv, "flow", "source_to_target")
    if flow != "source_to_target":
        raise ValueError(f"{type(conv).__name__} must have flow='source_to_target', got {flow!r}")
    return split(conv)


__all__ = ["Convolution", "WeightedSum", "convolution_of"]
