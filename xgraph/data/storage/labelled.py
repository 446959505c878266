"""What data sets of labelled items have in common."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch_geometric.data import Data

from xgraph.data.storage.checks import METRICS, check_classes, check_metric, item_weights


class LabelledItems(torch.utils.data.Dataset[Data]):
    """Items with labels of one or several tasks, or of classes that exclude each other."""

    name: str
    task_names: list[str]

    def _set_labels(self, y: Tensor, weight: Tensor | None, task: str, metric: str) -> None:
        """Check and keep the labels of the n items, their weights, and the metric for model selection."""
        self._classes = task == "multiclass"
        check_metric(metric, (*METRICS, "accuracy") if self._classes else METRICS)
        if self._classes:
            check_classes(y, y.size(1))
        self.y, self.metric = y, metric
        self.weight = item_weights(weight, len(y))

    @property
    def num_tasks(self) -> int:
        """Number of label columns: of tasks, or of classes."""
        return len(self.task_names)

    @property
    def task(self) -> Literal["binary", "multilabel", "multiclass"]:
        """Type of the task: "binary" for a single one, "multilabel" for several, "multiclass" for classes."""
        return "multiclass" if self._classes else "binary" if self.num_tasks == 1 else "multilabel"
