"""Reading of a graph of one's own, whatever its format, and recognition of what a path holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xgraph.data.graphs import arrays, graphml, saved
from xgraph.data.graphs.arrow import header_of, read_arrow
from xgraph.data.graphs.graph import OwnGraph, join_tables
from xgraph.data.graphs.labels import Kind, kind_of
from xgraph.data.graphs.nodes import read_nodes
from xgraph.data.graphs.roles import NodeRoles
from xgraph.data.graphs.tables import read_edges, tables_of
from xgraph.data.tables.dialect import TextFormat

TABLES, NPZ, GRAPHML, SAVED = "tables", "npz", "GraphML", "PyG"
_USUAL = TextFormat()


def form_of(path: Path, edges: str | Path | None = None) -> str | None:
    """Return how a path holds a graph whose nodes have labels; None if it does not look like one."""
    name = path.name.lower()
    if path.is_file() and edges is None:
        if name.endswith(saved.ENDINGS):
            return SAVED
        if name.endswith(graphml.ENDINGS):
            return GRAPHML
        if name.endswith(".npz"):
            return NPZ if arrays.holds_graph(path) else None
    return None if tables_of(path, edges) is None else TABLES


def task_of(path: Path, form: str, settings: Mapping[str, Any]) -> Kind | None:
    """Return what the labels of a graph are, reading no more than needed; None if it has none."""
    targets = settings.get("target_columns")
    if isinstance(targets, str):  # as it was typed
        targets = [name.strip() for name in targets.split(",")]
    if form == SAVED:
        from xgraph.data.nodes.pyg import task_of_graph

        task = task_of_graph(saved.read_saved(path))
        return "binary" if task == "multilabel" else task
    if form == GRAPHML:
        columns = graphml.labels_in(path, targets)
    elif form == NPZ:
        columns = arrays.read_labels_of(path)
    else:
        tables = tables_of(path, settings.get("edges"))
        nodes = path if tables is None else tables.nodes
        how = TextFormat(settings.get("separator"), settings.get("encoding"))
        roles = NodeRoles.of(header_of(nodes, how), nodes, target_columns=targets)
        columns = read_arrow(nodes, roles.targets, how=how)
    return kind_of(columns, path)


def read_graph(
    path: Path,
    form: str,
    *,
    target_columns: Sequence[str] | None = None,
    feature_columns: Sequence[str] | None = None,
    split_column: str | None = None,
    fair_column: str | None = None,
    directed: bool | None = None,
    edges: str | Path | None = None,
    fold: int | None = None,
    how: TextFormat = _USUAL,
) -> OwnGraph:
    """Read a graph in one of the forms of `form_of`, except objects of PyG.

    Raises:
        ValueError: If the graph cannot be read, or an option does not apply to its form.
    """
    if fair_column is not None and form != TABLES:
        raise ValueError(f"fair_column = {fair_column!r}: this is for tables of nodes, not for {form} files")
    if form == NPZ:
        for name, value in (
            ("target_columns", target_columns),
            ("feature_columns", feature_columns),
            ("split_column", split_column),
        ):
            if value is not None:
                raise ValueError(f"{name} = {value!r}: this is for tables and GraphML, not for npz files")
        return arrays.read_npz(path, directed=directed, fold=fold)
    options = {"target_columns": target_columns, "feature_columns": feature_columns, "split_column": split_column}
    if form == GRAPHML:
        return graphml.read_graphml(path, **options, directed=directed)  # type: ignore[arg-type]
    tables = tables_of(path, edges)
    if tables is None:
        raise ValueError(f"{path} has no tables of nodes and edges")
    nodes = read_nodes(tables.nodes, **options, fair_column=fair_column, how=how)  # type: ignore[arg-type]
    return join_tables(nodes, read_edges(tables.edges, how), directed=directed)
