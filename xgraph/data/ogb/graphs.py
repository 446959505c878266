"""A data set of graphs that are not molecules, with class labels."""

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
    """Graphs that are not molecules, with one class per graph, and splits.

    Item i is a PyG `Data` with `edge_index`, `edge_attr` if available, `x` (a single 1 per node if the source has no
    features), its class `y` ``[1]`` and its position `idx` ``[1]``.

    Args:
        graphs: Sequence of the n graphs.
        y: Class of each graph, int64, with -1 for missing. Shape ``[n]``.
        name: Name of the data set.
        class_names: Names of the T classes.
        metric: Metric for model selection.
        splits: Positions of each part, such as train, valid and test.

    Raises:
        ValueError: If lengths or ranges are inconsistent.

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
            raise ValueError(f"y must be int64 of shape [{n}], one class per graph, got {y.dtype} {list(y.shape)}")
        if n and not -1 <= int(y.min()) <= int(y.max()) < classes:
            raise ValueError(
                f"y must be between -1 and {classes - 1} for {classes} classes, got {int(y.min())} to {int(y.max())}"
            )
        self.graphs, self.y, self.row = graphs, y, torch.arange(n)
        self.name, self.metric, self.splits = name, metric, dict(splits or {})
        self.class_names = self.task_names = list(class_names)
        self.errors: list[RowError] = []

    @property
    def num_tasks(self) -> int:
        """Number of classes, which is the number of outputs of a model."""
        return len(self.class_names)

    def targets(self, index: Tensor) -> Tensor:
        """Return one-hot classes in the format of the losses: float32 ``[n, T]``, with NaN for missing.

        Args:
            index: Positions of graphs, int64. Shape ``[n]``.

        Raises:
            ValueError: If `index` does not hold integers.
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
            positions: Positions in this data set, at least one; repetitions are allowed.

        Raises:
            IndexError: If a position is out of range.
            ValueError: If `positions` is empty.
        """
        listed = torch.as_tensor(positions, dtype=torch.long).reshape(-1).tolist()
        if not listed:
            raise ValueError("positions is empty: a batch needs at least one graph")
        return Batch.from_data_list([self[i] for i in listed])

    def __repr__(self) -> str:
        return f"GraphDataset({self.name!r}, graphs={len(self)}, classes={self.num_tasks})"
