"""New graphs to score: whole ones, or new nodes that edges join to a known graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from xgraph.data.graphs.graph import OwnGraph, describe_edges, join_tables
from xgraph.data.graphs.ids import positions
from xgraph.data.graphs.load import check_saved_features, check_text_format, data_of
from xgraph.data.graphs.nodes import NodeTable, read_nodes, warn_dangling
from xgraph.data.graphs.read import NPZ, SAVED, TABLES, read_graph
from xgraph.data.graphs.saved import read_saved
from xgraph.data.graphs.tables import EdgeTable, read_edges, tables_of
from xgraph.data.published.edges import tidy_edges
from xgraph.data.tables.dialect import TextFormat
from xgraph.messages import listed

if TYPE_CHECKING:
    from xgraph.data.nodes.dataset import NodeDataset

_USUAL = TextFormat()


class NewGraph(NamedTuple):
    """A graph whose nodes are to be scored.

    Args:
        x: Features. Shape ``[N, features]``.
        edge_index: Edges, int64 ``[2, E]``.
        names: Names of the nodes to score, or their numbers. Shape ``[n]``.
        rows: Their positions in the graph, int64 ``[n]``.
        notes: How the graph was read.
    """

    x: Tensor
    edge_index: Tensor
    names: Sequence[Any]
    rows: Tensor
    notes: list[str]


def read_new_graph(
    path: Path,
    form: str,
    *,
    features: Sequence[str],
    width: int,
    known: Callable[[], NodeDataset],
    directed: bool | None = None,
    edges: str | Path | None = None,
    how: TextFormat = _USUAL,
) -> NewGraph:
    """Read the graph of a path; labels are not needed.

    If edges of a table name nodes that its table of nodes lacks but a known graph has, the new nodes are joined to it.

    Args:
        path: The file or folder.
        form: Its form, as `form_of` returns it.
        features: Names of the features that a model needs, in its order; empty if they have none.
        width: Their number.
        known: Returns the graph that the model was trained on; only called if edges name unknown nodes.
        directed: As for `load_own_nodes`.
        edges: Table of edges, if `path` is a table of nodes.
        how: How tables of text are written.

    Raises:
        ValueError: If the graph cannot be read, or its nodes have other features.
    """
    check_text_format(form, how, path)
    if form == SAVED:
        from xgraph.data.nodes.pyg import unlabelled

        plain = unlabelled(read_saved(path))
        check_saved_features(plain.get("x"), path)
        _check_width(0 if plain.get("x") is None else int(plain.x.size(1)), width, path)
        return NewGraph(plain.x, plain.edge_index, range(len(plain.x)), torch.arange(len(plain.x)), [])
    if form == TABLES:
        tables = tables_of(path, edges)
        if tables is None:
            raise ValueError(f"{path} has no tables of nodes and edges")
        nodes = read_nodes(tables.nodes, target_columns=[], feature_columns=features or None, how=how)
        _check_width(nodes.x.shape[1], width, path)
        table = read_edges(tables.edges, how)
        joined = _joined(nodes, table, known, directed)
        return _whole(join_tables(nodes, table, directed=directed)) if joined is None else joined
    options: dict[str, Any] = {} if form == NPZ else {"target_columns": [], "feature_columns": features or None}
    graph = read_graph(path, form, **options, directed=directed)
    _check_width(graph.x.shape[1], width, path)
    return _whole(graph)


def _whole(graph: OwnGraph) -> NewGraph:
    data = data_of(graph)
    names = range(len(graph)) if graph.ids is None else graph.ids.to_pylist()
    return NewGraph(data.x, data.edge_index, names, torch.arange(len(graph)), [graph.notes["edges"]])


def _check_width(got: int, width: int, path: Path) -> None:
    if got != width:
        raise ValueError(f"{path}: the run was trained on {width} features, but the nodes have {got}")


def _joined(
    nodes: NodeTable, edges: EdgeTable, known: Callable[[], NodeDataset], directed: bool | None
) -> NewGraph | None:
    """Return new nodes with the graph that their edges join them to; None if no edge does."""
    import pyarrow as pa

    source, target = edges.resolve(nodes.ids)
    outside = (source < 0) | (target < 0)
    if not outside.any():
        return None
    base = known()
    if base.ids is None:
        return None
    old = pa.array(base.ids, pa.string())
    replaced = positions(old, nodes.ids)
    kept = np.flatnonzero(replaced < 0)
    ids = pa.concat_arrays([old.take(kept), pa.array(nodes.ids.to_pylist(), pa.string())])
    source, target = edges.resolve(ids)
    unknown = (source < 0) | (target < 0)
    joining = int((outside & ~unknown).sum())
    if not joining:
        return None
    warn_dangling(unknown, edges.source, edges.target, edges.where)
    place = np.where(replaced < 0, np.cumsum(replaced < 0) - 1, len(kept) + replaced)
    new = tidy_edges(source[~unknown], target[~unknown], len(ids), directed=bool(directed))
    both = np.concatenate([place[base.data.edge_index.numpy()], new.index], axis=1)
    index = tidy_edges(both[0], both[1], len(ids), directed=True).index
    x = base.data.x.to_dense() if base.data.x.layout == torch.sparse_csr else base.data.x
    again = len(old) - len(kept)
    notes = [
        f"{len(nodes)} nodes joined to the graph {base.name!r} of {len(old)} nodes by {joining} edges"
        + (f"; {again} of them are in it already, and their new features are used" if again else ""),
        describe_edges(replace(new, listed=int((~unknown).sum())), bool(directed)),
    ]
    return NewGraph(
        torch.cat([x[torch.from_numpy(kept)], torch.from_numpy(nodes.x)]),
        torch.from_numpy(index),
        nodes.ids.to_pylist(),
        torch.arange(len(kept), len(ids)),
        notes,
    )


def chosen_rows(graph: NewGraph, nodes: Sequence[Any], where: object) -> NewGraph:
    """Keep some of the nodes to score, in the given order.

    Raises:
        ValueError: If one of them is not there.
    """
    place = {str(name): i for i, name in enumerate(graph.names)}
    unknown = [node for node in nodes if str(node) not in place]
    if unknown:
        raise ValueError(f"nodes: {len(unknown)} of {len(nodes)} are not in {where}: {listed(unknown, 5)}")
    chosen = [place[str(node)] for node in nodes]
    return graph._replace(names=[graph.names[i] for i in chosen], rows=graph.rows[torch.tensor(chosen).long()])
