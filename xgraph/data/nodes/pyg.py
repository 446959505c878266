"""Graphs of PyG as data sets of their nodes: labels, masks and edges as PyG's own data sets have them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor
from torch_geometric.data import Data, HeteroData

from xgraph.data.labels.labels import usual_metric
from xgraph.data.labels.tensors import MINUS_ONE, checked_numbers, holds_numbers, note_of
from xgraph.data.nodes.dataset import NodeDataset
from xgraph.messages import listed, shown

if TYPE_CHECKING:
    from xgraph.data.nodes.dataset import Task

MOST_CLASSES = 100_000
"""A model has an output per class; a larger number is no class."""

MASKS = {"train": ("train_mask",), "valid": ("val_mask", "valid_mask"), "test": ("test_mask",)}
"""Attributes that say which nodes are in a part."""


def nodes_of_graph(
    graph: Data | HeteroData,
    *,
    name: str = "graph",
    task: Literal["binary", "multiclass", "regression"] | None = None,
    node_type: str | None = None,
    fold: int | None = None,
) -> NodeDataset:
    """Return the nodes of a PyG graph as a data set, with the split of its masks, if it has any.

    Args:
        graph: A graph with `x`, `edge_index` (or `adj_t`), labels `y`, and `train_mask`, `val_mask` and `test_mask`
            if it comes with a split. Integer labels are classes, with -1 for missing; if they are 0 and 1 only, or
            booleans, they are one task. A matrix of 0, 1 and NaN has one task per column. Floats with other values are
            numbers to predict (regression), one or several per node, with NaN for missing.
        name: Name of the data set.
        task: "multiclass" to take labels 0 and 1, or whole floats, for classes; "binary" to refuse anything else than
            0 and 1; "regression" to take integers for numbers.
        node_type: The type of the labelled nodes, if `graph` is heterogeneous; by default the only one with `y`.
        fold: Column of the masks, if they have several.

    Raises:
        TypeError: If `graph` is not a graph of PyG.
        ValueError: If labels or masks are missing, or have the wrong shape or contents.

    Example:
        >>> graph = Data(x=torch.eye(4), edge_index=torch.tensor([[0, 1], [1, 2]]), y=torch.tensor([0, 2, 1, 2]))
        >>> nodes_of_graph(graph)
        NodeDataset('graph', nodes=4, edges=2, features=4, classes=3)
    """
    if not isinstance(graph, Data | HeteroData):
        raise TypeError(f"graph must be a Data or HeteroData of PyG, got {type(graph).__name__}")
    if isinstance(graph, HeteroData) and len(graph.node_types) == 1:  # edges of all types are taken alike
        graph, node_type = graph.to_homogeneous(add_node_type=False, add_edge_type=False), None
    if isinstance(graph, HeteroData):
        node_type = _labelled_type(graph, node_type)
    nodes: Any = graph[node_type] if isinstance(graph, HeteroData) else graph
    y, kind, names = _labels(nodes.get("y"), task)
    n = int(nodes.num_nodes or 0)
    if len(y) != n:
        raise ValueError(f"y must have one label per node, {n}, got shape {list(y.shape)}")
    notes = {"y": note_of(y) + MINUS_ONE * bool((y == -1).any())} if kind == "regression" else None
    data = NodeDataset(
        unlabelled(graph),
        y,
        name=name,
        task=kind,
        task_names=names,
        metric=usual_metric(kind, len(names)),
        node_type=node_type,
        notes=notes,
    )
    data.splits = _parts(nodes, n, fold)
    return data


def task_of_graph(graph: Data | HeteroData, task: str | None = None) -> Task:
    """Return what the labels of a graph are: one task, several tasks, classes that exclude each other, or numbers."""
    nodes: Any = graph[_labelled_type(graph, None)] if isinstance(graph, HeteroData) else graph
    return _labels(nodes.get("y"), task)[1]


def _labelled_type(graph: HeteroData, node_type: str | None) -> str:
    found = [kind for kind in graph.node_types if graph[kind].get("y") is not None]
    if node_type is None and len(found) != 1:
        what = f"{listed(found)} have labels y" if found else "no node type has labels y"
        raise ValueError(f"graph: {what}; choose the type of nodes with node_type")
    if node_type is not None and node_type not in graph.node_types:
        raise ValueError(f"node_type must be one of {listed(graph.node_types)}, got {node_type!r}")
    return found[0] if node_type is None else node_type


def unlabelled(graph: Data | HeteroData) -> Data | HeteroData:
    """Return features and edges, in the types that a `NodeDataset` has."""
    if isinstance(graph, HeteroData):
        copy = graph.clone()
        for store in copy.stores:
            for name in ("y", "train_mask", "val_mask", "valid_mask", "test_mask"):
                store.pop(name, None)
        return copy
    edges = graph.get("edge_index")
    if edges is None and graph.get("adj_t") is not None:
        row, column = _coordinates(graph.adj_t)
        edges = torch.stack([column, row])  # adj_t has a row per target
    if edges is None:
        raise ValueError("the graph has no edge_index")
    unused = [name for name in ("edge_weight", "edge_attr") if graph.get(name) is not None]
    if unused:
        warnings.warn(f"the built-in models do not use {listed(unused)} of the graph", stacklevel=4)
    x = graph.get("x")
    kept = Data(edge_index=edges.long().contiguous(), num_nodes=graph.num_nodes)
    if x is not None:
        kept.x = x.float()
    return kept


def _coordinates(matrix: Any) -> tuple[Tensor, Tensor]:
    if isinstance(matrix, Tensor):
        coordinates = matrix if matrix.layout == torch.sparse_coo else matrix.to_sparse()
        row, column = coordinates.coalesce().indices()
        return row, column
    row, column, _ = matrix.coo()  # torch_sparse's SparseTensor
    return row, column


def _labels(y: Any, task: str | None) -> tuple[Tensor, Task, list[str]]:
    """Return labels in the type of a `NodeDataset`, what they are, and the names of tasks or classes."""
    if not isinstance(y, Tensor):
        raise ValueError(
            "the graph has no labels: set y, one label per node" if y is None else f"y must be a tensor, got {shown(y)}"
        )
    if y.dim() == 2 and y.size(1) == 1:
        y = y.squeeze(1)
    if y.dim() not in (1, 2) or not y.numel():
        raise ValueError(f"y must have shape [nodes] or [nodes, tasks], got {list(y.shape)}")
    if task == "regression" or (task is None and holds_numbers(y)):
        numbers = checked_numbers(y.reshape(len(y), -1))
        return numbers, "regression", _names(numbers.size(1))
    whole = y.dtype == torch.bool or not y.is_floating_point()
    values = y.long() if whole else torch.where(y.isnan(), -1.0, y)
    if not whole and not bool((values == values.round()).all()):
        wrong = values[values != values.round()][0]
        raise ValueError(
            f"y must hold classes, or 0, 1 and NaN (missing), for task {task!r}; got {float(wrong):g} (task "
            "'regression' takes numbers)"
        )
    least, most = int(values.min()), int(values.max())
    if least < -1:
        raise ValueError(f"y must hold classes from 0, or -1 (missing), got {least}")
    if most >= MOST_CLASSES:
        raise ValueError(f"y must hold classes from 0 to {MOST_CLASSES - 1}, got {most}; number the classes from 0")
    if y.dim() == 2 or (most <= 1 and task != "multiclass"):
        if most > 1:
            raise ValueError(f"y must be 0, 1 or missing for several tasks, got {most}")
        matrix = values.float().reshape(len(y), -1)
        tasks = matrix.size(1)
        if tasks > 1 and task == "multiclass":
            raise ValueError(f"y must have shape [nodes] for classes that exclude each other, got {list(y.shape)}")
        labels = torch.where(matrix < 0, torch.nan, matrix)
        return labels, "binary" if tasks == 1 else "multilabel", _names(tasks)
    if task == "binary":
        raise ValueError(f"y must be 0, 1 or missing for a binary task, got {most}")
    return values.long(), "multiclass", [str(number) for number in range(max(most, 1) + 1)]


def _names(tasks: int) -> list[str]:
    return ["y"] if tasks == 1 else [f"y{i}" for i in range(tasks)]


def _parts(nodes: Any, n: int, fold: int | None) -> dict[str, Tensor]:
    """Return the parts of the masks; nothing if there are no masks."""
    masks = {
        part: next((mask for mask in map(nodes.get, names) if mask is not None), None) for part, names in MASKS.items()
    }
    given = {part: mask for part, mask in masks.items() if mask is not None}
    if fold is not None and not any(getattr(mask, "ndim", 1) == 2 for mask in given.values()):
        raise ValueError(f"fold = {fold}: only masks with several columns have folds")
    if not given:
        return {}
    lacking = [names[0] for part, names in MASKS.items() if part not in given]
    if lacking:
        raise ValueError(f"the graph has {listed(MASKS[part][0] for part in given)}, but no {listed(lacking)}")
    parts = {part: _positions(mask, MASKS[part][0], n, fold) for part, mask in given.items()}
    every, counts = torch.unique(torch.cat(list(parts.values())), return_counts=True)
    twice = every[counts > 1]
    if len(twice):
        raise ValueError(f"{len(twice)} nodes are in several masks; the first is node {int(twice[0])}")
    return parts


def _positions(mask: Any, name: str, n: int, fold: int | None) -> Tensor:
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool or mask.dim() not in (1, 2) or len(mask) != n:
        got = f"{mask.dtype} of shape {list(mask.shape)}" if isinstance(mask, Tensor) else type(mask).__name__
        raise ValueError(f"{name} must hold one boolean per node, {n}, got {got}")
    if mask.dim() == 2:
        if not 0 <= (fold or 0) < mask.size(1):
            raise ValueError(f"fold must be between 0 and {mask.size(1) - 1}, the columns of {name}, got {fold}")
        mask = mask[:, fold or 0]
    return torch.as_tensor(mask).nonzero().view(-1)
