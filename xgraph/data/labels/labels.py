"""Labels as read from the columns of a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xgraph.data.labels.groups import Groups


@dataclass(frozen=True)
class Labels:
    """Labels of the rows of a table.

    Args:
        names: Names of the T tasks, or of the classes.
        y: Labels 0 and 1, NaN for missing, float32; for classes, rows with a single 1; or numbers. Shape ``[n, T]``.
        left_out: Columns that look like labels but are not used, and why.
        notes: How columns were read, where this was not obvious.
        column: The column of classes that exclude each other; None for tasks.
        weight: Weights of the rows in the loss, float32 with NaN for missing ones; None without a column of weights.
            Shape ``[n]``.
        groups: Groups of the rows, for which error rates are compared; None without a column of groups.
        numbers: Whether `y` holds numbers to predict (regression), in the user's units.
    """

    names: list[str]
    y: NDArray[np.float32]
    left_out: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    column: str | None = None
    weight: NDArray[np.float32] | None = None
    groups: Groups | None = None
    numbers: bool = False

    @property
    def task(self) -> Literal["binary", "multiclass", "regression"]:
        """Whether these are labels of tasks, classes that exclude each other, or numbers."""
        return "regression" if self.numbers else "binary" if self.column is None else "multiclass"


def usual_metric(task: str, targets: int = 1) -> str:
    """Return the metric by which a model of such labels is selected by default.

    Args:
        task: What the labels are.
        targets: Number of label columns. Errors of several numbers have several units, so that their mean says little.
    """
    if task == "regression":
        return "rmse" if targets == 1 else "r2"
    return "accuracy" if task == "multiclass" else "ap"


def one_hot(codes: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """Return a row with a single 1 for each class, and a row of NaN for the code −1."""
    y = np.full((len(codes), classes), np.nan, dtype=np.float32)
    known = codes >= 0
    y[known] = np.eye(classes, dtype=np.float32)[codes[known]]
    return y
