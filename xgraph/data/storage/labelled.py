"""What data sets of labelled items have in common."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch_geometric.data import Data

from xgraph.data.storage.checks import check_classes, check_metric, check_numbers, item_weights, metrics_of


class LabelledItems(torch.utils.data.Dataset[Data]):
    """Items with labels of one or several tasks, of classes that exclude each other, or with numbers to predict."""

    name: str
    task_names: list[str]

    def _set_labels(self, y: Tensor, weight: Tensor | None, task: str, metric: str) -> None:
        """Check and keep the labels of the n items, their weights, and the metric for model selection."""
        self._classes, self._numbers = task == "multiclass", task == "regression"
        check_metric(metric, metrics_of(task))
        if self._classes:
            check_classes(y, y.size(1))
        if self._numbers:
            check_numbers(y)
        self.y, self.metric = y, metric
        self.weight = item_weights(weight, len(y))

    @property
    def num_tasks(self) -> int:
        """Number of label columns: of tasks, or of classes."""
        return len(self.task_names)

    @property
    def task(self) -> Literal["binary", "multilabel", "multiclass", "regression"]:
        """Type of the task: "binary" for a single one, "multilabel" for several, "multiclass", or "regression"."""
        if self._classes or self._numbers:
            return "multiclass" if self._classes else "regression"
        return "binary" if self.num_tasks == 1 else "multilabel"

    @property
    def _outputs(self) -> str:
        """What the columns of labels are called."""
        return {"multiclass": "classes", "regression": "targets"}.get(self.task, "tasks")
