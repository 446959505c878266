from typing import Any

import pytest
import torch
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from xgraph.data import GraphDataset

PATH = Data(edge_index=torch.tensor([[0], [1]]), num_nodes=2)
DOT = Data(num_nodes=1, x=torch.full((1, 1), 5.0), edge_index=torch.empty(2, 0, dtype=torch.long))


def make(y: Any = (0, -1), **changes: Any) -> GraphDataset:
    options: dict[str, Any] = {"name": "two", "class_names": ["a", "b", "c"], **changes}
    return GraphDataset([PATH, DOT], torch.as_tensor(y), **options)


def test_items_and_batches() -> None:
    data = make()
    assert (len(data), data.num_tasks, data.task_names, data.errors) == (2, 3, ["a", "b", "c"], [])
    assert data[0].x.tolist() == [[1], [1]]
    assert "x" not in PATH  # the source stays as it was
    assert (data[-1].idx.tolist(), data[-1].y.tolist(), data[-1].x.tolist()) == ([1], [-1], [[5]])
    batch = data.batch(torch.tensor([1, 0]))
    assert (batch.num_graphs, batch.idx.tolist(), batch.y.tolist()) == (2, [1, 0], [-1, 0])
    (loaded,) = DataLoader(data, batch_size=2)
    assert loaded.idx.tolist() == [0, 1]
    assert data.targets(torch.tensor([0])).tolist() == [[1, 0, 0]]
    assert data.targets(torch.tensor([1])).isnan().all()


def test_invalid_arguments_are_rejected() -> None:
    for wrong in (2, -3):
        with pytest.raises(IndexError, match=f"position {wrong} is out of range: two has 2 graphs"):
            make()[wrong]
    with pytest.raises(ValueError, match="positions is empty"):
        make().batch([])
    with pytest.raises(ValueError, match=r"y must be int64 of shape \[2\], one class per graph"):
        make(y=[0.0, 1.0])
    with pytest.raises(ValueError, match="y must be between -1 and 2 for 3 classes, got 0 to 3"):
        make(y=[0, 3])


def test_targets_of_positions_out_of_range() -> None:
    ring = Data(edge_index=torch.tensor([[0, 1, 2], [1, 2, 0]]), num_nodes=3)
    data = GraphDataset([ring, ring], torch.tensor([0, 1]), name="rings", class_names=["a", "b"])
    for position in (-1, 2):
        with pytest.raises(IndexError, match=f"graph {position} is out of range: there are 2"):
            data.targets(torch.tensor([position]))
