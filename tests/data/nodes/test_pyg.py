import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Data, HeteroData

from xgraph.data.nodes.pyg import nodes_of_graph, task_of_graph

EDGES = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]])
NAN = float("nan")


def graph(y: object, **more: object) -> Data:
    return Data(x=torch.eye(4), edge_index=EDGES, y=y, **more)


def mask(*nodes: int) -> torch.Tensor:
    return torch.zeros(4, dtype=torch.bool).index_fill(0, torch.tensor(nodes), True)


@pytest.mark.parametrize(
    ("y", "task", "names", "expected"),
    [
        (torch.tensor([0, 2, 1, -1]), "multiclass", ["0", "1", "2"], [0, 2, 1, -1]),
        (torch.tensor([[0], [2], [1], [0]]), "multiclass", ["0", "1", "2"], [0, 2, 1, 0]),
        (torch.tensor([0, 1, 1, -1]), "binary", ["y"], [[0], [1], [1], [-1]]),
        (torch.tensor([True, False, True, True]), "binary", ["y"], [[1], [0], [1], [1]]),
        (torch.tensor([0.0, 1.0, NAN, 1.0]), "binary", ["y"], [[0], [1], [-1], [1]]),
        (torch.tensor([[0, 1], [1, 1], [0, 0], [1, 0]]), "multilabel", ["y0", "y1"], [[0, 1], [1, 1], [0, 0], [1, 0]]),
        (torch.tensor([0.5, 1, NAN, 7]).double(), "regression", ["y"], [[0.5], [1], [-1], [7]]),
        (torch.tensor([0.0, 2, 1, 0]), "regression", ["y"], [[0], [2], [1], [0]]),
        (torch.arange(8.0).view(4, 2), "regression", ["y0", "y1"], [[0, 1], [2, 3], [4, 5], [6, 7]]),
    ],
)
def test_labels_are_taken_for_what_they_are(y: torch.Tensor, task: str, names: list[str], expected: list) -> None:
    data = nodes_of_graph(graph(y))
    assert (data.task, data.task_names) == (task, names)
    assert data.y.nan_to_num(-1).tolist() == expected
    assert data.splits == {}
    assert task_of_graph(graph(y)) == task


def test_two_classes_are_one_task_unless_asked_otherwise() -> None:
    two = graph(torch.tensor([0, 1, 0, 1]))
    assert nodes_of_graph(two).task == "binary"
    assert nodes_of_graph(two, task="multiclass").task_names == ["0", "1"]
    with pytest.raises(ValueError, match="0, 1 or missing for a binary task, got 2"):
        nodes_of_graph(graph(torch.tensor([0, 1, 2, 1])), task="binary")


