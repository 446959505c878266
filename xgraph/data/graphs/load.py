"""Loading of graphs of one's own as data sets of their nodes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from xgraph.data.graphs.graph import OwnGraph
from xgraph.data.graphs.labels import read_labels
from xgraph.data.graphs.nodes import check_features
from xgraph.data.graphs.parts import GivenParts, parts_of
from xgraph.data.graphs.read import SAVED, TABLES, form_of, read_graph
from xgraph.data.graphs.saved import read_saved
from xgraph.data.labels.labels import usual_metric
from xgraph.data.published.nodes import Rows
from xgraph.data.splits.own import OwnSplit
from xgraph.data.storage.root import Progress
from xgraph.data.tables.dialect import TextFormat

if TYPE_CHECKING:
    from torch_geometric.data import Data, HeteroData

    from xgraph.data.nodes.dataset import NodeDataset

_USUAL = OwnSplit("stratified")


def load_own_nodes(
    path: Path,
    split: str | None = None,
    splitting: OwnSplit = _USUAL,
    *,
    target_columns: Sequence[str] | None = None,
    feature_columns: Sequence[str] | None = None,
    fair_column: str | None = None,
    task: Literal["binary", "multiclass", "regression"] | None = None,
    directed: bool | None = None,
    edges: str | Path | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    root: Path | None = None,  # like all loaders; nothing is cached
    progress: Progress | None = None,
) -> NodeDataset:
    """Load the nodes of a graph: a folder with tables of nodes and edges, an npz or GraphML file, or an object of PyG.

    Raises:
        ValueError: If the graph has no labels or cannot be read.
    """
    form = form_of(path, edges)
    if form is None:
        raise ValueError(
            f"{path} holds no graph: expected a folder with nodes.csv and edges.csv, or an npz, GraphML or .pt file"
        )
    name, how = graph_name(path), TextFormat(separator, encoding)
    check_text_format(form, how, path)
    if form == SAVED:
        for option, value in (
            ("target_columns", target_columns),
            ("feature_columns", feature_columns),
            ("split_column", splitting.split_column),
            ("fair_column", fair_column),
        ):
            if value is not None:
                raise ValueError(f"{option} = {value!r}: this is for tables, not for objects of PyG")
        return _of_pyg(read_saved(path), path, name, split, splitting, task=task, directed=directed)
    graph = read_graph(
        path,
        form,
        target_columns=target_columns,
        feature_columns=feature_columns,
        split_column=splitting.split_column,
        fair_column=fair_column,
        directed=directed,
        edges=edges,
        fold=None if splitting.folds is not None else splitting.fold,
        how=how,
    )
    return dataset_of(graph, name, split, splitting, task=task)


def graph_name(path: Path) -> str:
    """Return the name of a graph: that of its file or folder without ending."""
    path = path.resolve()
    return path.name if path.is_dir() else path.name.split(".")[0] or path.name


def dataset_of(
    graph: OwnGraph,
    name: str,
    split: str | None,
    splitting: OwnSplit,
    *,
    task: Literal["binary", "multiclass", "regression"] | None,
) -> NodeDataset:
    """Return a graph that was read as a data set, with parts."""
    from xgraph.data.nodes.dataset import NodeDataset

    if not graph.labels:
        raise ValueError(
            f"{graph.where} has no labels: expected a column (or array) label, y, target or class, or the names of the "
            "columns in target_columns (--target-columns)"
        )
    labels = read_labels(graph.labels, task, graph.where)
    return NodeDataset(
        data_of(graph),
        labels.y,
        name=name,
        task=labels.task,
        task_names=labels.names,
        metric=usual_metric(labels.task, len(labels.names)),
        splits=parts_of(graph.parts, labels.y, split, splitting, graph.where),
        ids=None if graph.ids is None else graph.ids.to_pylist(),
        feature_names=graph.feature_names,
        notes={**graph.notes, **labels.notes},
        left_out=graph.left_out,
        groups=graph.groups,
    )


def data_of(graph: OwnGraph) -> Data:
    """Return features and edges as PyG has them."""
    from torch_geometric.data import Data

    from xgraph.data.nodes.dataset import sparse_rows

    if not graph.x.shape[1]:
        raise ValueError(
            f"{graph.where}: the nodes have no features, which the built-in models require: add columns of numbers, "
            "such as the degree of each node"
        )
    x = sparse_rows(graph.x) if isinstance(graph.x, Rows) else torch.from_numpy(graph.x)
    return Data(x=x, edge_index=torch.from_numpy(graph.edges.index))


def _of_pyg(
    graph: Data | HeteroData,
    path: Path,
    name: str,
    split: str | None,
    splitting: OwnSplit,
    *,
    task: Any,
    directed: bool | None,
) -> NodeDataset:
    from torch_geometric.data import Data
    from torch_geometric.utils import to_undirected

    from xgraph.data.nodes.pyg import nodes_of_graph

    try:
        drawn = splitting.folds is not None
        data = nodes_of_graph(graph, name=name, task=task, fold=None if drawn else splitting.fold)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    masks = {part: nodes.numpy() for part, nodes in data.splits.items()}
    data.splits = parts_of(GivenParts(len(data), positions=masks or None), data.y, split, splitting, path)
    if isinstance(data.data, Data):
        check_saved_features(data.data.get("x"), path)
        if directed is False:
            data.data.edge_index = to_undirected(data.data.edge_index, num_nodes=len(data))
    taken = "both directions of each edge" if directed is False else "directed, as stored"
    data.notes["edges"] = f"{data.num_edges} edges, {taken}"
    return data


def check_text_format(form: str, how: TextFormat, path: Path) -> None:
    """Raise `ValueError` if a graph that is no tables of text is said to be written like one."""
    if form != TABLES and any(how):
        raise ValueError(f"separator and encoding are for tables of nodes and edges, and {path} is none")


def check_saved_features(x: Any, path: Path) -> None:
    """Raise an error about features that are missing or not finite."""
    if x is not None and x.layout == torch.strided:
        check_features(np.asarray(x.float().numpy()), [], path)
    elif x is not None and not bool(x.values().isfinite().all()):
        raise ValueError(f"{path}: {int((~x.values().isfinite()).sum())} features are not finite")
