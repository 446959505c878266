import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import Data, HeteroData

from xgraph.data import NodeDataset
from xgraph.data.nodes.dataset import sparse_rows
from xgraph.data.published.nodes import NodeArrays, Rows

EDGES = torch.tensor([[0, 1, 2], [1, 2, 0]])


def make(y: Any, **changes: Any) -> NodeDataset:
    options: dict[str, Any] = {"name": "toy", "task": "binary", "task_names": ["t"], "metric": "ap"}
    return NodeDataset(Data(x=torch.zeros(3, 5), edge_index=EDGES), y, **{**options, **changes})


NUMBERS = {"task": "regression", "metric": "mae"}
SEVERAL = {"task": "multiclass", "task_names": ["a", "b"], "metric": "accuracy"}


def test_binary() -> None:
    data = make(torch.tensor([[0.0], [1.0], [torch.nan]]), splits={"train": torch.tensor([0, 1])})
    assert (data.kind, data.name, data.metric, data.task, data.num_tasks) == ("node", "toy", "ap", "binary", 1)
    assert (len(data), data.num_features, data.num_edges, data.class_names) == (3, 5, 3, [])
    assert (data.errors, data.featurizer, data.row.tolist()) == ([], "", [0, 1, 2])
    assert data.splits["train"].tolist() == [0, 1]
    assert torch.equal(data.targets(torch.tensor([1, 0])), torch.tensor([[1.0], [0.0]]))
    assert data.targets(torch.tensor([2])).isnan().all()
    assert "y" not in data.data


def test_multiclass() -> None:
    data = make(torch.tensor([1, -1, 0]), **SEVERAL)
    assert (data.num_tasks, data.class_names, data.task_names) == (2, ["a", "b"], ["a", "b"])
    rows = data.targets(torch.tensor([0, 1, 2]))
    assert rows.dtype == torch.float32
    assert rows[[0, 2]].tolist() == [[0, 1], [1, 0]]
    assert rows[1].isnan().all()
    assert repr(data) == "NodeDataset('toy', nodes=3, edges=3, features=5, classes=2)"
    assert data.targets(torch.tensor([2], dtype=torch.int32)).tolist() == [[1, 0]]
    assert data.targets(torch.empty(0, dtype=torch.long)).shape == (0, 2)
    for node in (3, -1):
        with pytest.raises(IndexError, match=f"node {node} is out of range: there are 3 nodes, numbered from 0"):
            data.targets(torch.tensor([1, node]))
    for wrong in (torch.tensor([1.0]), torch.tensor([True, False, True])):
        with pytest.raises(ValueError, match=f"index must hold integers, got {wrong.dtype}"):
            data.targets(wrong)


def test_numbers() -> None:
    data = make(torch.tensor([[2.5], [torch.nan], [-7.0]]), **NUMBERS)
    assert (data.task, data.metric, data.num_tasks, data.class_names) == ("regression", "mae", 1, [])
    assert data.targets(torch.tensor([2, 0])).tolist() == [[-7.0], [2.5]]
    assert repr(data) == "NodeDataset('toy', nodes=3, edges=3, features=5, targets=1)"


def test_multilabel_and_heterogeneous_graphs() -> None:
    data = HeteroData()
    data["paper"].x = torch.zeros(3, 4)
    data["author"].num_nodes = 2
    data["author", "writes", "paper"].edge_index = torch.tensor([[0, 1], [0, 2]])
    options: dict[str, Any] = {"name": "toy", "task": "multilabel", "task_names": ["s", "t"], "metric": "roc_auc"}
    nodes = NodeDataset(data, torch.zeros(3, 2), node_type="paper", **options)
    assert (len(nodes), nodes.num_features, nodes.num_edges, nodes.num_tasks) == (3, 4, 2, 2)
    with pytest.raises(ValueError, match="node_type must be given if and only if data is a HeteroData, got None"):
        NodeDataset(data, torch.zeros(3, 2), **options)


