"""The nodes of one graph as a data set: features, edges, labels and splits."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor
from torch_geometric.data import Data, HeteroData

from xgraph.data.published.nodes import NodeArrays, Rows
from xgraph.data.storage.checks import METRICS, check_edges, check_metric, check_splits, checked_index

if TYPE_CHECKING:
    from xgraph.data.molecules.table import RowError

Task = Literal["binary", "multiclass", "multilabel"]


class NodeDataset:
    """Nodes of one graph, their labels and their splits.

    Item i is node i of `data`, or of the nodes of type `node_type` where there are several types.

    Args:
        data: The graph: `x` [N, features], dense or as a sparse CSR tensor (never made dense as a whole),
            `edge_index` [2, E] int64, and what else is known of nodes and edges; the labels are not in it.
        y: Labels. Binary and multilabel: float32 [N, T], NaN is a missing one. Multiclass: int64 [N], -1 is a
            missing one.
        name: What to call the data set.
        task: ``"binary"``, ``"multilabel"`` or ``"multiclass"``.
        task_names: The T tasks; of several classes, the classes.
        metric: Metric by which models are chosen: ap, prc_auc, roc_auc, or accuracy of several classes.
        splits: Nodes of the parts, such as train, valid and test: int64.
        node_type: Type of the nodes with labels, if `data` has several types.

    Raises:
        ValueError: If the lengths, types or ranges do not agree.

    Example:
        >>> graph = Data(x=torch.eye(3), edge_index=torch.tensor([[0, 1], [1, 2]]))
        >>> data = NodeDataset(graph, torch.tensor([0, 1, -1]), name="toy", task="multiclass",
        ...                    task_names=["a", "b"], metric="accuracy", splits={"train": torch.tensor([0, 1])})
        >>> data
        NodeDataset('toy', nodes=3, edges=2, features=3, classes=2)
        >>> data.targets(torch.tensor([1, 2]))
        tensor([[0., 1.],
                [nan, nan]])
    """

    kind: Literal["node"] = "node"
    featurizer: Literal[""] = ""

    def __init__(
        self,
        data: Data | HeteroData,
        y: Tensor,
        *,
        name: str,
        task: Task,
        task_names: Sequence[str],
        metric: str,
        splits: Mapping[str, Tensor] | None = None,
        node_type: str | None = None,
    ) -> None:
        if task not in ("binary", "multiclass", "multilabel"):
            raise ValueError(f"task must be binary, multiclass or multilabel, got {task!r}")
        check_metric(metric, (*METRICS, "accuracy"))
        if (node_type is None) == isinstance(data, HeteroData):
            raise ValueError(f"node_type must be given for a HeteroData, and only then, got {node_type!r}")
        self.data, self.y, self.node_type = data, y, node_type
        self.name, self.task, self.task_names, self.metric = name, task, list(task_names), metric
        self.splits = dict(splits or {})
        self.errors: list[RowError] = []
        self._check()

    @classmethod
    def from_arrays(
        cls,
        graph: NodeArrays,
        *,
        name: str,
        task: Task,
        task_names: Sequence[str],
        metric: str,
        splits: Mapping[str, Tensor] | None = None,
    ) -> NodeDataset:
        """A data set of the arrays that `xgraph.data.published.nodes` read."""
        x = sparse_rows(graph.x) if isinstance(graph.x, Rows) else torch.from_numpy(graph.x)
        y = torch.from_numpy(graph.y)
        if task != "multiclass":
            y = torch.where(y < 0, torch.nan, y.float()).unsqueeze(1)
        data = Data(x=x, edge_index=torch.from_numpy(graph.edge_index))
        return cls(data, y, name=name, task=task, task_names=task_names, metric=metric, splits=splits)

    @property
    def num_tasks(self) -> int:
        """Number of tasks; of several classes, their number: how many outputs a model has."""
        return len(self.task_names)

    @property
    def class_names(self) -> list[str]:
        """Names of the classes of a task of several; empty for other tasks."""
        return self.task_names if self.task == "multiclass" else []

    @property
    def num_features(self) -> int:
        """Numbers that a node has, of the type with labels; 0 if it has none."""
        x = self._nodes.get("x")
        return 0 if x is None else int(x.size(1))

    @property
    def row(self) -> Tensor:
        """Number of each node in its source, int64 [N]: the nodes are in the source's order."""
        return torch.arange(len(self))

    @property
    def num_edges(self) -> int:
        """Edges of all types, each direction counted."""
        return int(self.data.num_edges)

    @property
    def _nodes(self) -> Data:
        """The store of the nodes with labels."""
        return self.data if self.node_type is None else self.data[self.node_type]

    def targets(self, index: Tensor) -> Tensor:
        """Labels as a loss takes them.

        Args:
            index: Nodes, int64 [n].

        Returns:
            float32 [n, T]: the labels, of several classes a one-hot row; NaN where a label is missing.

        Raises:
            ValueError: If the nodes are not integers.
            IndexError: If a node is not one of the N.
        """
        labels = self.y[checked_index(index, len(self), "node")]
        if self.task != "multiclass":
            return labels
        known = (labels >= 0).unsqueeze(-1)
        rows = torch.nn.functional.one_hot(labels.clamp(min=0), self.num_tasks).float()
        return torch.where(known, rows, torch.nan)

    def __len__(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        outputs = "classes" if self.task == "multiclass" else "tasks"
        return (
            f"NodeDataset({self.name!r}, nodes={len(self)}, edges={self.num_edges}, "
            f"features={self.num_features}, {outputs}={self.num_tasks})"
        )

    def _check(self) -> None:
        n, tasks, y = int(self._nodes.num_nodes or 0), self.num_tasks, self.y
        x = self._nodes.get("x")
        if x is not None and (x.dim() != 2 or x.size(0) != n):
            raise ValueError(f"x must have shape [{n}, features] for {n} nodes, got {list(x.shape)}")
        if isinstance(self.data, HeteroData):
            for kind in self.data.edge_types:
                ends = (int(self.data[end].num_nodes or 0) for end in (kind[0], kind[2]))
                check_edges(f"edge_index of {kind}", self.data[kind].get("edge_index"), *ends)
        else:
            check_edges("edge_index", self.data.get("edge_index"), n, n)
        if self.task == "binary" and tasks != 1:
            raise ValueError(f"task_names must name one task for a binary task, got {self.task_names}")
        if self.task == "multiclass":
            if y.shape != (n,) or y.dtype != torch.int64:
                raise ValueError(f"y must be int64 of shape [{n}] for several classes, got {y.dtype} {list(y.shape)}")
            if n and not -1 <= int(y.min()) <= int(y.max()) < tasks:
                raise ValueError(
                    f"y must be -1 to {tasks - 1} for {tasks} classes, got {int(y.min())} to {int(y.max())}"
                )
        elif y.shape != (n, tasks) or y.dtype != torch.float32:
            raise ValueError(f"y must be float32 of shape [{n}, {tasks}], got {y.dtype} {list(y.shape)}")
        elif not ((y == 0) | (y == 1) | y.isnan()).all():
            raise ValueError("y must be 0, 1 or NaN")
        check_splits(self.splits, n, "node")


def sparse_rows(rows: Rows) -> Tensor:
    """A torch sparse CSR tensor [n, features] of compressed rows; shares their memory."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            torch.from_numpy(rows.indptr),
            torch.from_numpy(rows.indices),
            torch.from_numpy(rows.data),
            rows.shape,
            check_invariants=True,
        )
