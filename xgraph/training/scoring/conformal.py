"""Conformal prediction: p-values of each class, calibrated on labelled items that the model was not trained on."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from xgraph.options import OptionError

Array = npt.NDArray[np.float64]
ALPHA = 0.1
"""The share of errors that sets are made for if none is named."""


class Task(NamedTuple):
    """Items of one task, or of several classes that exclude each other.

    Args:
        label: Number of the class of each item, and -1 where the label is missing, shape [n].
        conformity: How well each class fits each item: higher is better, shape [n, C].
    """

    label: npt.NDArray[np.int64]
    conformity: Array


def as_tasks(labels: npt.ArrayLike | None, scores: npt.ArrayLike, *, several_classes: bool = False) -> list[Task]:
    """Return the tasks of labels and scores, shape [n] or [n, T]; of a single one if the columns are its classes.

    A score of 0 to 1 fits class 1 by itself and class 0 by its negative, which has the order of 1 - score without the
    rounding.
    """
    s = np.asarray(scores, dtype=np.float64)
    s = s[:, None] if s.ndim == 1 else s
    y = np.full(s.shape, np.nan) if labels is None else np.asarray(labels, dtype=np.float64).reshape(s.shape)
    if several_classes:
        known = ~np.isnan(y).any(axis=1) & (y == 1).any(axis=1)
        return [Task(np.where(known, np.nan_to_num(y).argmax(axis=1), -1), s)]
    label = np.where(np.isnan(y), -1, np.nan_to_num(y)).astype(np.int64)
    return [Task(label[:, t], np.stack([-s[:, t], s[:, t]], axis=1)) for t in range(s.shape[1])]


def check_alpha(alpha: object) -> float:
    """Return the share of errors as a number, or raise `OptionError` if it is not between 0 and 1."""
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 < alpha < 1:
        raise OptionError(f"alpha = {alpha!r}: expected a number between 0 and 1, such as 0.1 for sets that cover 90 %")
    return float(alpha)


def least_items(alpha: float) -> int:
    """Return how many calibration items a class needs so that it can be left out of a set: 9 for an alpha of 0.1."""
    exact = 1 / Fraction(str(alpha)) - 1
    return max(-(-exact.numerator // exact.denominator), 0)


class Conformal:
    r"""Mondrian (per class) conformal p-values.

    The p-value of class c for a new item is

    .. math:: p_c = \frac{1 + |\{i: y_i = c,\ a_{i,c} \le a_c\}|}{1 + n_c},

    where :math:`a` says how well the class fits an item and the :math:`n_c` items of class c are those of the
    calibration part. If the items are exchangeable, the p-value of the true class is at most :math:`\alpha` with a
    probability of at most :math:`\alpha`, in each class. The set of an item holds the classes with
    :math:`p_c > \alpha`.

    Args:
        labels: Labels of the calibration items: 0 and 1, or one-hot rows; NaN for missing. Shape ``[n]`` or ``[n, T]``.
        scores: Their scores, of the same shape.
        several_classes: Whether the columns are classes that exclude each other.

    Example:
        >>> fitted = Conformal([0, 0, 0, 1, 1], [0.1, 0.2, 0.6, 0.5, 0.9])
        >>> (p,) = fitted.p_values([0.55, 0.05])
        >>> p[:, 0].tolist(), p[:, 1].round(2).tolist()
        ([0.5, 1.0], [0.67, 0.33])
    """

    def __init__(self, labels: npt.ArrayLike, scores: npt.ArrayLike, *, several_classes: bool = False) -> None:
        self.several_classes = several_classes
        self._sorted = [
            [np.sort(task.conformity[task.label == c, c]) for c in range(task.conformity.shape[1])]
            for task in as_tasks(labels, scores, several_classes=several_classes)
        ]

    @property
    def counts(self) -> list[list[int]]:
        """The number of calibration items of each class, for each task."""
        return [[len(one) for one in classes] for classes in self._sorted]

    def p_values(self, scores: npt.ArrayLike) -> list[Array]:
        """Return the p-value of each class for each task, shape ``[m, C]``; NaN where a score is missing."""
        found = []
        for task, classes in zip(
            as_tasks(None, scores, several_classes=self.several_classes), self._sorted, strict=True
        ):
            columns = []
            for c, known in enumerate(classes):
                own = task.conformity[:, c]
                p = (1.0 + np.searchsorted(known, own, side="right")) / (1.0 + len(known))
                columns.append(np.where(np.isnan(own), np.nan, p))
            found.append(np.stack(columns, axis=1))
        return found

    def coverage(self, labels: npt.ArrayLike, scores: npt.ArrayLike, alpha: float) -> list[dict[str, Any]]:
        """Return for each task what the sets of labelled items hold.

        Args:
            labels: Their labels, as for the calibration items.
            scores: Their scores.
            alpha: The share of errors.

        Returns:
            The share of sets with the true class (``coverage``), the same for the items of each class (``by_class``),
            and the mean number of classes in a set (``set_size``); None where there are no items.
        """
        tasks = as_tasks(labels, scores, several_classes=self.several_classes)
        found = []
        for task, p in zip(tasks, self.p_values(scores), strict=True):
            known = task.label >= 0
            label, inside = task.label[known], p[known] > alpha
            covered = inside[np.arange(len(label)), label]
            each = [covered[label == c] for c in range(p.shape[1])]
            found.append(
                {
                    "coverage": _mean(covered),
                    "by_class": [_mean(one) for one in each],
                    "set_size": _mean(inside.sum(axis=1)),
                }
            )
        return found


def _mean(values: Sequence[Any] | npt.NDArray[Any]) -> float | None:
    return float(np.mean(values)) if len(values) else None
