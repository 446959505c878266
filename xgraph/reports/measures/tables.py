"""How far the tables of feature momentum are from the exact aggregates."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from xgraph.nn.convolutions import WeightedSum, convolution_of
from xgraph.nn.convolutions.rows import take_rows
from xgraph.nn.nodes.in_edges import CHUNK_EDGES
from xgraph.training.files.checkpoint import HEADER
from xgraph.training.files.saved_model import model_without_tables

MOST_EDGES = 5_000_000
"""Edges times layers up to which the exact aggregates are computed."""


class TableError(NamedTuple):
    """The error of a layer's table.

    Args:
        layer: Number of the layer, from 0.
        seen: Number of nodes that have a row in the table.
        median: Median over them of the relative distance to the exact aggregate.
        high: Its 90th percentile.
    """

    layer: int
    seen: int
    median: float
    high: float


def table_errors(state: Mapping[str, Any], source: Any) -> list[TableError]:
    """Return the errors of the tables in a checkpoint; empty if it has none.

    Args:
        state: The last checkpoint of a run on nodes.
        source: Its data.

    Raises:
        ValueError: If the graph is too large, or the convolution has no aggregate to compare with.
    """
    prefix = "model.tables."
    weights = state["state_dict"]
    tables = {
        int(name.removeprefix(prefix).partition(".")[0]): (value, weights[name.removesuffix("value") + "seen"])
        for name, value in weights.items()
        if name.startswith(prefix) and name.endswith(".value")
    }
    if not tables:
        return []
    model: Any = model_without_tables(state[HEADER])
    known = model.state_dict().keys()
    model.load_state_dict(
        {n.removeprefix("model."): w for n, w in weights.items() if n.removeprefix("model.") in known}
    )
    edges = source.in_edges
    if int(edges.colptr[-1]) * model.num_layers > MOST_EDGES:
        raise ValueError(f"{int(edges.colptr[-1]):,} edges in {model.num_layers} layers are more than {MOST_EDGES:,}")
    return _compare(model.eval(), source.data.data.x, edges, tables)


@torch.inference_mode()
def _compare(model: Any, x: Tensor, edges: Any, tables: Mapping[int, tuple[Tensor, Tensor]]) -> list[TableError]:
    place, h, found = torch.full((x.size(0),), -1), x, []
    loops = edges.self_loops() if model.adds_self_loops else None
    for number, conv in enumerate(model.convs):
        kind: Any = convolution_of(conv)
        if number in tables and not isinstance(kind, WeightedSum):
            raise ValueError(
                f"{type(conv).__name__} weights neighbours by attention, and has no aggregate to compare with"
            )
        new = torch.empty(x.size(0), model.hidden_channels)
        distances = []
        for chunk in edges.chunks(torch.arange(x.size(0)), CHUNK_EDGES):
            sources, block = edges.block(chunk, place, loops)
            rows = take_rows(h, sources).float()
            if number in tables:
                value, seen = tables[number]
                exact = kind.aggregate(conv, rows, block)
                away = (value[chunk].float() - exact).norm(dim=1) / exact.norm(dim=1)
                distances.append(away[seen[chunk].view(len(chunk), -1).any(1) & (exact.norm(dim=1) > 0)])
            new[chunk] = model.layer(number, rows, block)
        if number in tables:
            every = torch.cat(distances)
            if len(every):
                median, high = every.quantile(torch.tensor([0.5, 0.9])).tolist()
                found.append(TableError(number, len(every), median, high))
        h = new
    return found
