"""Graphs in GraphML files, read by networkx."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xgraph.data.graphs.arrow import as_number
from xgraph.data.graphs.graph import OwnGraph, describe_edges, notes_of
from xgraph.data.graphs.nodes import table_of
from xgraph.data.graphs.parts import GivenParts
from xgraph.data.graphs.roles import WEIGHTS, NodeRoles
from xgraph.data.graphs.tables import SAME_WEIGHT
from xgraph.data.published.edges import tidy_edges

ENDINGS = (".graphml", ".graphml.gz")


def labels_in(path: Path, target_columns: Sequence[str] | None) -> dict[str, Any]:
    """Return the label attributes of the nodes, as text."""
    columns = _columns(_read(path))
    roles = NodeRoles.of(list(columns), path, target_columns=target_columns)
    return {name: columns[name] for name in roles.targets}


def read_graphml(
    path: Path,
    *,
    target_columns: Sequence[str] | None = None,
    feature_columns: Sequence[str] | None = None,
    split_column: str | None = None,
    directed: bool | None = None,
) -> OwnGraph:
    """Read a graph; attributes of nodes are like columns of a table of nodes.

    Raises:
        ValueError: If the file is no GraphML, or as for `read_nodes`.
    """
    graph = _read(path)
    columns = _columns(graph)
    roles = NodeRoles.of(
        list(columns), path, target_columns=target_columns, feature_columns=feature_columns, split_column=split_column
    )
    chosen = {name: columns[name] for name in roles.columns(list(columns))}
    nodes = table_of({n: c if n in roles.text else as_number(c) for n, c in chosen.items()}, roles, path)
    number = {name: i for i, name in enumerate(graph)}
    pairs = np.array([(number[a], number[b]) for a, b in graph.edges()], dtype=np.int64).reshape(-1, 2)
    one_way = bool(graph.is_directed()) if directed is None else directed
    edges = tidy_edges(pairs[:, 0], pairs[:, 1], len(nodes), directed=one_way)
    said = f"{'directed' if one_way else 'undirected'}{', as the file says' if directed is None else ''}"
    notes = {"edges": describe_edges(edges, one_way, said), **notes_of(nodes)}
    used = {str(name) for _, _, data in graph.edges(data=True) for name in data}
    left_out = nodes.left_out | {name: SAME_WEIGHT if name in WEIGHTS else "not used of edges" for name in sorted(used)}
    return OwnGraph(
        path,
        nodes.x,
        edges,
        one_way,
        nodes.labels,
        nodes.ids,
        nodes.feature_names,
        GivenParts.of(nodes),
        notes,
        left_out,
    )


def _read(path: Path) -> Any:
    import networkx
    from networkx.exception import NetworkXError

    try:
        graph = networkx.read_graphml(path)
    except FileNotFoundError:
        raise
    except (SyntaxError, NetworkXError, KeyError, ValueError, TypeError, AttributeError, OSError, EOFError) as error:
        raise ValueError(f"{path} cannot be read as GraphML: {error or type(error).__name__}") from error
    if not len(graph):
        raise ValueError(f"{path} has no nodes")
    return graph


def _columns(graph: Any) -> dict[str, Any]:
    """Return the attributes of all nodes as columns of text, with the nodes' names first."""
    import pyarrow as pa

    names = dict.fromkeys(name for _, data in graph.nodes(data=True) for name in data)
    columns = {"id": [str(node) for node in graph]}
    for name in names:
        if str(name) != "id":
            columns[str(name)] = [_cell(data.get(name)) for _, data in graph.nodes(data=True)]
    return {name: pa.array(cells, pa.string()) for name, cells in columns.items()}


def _cell(value: object) -> str:
    return "" if value is None else str(value).strip()