def test_a_task_that_is_asked_for() -> None:
    floats = graph(torch.tensor([0.0, 2, 1, NAN]))
    data = nodes_of_graph(floats)
    assert data.metric == "rmse"
    assert data.notes["y"] == (
        "numbers from 0 to 2: regression; if its 3 different whole numbers are classes, give task 'multiclass', or y "
        "as integers"
    )
    assert nodes_of_graph(floats, task="multiclass").y.tolist() == [0, 2, 1, -1]
    assert nodes_of_graph(graph(torch.tensor([0, 5, -1, 1])), task="regression").y.tolist() == [[0], [5], [-1], [1]]
    with pytest.raises(ValueError, match="for task 'multiclass'; got 0.5 .task 'regression' takes numbers"):
        nodes_of_graph(graph(torch.tensor([0.5, 1, 0, 1])), task="multiclass")


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "no labels: set y"),
        (torch.zeros(3), "one label per node, 4, got shape"),
        (torch.tensor([0.5, torch.inf, 0, 1]), "finite numbers of 32 bits, .* got inf for item 1"),
        (torch.tensor([0.5, -1e39, 0, 1], dtype=torch.float64), r"got -1e\+39 for item 1"),
        (torch.full((4,), 0.5), "y is 0.5 for all 4 labelled items, so that there is nothing to learn"),
        (torch.tensor([[0.5, NAN]] * 4), "column 0 of y is 0.5 for all 4"),
        (torch.tensor([0, 1, -2, 1]), "classes from 0, or -1"),
        (torch.tensor([[0, 3], [1, 1], [0, 0], [1, 0]]), "several tasks, got 3"),
        (torch.zeros(4, 2, 2), r"shape \[nodes\]"),
    ],
)
def test_other_labels_are_refused(y: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nodes_of_graph(graph(y))


def test_masks_are_the_split_and_columns_of_masks_are_folds() -> None:
    y = torch.tensor([0, 2, 1, 2])
    parts = {"train_mask": mask(0, 1), "val_mask": mask(2), "test_mask": mask(3)}
    assert {k: v.tolist() for k, v in nodes_of_graph(graph(y, **parts)).splits.items()} == {
        "train": [0, 1],
        "valid": [2],
        "test": [3],
    }
    two = {name: torch.stack([one, one.roll(1)], dim=1) for name, one in parts.items()}
    assert nodes_of_graph(graph(y, **two)).splits["test"].tolist() == [3]
    assert nodes_of_graph(graph(y, **two), fold=1).splits["test"].tolist() == [0]
    for options, message in (
        ({**parts, "test_mask": mask(2, 3)}, "1 nodes are in several masks; the first is node 2"),
        ({"train_mask": mask(0), "test_mask": mask(1)}, "has 'train_mask', 'test_mask', but no 'val_mask'"),
        ({**parts, "val_mask": mask(2).long()}, "val_mask must hold one boolean per node, 4, got torch.int64"),
    ):
        with pytest.raises(ValueError, match=message):
            nodes_of_graph(graph(y, **options))
    with pytest.raises(ValueError, match="fold = 1: only masks with several columns"):
        nodes_of_graph(graph(y, **parts), fold=1)
    with pytest.raises(ValueError, match="fold must be between 0 and 1, the columns of train_mask, got 2"):
        nodes_of_graph(graph(y, **two), fold=2)


def test_edges_come_from_adj_t_too_and_weights_are_said_to_be_unused() -> None:
    matrix = torch.sparse_coo_tensor(EDGES.flip(0), torch.ones(4), (4, 4)).to_sparse_csr()
    sparse = Data(x=torch.eye(4).double(), adj_t=matrix, y=torch.tensor([0, 2, 1, 2]))
    data = nodes_of_graph(sparse)
    assert sorted(data.data.edge_index.T.tolist()) == EDGES.T.tolist()
    assert data.data.x.dtype == torch.float32
    with pytest.warns(UserWarning, match="do not use 'edge_weight'"):
        nodes_of_graph(graph(torch.tensor([0, 2, 1, 2]), edge_weight=torch.ones(4)))
    with pytest.raises(ValueError, match="no edge_index"):
        nodes_of_graph(Data(x=torch.eye(4), y=torch.tensor([0, 2, 1, 2])))


def test_the_labelled_type_of_a_heterogeneous_graph() -> None:
    hetero = HeteroData()
    hetero["paper"].x, hetero["paper"].y = torch.eye(4), torch.tensor([0, 2, 1, 2])
    hetero["author"].x = torch.eye(2)
    hetero["author", "writes", "paper"].edge_index = torch.tensor([[0, 1], [3, 2]])
    assert nodes_of_graph(hetero).node_type == "paper"
    assert "y" not in nodes_of_graph(hetero).data["paper"]
    del hetero["paper"].y
    with pytest.raises(ValueError, match="no node type has labels y"):
        nodes_of_graph(hetero)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([NAN, -1, 0, 1, 2, 5, 0.5]), min_size=4, max_size=4), st.booleans())
def test_any_labels_are_taken_or_refused_with_a_message(values: list[float], whole: bool) -> None:
    y = torch.tensor(values, dtype=torch.float32)
    y = y.nan_to_num(-1).long() if whole else y
    numbers = not whole and not set(y[~y.isnan()].tolist()) <= {-1, 0, 1}
    if numbers and len(y.unique()) - int(y.isnan().sum()) < 2:
        with pytest.raises(ValueError, match="^y is .* nothing to learn"):
            nodes_of_graph(graph(y))
        return
    data = nodes_of_graph(graph(y))
    assert (data.task == "regression") == numbers
    assert data.y[data.y >= 0].tolist() == y[y >= 0].tolist()
