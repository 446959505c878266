"""A data set of the nodes of one graph: features, edges, labels and splits."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor
from torch_geometric.data import Data, HeteroData

from xgraph.data.labels.groups import Groups, check_groups, read_groups
from xgraph.data.published.nodes import NodeArrays, Rows
from xgraph.data.storage.checks import (
    METRICS,
    check_edges,
    check_metric,
    check_splits,
    checked_index,
)
from xgraph.messages import listed
from xgraph.metric_names import NUMBER_METRICS

if TYPE_CHECKING:
    from xgraph.data.molecules.table import RowError

Task = Literal["binary", "multiclass", "multilabel", "regression"]


class NodeDataset:
    """The nodes of one graph, with labels and splits.

    Item i is node i of `data`, or of its nodes of type `node_type` in a heterogeneous graph.

    Args:
        data: The graph, with `x` ``[N, features]``, dense or as a sparse CSR tensor (which is never converted to
            dense as a whole), `edge_index` ``[2, E]`` in int64, and any other attributes except labels.
        y: Labels. For binary and multilabel tasks, and for numbers (regression), float32 ``[N, T]``, with NaN for
            missing. For multiclass tasks int64 ``[N]``, with -1 for missing.
        name: Name of the data set.
        task: ``"binary"``, ``"multilabel"``, ``"multiclass"`` or ``"regression"``.
        task_names: Names of the T tasks; for multiclass, names of the classes.
        metric: Metric for model selection: ap, prc_auc, roc_auc, or accuracy for multiclass; for regression rmse, mae,
            r2, pearson or spearman.
        splits: Nodes of each part, such as train, valid and test, in int64.
        node_type: Type of the labelled nodes, if `data` is heterogeneous.
        ids: Names of the nodes, each a different text; by default they are numbered from 0.
        feature_names: Names of the features, if they have any.
        notes: How the source was read, where this is not obvious.
        left_out: Columns of the source that are not used, and why.
        groups: Groups of the nodes for which error rates are compared.

    Raises:
        ValueError: If lengths, types or ranges are inconsistent.

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
        ids: Sequence[str] | None = None,
        feature_names: Sequence[str] = (),
        notes: Mapping[str, str] | None = None,
        left_out: Mapping[str, str] | None = None,
        groups: Groups | None = None,
    ) -> None:
        if task not in ("binary", "multiclass", "multilabel", "regression"):
            raise ValueError(f"task must be binary, multiclass, multilabel or regression, got {task!r}")
        check_metric(metric, NUMBER_METRICS if task == "regression" else (*METRICS, "accuracy"))
        if (node_type is None) == isinstance(data, HeteroData):
            raise ValueError(f"node_type must be given if and only if data is a HeteroData, got {node_type!r}")
        self.data, self.y, self.node_type = data, y, node_type
        self.name, self.task, self.task_names, self.metric = name, task, list(task_names), metric
        self.splits = dict(splits or {})
        self.ids, self.feature_names = None if ids is None else list(ids), list(feature_names)
        self.notes, self.left_out = dict(notes or {}), dict(left_out or {})
        self.errors: list[RowError] = []
        self.groups = check_groups(groups, len(y))
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
        fair_column: str | None = None,
    ) -> NodeDataset:
        """Create a data set from the arrays of a published graph."""
        x = sparse_rows(graph.x) if isinstance(graph.x, Rows) else torch.from_numpy(graph.x)
        y = torch.from_numpy(graph.y)
        if task != "multiclass":
            y = torch.where(y < 0, torch.nan, y.float()).unsqueeze(1)
        data = Data(x=x, edge_index=torch.from_numpy(graph.edge_index))
        groups = None
        if fair_column is not None:
            if fair_column not in graph.groups:
                known = listed(list(graph.groups)) if graph.groups else "none"
                raise ValueError(f"fair_column {fair_column!r}: the columns of groups of {name!r} are: {known}")
            groups = read_groups(graph.groups, fair_column, name)
        how: dict[str, Any] = {"metric": metric, "splits": splits, "groups": groups}
        return cls(data, y, name=name, task=task, task_names=task_names, **how)

    @property
    def num_tasks(self) -> int:
        """Number of tasks, or of classes for multiclass: the number of outputs of a model."""
        return len(self.task_names)

    @property
    def class_names(self) -> list[str]:
        """Names of the classes for multiclass; empty for other tasks."""
        return self.task_names if self.task == "multiclass" else []

    @property
    def num_features(self) -> int:
        """Number of features of a labelled node; 0 if it has none."""
        x = self._nodes.get("x")
        return 0 if x is None else int(x.size(1))

    @property
    def row(self) -> Tensor:
        """Position of each node in its source, int64 ``[N]``: nodes keep the source's order."""
        return torch.arange(len(self))

    @cached_property
    def positions(self) -> dict[str, int]:
        """Position of each node by its name; empty if the nodes have none."""
        return {name: i for i, name in enumerate(self.ids or ())}

    @property
    def num_edges(self) -> int:
        """Number of edges of all types, counting each direction."""
        return int(self.data.num_edges)

    @property
    def _nodes(self) -> Data:
        """The storage of the labelled nodes."""
        return self.data if self.node_type is None else self.data[self.node_type]

    def targets(self, index: Tensor) -> Tensor:
        """Return labels in the format of the losses.

        Args:
            index: Nodes, in int64. Shape ``[n]``.

        Returns:
            Labels, as one-hot rows for multiclass, with NaN for missing. Shape ``[n, T]``, float32.

        Raises:
            ValueError: If `index` does not hold integers.
            IndexError: If a node is out of range.
        """
        labels = self.y[checked_index(index, len(self), "node")]
        if self.task != "multiclass":
            return labels
        known = (labels >= 0).unsqueeze(-1)
        rows = torch.nn.functional.one_hot(labels.clamp(min=0), self.num_tasks).float()
        return torch.where(known, rows, torch.nan)

    def __len__(self) -> int:
        return len(self.y)

    def _repr_html_(self) -> str:
        """Return the data set as a notebook shows it."""
        from xgraph.data.molecules.notebook import dataset_html

        return dataset_html(self)

    def __repr__(self) -> str:
        outputs = {"multiclass": "classes", "regression": "targets"}.get(self.task, "tasks")
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
            raise ValueError(f"task_names must have one name for a binary task, got {self.task_names}")
        if self.task == "multiclass":
            if y.shape != (n,) or y.dtype != torch.int64:
                raise ValueError(f"y must be int64 of shape [{n}] for multiclass, got {y.dtype} {list(y.shape)}")
            if n and not -1 <= int(y.min()) <= int(y.max()) < tasks:
                raise ValueError(
                    f"y must be between -1 and {tasks - 1} for {tasks} classes, got {int(y.min())} to {int(y.max())}"
                )
        elif y.shape != (n, tasks) or y.dtype != torch.float32:
            raise ValueError(f"y must be float32 of shape [{n}, {tasks}], got {y.dtype} {list(y.shape)}")
        elif self.task == "regression":
            if bool(y.isinf().any()):
                raise ValueError("y must hold finite numbers or NaN (missing), got infinity")
        elif not ((y == 0) | (y == 1) | y.isnan()).all():
            raise ValueError("y must be 0, 1 or NaN (missing); for other numbers, set task to 'regression'")
        check_splits(self.splits, n, "node")
        if self.ids is not None and (len(self.ids) != n or len(set(self.ids)) < n):
            raise ValueError(
                f"ids must have {n} different names, one per node, got {len(set(self.ids))} in {len(self.ids)}"
            )
        if self.feature_names and len(self.feature_names) != self.num_features:
            raise ValueError(
                f"feature_names must have {self.num_features} names, one per feature, got {len(self.feature_names)}"
            )


def sparse_rows(rows: Rows) -> Tensor:
    """Convert compressed rows to a torch sparse CSR tensor ``[n, features]`` that shares their memory."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            torch.from_numpy(rows.indptr),
            torch.from_numpy(rows.indices),
            torch.from_numpy(rows.data),
            rows.shape,
            check_invariants=True,
        )
