"""Vectors of nodes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from xgraph.training.fit.bars import data_progress
from xgraph.training.prediction.embedding.table import vector_table
from xgraph.training.prediction.members import Members, spread_rows
from xgraph.training.prediction.objects import as_graph

if TYPE_CHECKING:
    import pandas as pd


def embed_nodes(members: Members, model: Any, items: Any, **form: str | None) -> "pd.DataFrame":
    """Return a table with the vectors of nodes."""
    from xgraph.data.tables.dialect import TextFormat
    from xgraph.nn import InEdges, layerwise
    from xgraph.training.prediction.new_nodes import graph_form, read_nodes_to_score
    from xgraph.training.prediction.nodes import COLUMN, names_of, positions

    graph = graph_form(items)
    given = None if graph is not None else as_graph(items, model.in_channels)
    names: Any = None
    if graph is not None:
        new = read_nodes_to_score(members, Path(items).expanduser(), graph, None, TextFormat(**form))
        x, edges, names = new.x, InEdges.from_edge_index(new.edge_index, len(new.x)), new.names
        numbers = new.rows.numpy()
    elif given is not None:
        x, edges = given[0], InEdges.from_edge_index(given[1], len(given[0]))
        numbers = np.arange(len(x))
    else:
        (source,) = members.own_sources("graph", "nodes")
        x, edges = source.data.data.x, source.in_edges  # type: ignore[attr-defined]
        numbers = positions(items, source.data, **form)
        names = names_of(source.data, numbers[numbers >= 0])
    filled = numbers >= 0
    model.head = nn.Identity()
    with data_progress(members.progress) as report:
        vectors = layerwise(model, x, edges, torch.from_numpy(numbers[filled]), progress=report).float().cpu().numpy()
    frame = vector_table(COLUMN, numbers[filled] if names is None else names, vectors, [""] * len(vectors))
    return spread_rows(frame, filled)
