"""Graphs that are no molecules, with a class each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor
from torch_geometric.data import Batch, Data

from xgraph.data.storage.checks import checked_index, positions_of

if TYPE_CHECKING:
    from xgraph.data.molecules.table import RowError


class GraphDataset(torch.utils.data.Dataset[Data]):
    """Graphs with a class each, and their splits: what a `MoleculeDataset` is to molecules.

    Item i is a PyG `Data` with `edge_index`, `edge_attr` if there is one, `x` (a 1 for every node if the source has
    no features), `y` [1], its class, and `idx` [1], the position i.

    Args:
        graphs: The n graphs, by position.
        y: Class of each graph: int64 [n], -1 is a missing one.
        name: What to call the data set.
        class_names: The T classes.
        metric: Metric by which models are chosen.
        splits: Positions of the parts, such as train, valid and test.

    Raises:
        ValueError: If the lengths or ranges do not agree.

    Example:
        >>> ring = Data(edge_index=torch.tensor([[0, 1, 2], [1, 2, 0]]), num_nodes=3)
        >>> data = GraphDataset([ring, ring], torch.tensor([0, 1]), name="rings", class_names=["a", "b"])
        >>> data, data[1].idx, data.batch([0, 1]).num_nodes
        (GraphDataset('rings', graphs=2, classes=2), tensor([1]), 6)
    """

    kind: Literal["graph"] = "graph"
    task: Literal["multiclass"] = "multiclass"
    featurizer: Literal[""] = ""

    def __init__(
        self,
        graphs: Any,
        y: Tensor,
        *,
        name: str,
        class_names: Sequence[str],
        metric: str = "accuracy",
        splits: Mapping[str, Tensor] | None = None,
    ) -> None:
        n, classes = len(graphs), len(class_names)
        if y.shape != (n,) or y.dtype != torch.int64:
            raise ValueError(f"y must be int64 of shape [{n}] for the graphs, got {y.dtype} {list(y.shape)}")
        if n and not -1 <= int(y.min()) <= int(y.max()) < classes:
            raise ValueError(
                f"y must be -1 to {classes - 1} for {classes} classes, got {int(y.min())} to {int(y.max())}"
            )
        self.graphs, self.y, self.row = graphs, y, torch.arange(n)
        self.name, self.metric, self.splits = name, metric, dict(splits or {})
        self.class_names = self.task_names = list(class_names)
        self.errors: list[RowError] = []

    @property
    def num_tasks(self) -> int:
        """Number of classes: how many outputs a model has."""
        return len(self.class_names)

    def targets(self, index: Tensor) -> Tensor:
        """One-hot classes as a loss takes them, NaN where one is missing: float32 [n, T].

        Args:
            index: Positions, int64 [n].

        Raises:
            ValueError: If the positions are not integers.
            IndexError: If a position is out of range.
        """
        labels = self.y[checked_index(index, len(self), "graph")]
        rows = torch.nn.functional.one_hot(labels.clamp(min=0), self.num_tasks).float()
        return torch.where((labels >= 0).unsqueeze(-1), rows, torch.nan)

    def __len__(self) -> int:
        return len(self.graphs)

    def __getitem__(self, i: int) -> Data:
        position = int(positions_of([i], len(self), self.name, "graph")[0])
        graph = self.graphs[position].clone()
        if graph.get("x") is None:
            graph.x = torch.ones(graph.num_nodes, 1)
        graph.y = self.y[position : position + 1]
        graph.idx = torch.tensor([position])
        return graph

    def batch(self, positions: Sequence[int] | Tensor) -> Batch:
        """Collate graphs.

        Args:
            positions: Positions in this data set, at least one; they may repeat.

        Raises:
            IndexError: If a position is out of range.
            ValueError: If there are no positions.
        """
        listed = torch.as_tensor(positions, dtype=torch.long).reshape(-1).tolist()
        if not listed:
            raise ValueError("positions is empty: a batch needs at least one graph")
        return Batch.from_data_list([self[i] for i in listed])

    def __repr__(self) -> str:
        return f"GraphDataset({self.name!r}, graphs={len(self)}, classes={self.num_tasks})"