@pytest.mark.parametrize(
    ("y", "changes", "text"),
    [
        (torch.zeros(2, 1), {}, r"y must be float32 of shape \[3, 1\], got torch.float32 \[2, 1\]"),
        (torch.zeros(3, 1).double(), {}, "y must be float32"),
        (torch.full((3, 1), 0.5), {}, "y must be 0, 1 or NaN .missing.; for other numbers, set task to 'regression'"),
        (torch.zeros(3, 2), {"task_names": ["a", "b"]}, "must have one name for a binary task"),
        (torch.zeros(3), SEVERAL, r"y must be int64 of shape \[3\] for multiclass"),
        (torch.tensor([0, 1, 2]), SEVERAL, "y must be between -1 and 1 for 2 classes, got 0 to 2"),
        (torch.tensor([0, 1, -2]), SEVERAL, "got -2 to 1"),
        (
            torch.zeros(3, 1),
            {"task": "ranking"},
            "task must be binary, multiclass, multilabel or regression, got 'ranking'",
        ),
        (torch.zeros(3, 1), {"task": "regression"}, "metric must be one of rmse, mae, r2, pearson, spearman, got 'ap'"),
        (torch.full((3, 1), torch.inf), NUMBERS, "y must hold finite numbers"),
        (torch.zeros(3), NUMBERS, r"y must be float32 of shape \[3, 1\]"),
        (torch.zeros(3, 1), {"metric": "auc"}, "metric must be one of ap, prc_auc, roc_auc, accuracy, got 'auc'"),
        (torch.zeros(3, 1), {"splits": {"test": torch.tensor([3])}}, "split 'test' refers to a node outside 0 to 2"),
        (torch.zeros(3, 1), {"splits": {"test": torch.ones(3).bool()}}, "split 'test' must be int64 of shape"),
        (torch.zeros(3, 1), {"node_type": "paper"}, "node_type must be given if and only if"),
    ],
)
def test_invalid_arguments_are_rejected(y: Any, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make(y, **changes)


def test_sparse_features_stay_sparse() -> None:
    rows = Rows(np.array([2.0, 1.0], np.float32), np.array([1, 70_000]), np.array([0, 1, 1, 2]), (3, 100_000))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        arrays = NodeArrays(rows, EDGES.numpy(), np.array([0, 1, -1]))
        data = NodeDataset.from_arrays(arrays, name="s", task="binary", task_names=["t"], metric="ap")
    assert data.data.x.layout == torch.sparse_csr
    assert data.num_features == 100_000
    assert data.data.num_nodes == 3
    assert data.y[:2].tolist() == [[0.0], [1.0]]
    assert data.y[2].isnan()
    again = pickle.loads(pickle.dumps(data))
    assert again.data.x.values().tolist() == [2.0, 1.0]


def test_invalid_sparse_rows_are_rejected() -> None:
    twice = Rows(np.ones(2, np.float32), np.array([1, 1]), np.array([0, 2]), (1, 3))
    with pytest.raises(RuntimeError, match="distinct"):
        sparse_rows(twice)


@pytest.mark.parametrize(
    ("edges", "text"),
    [
        (torch.tensor([[0, 3], [1, 2]]), "edge_index has source 3, but nodes are numbered 0 to 2"),
        (torch.tensor([[0, 1], [-1, 2]]), "edge_index has target -1, but nodes are numbered"),
        (EDGES.t(), r"edge_index must be int64 of shape \[2, E\], got torch.int64 \[3, 2\]"),
        (EDGES[0], "edge_index must be int64 of shape"),
        (EDGES.float(), "edge_index must be int64 of shape .* got torch.float32"),
        (None, "edge_index is missing"),
    ],
)
def test_edges_are_checked(edges: Any, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xgraph.data.storage.checks._CHUNK", 1)
    with pytest.raises(ValueError, match=text):
        NodeDataset(
            Data(x=torch.zeros(3, 5), edge_index=edges),
            torch.zeros(3, 1),
            name="toy",
            task="binary",
            task_names=["t"],
            metric="ap",
        )


def test_edges_between_types_are_checked_against_both() -> None:
    data = HeteroData()
    data["paper"].x = torch.zeros(3, 4)
    data["author"].num_nodes = 2
    data["author", "writes", "paper"].edge_index = torch.tensor([[0, 2], [0, 2]])
    with pytest.raises(
        ValueError, match=r"edge_index of \('author', 'writes', 'paper'\) has source 2, but nodes are numbered 0 to 1"
    ):
        NodeDataset(
            data, torch.zeros(3, 1), name="toy", task="binary", task_names=["t"], metric="ap", node_type="paper"
        )


def test_graph_without_edges_or_features() -> None:
    options: dict[str, Any] = {"name": "toy", "task": "binary", "task_names": ["t"], "metric": "ap"}
    none = torch.empty(2, 0, dtype=torch.long)
    assert NodeDataset(Data(x=torch.zeros(3, 5), edge_index=none), torch.zeros(3, 1), **options).num_edges == 0
    graph = Data(x=torch.zeros(2, 5), edge_index=none, num_nodes=3)
    with pytest.raises(ValueError, match=r"x must have shape \[3, features\] for 3 nodes, got \[2, 5\]"):
        NodeDataset(graph, torch.zeros(3, 1), **options)
