"""One pass over sorted scores, in float64 and with exact ties, from which all ranking metrics are computed.

Scores are raw logits: a sigmoid in float32 would make confident scores equal and change the metrics.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_COLUMNS_AT_ONCE = 64


class Sweep(NamedTuple):
    """Counts of items at or above each of k distinct scores, from the highest down; both classes are present.

    Args:
        tp: Number of positives, shape [k]; the last entry is their total.
        fp: Number of negatives, shape [k]; the last entry is their total.
    """

    tp: FloatArray
    fp: FloatArray

    def roc(self) -> tuple[FloatArray, FloatArray]:
        """Return the false and true positive rates of the ROC curve from (0, 0) to (1, 1), shape [k + 1] each."""
        fpr, tpr = (np.concatenate([[0.0], counts / counts[-1]]) for counts in (self.fp, self.tp))
        return fpr, tpr


def sweep(target: npt.ArrayLike, score: npt.ArrayLike) -> Sweep | None:
    """Count positives and negatives from the highest score down; None if there is only one class."""
    y, s = (np.asarray(a, dtype=np.float64) for a in (target, score))
    if y.shape != s.shape or y.ndim != 1:
        raise ValueError(f"target and score: expected equal shapes [n], got {y.shape} and {s.shape}")
    known = ~np.isnan(y)
    y, s = y[known], s[known]
    if not np.isin(y, (0.0, 1.0)).all():
        raise ValueError(f"target: expected labels 0, 1 or NaN, got {float(y[~np.isin(y, (0.0, 1.0))][0])}")
    if not np.isfinite(s).all():
        raise ValueError(f"score: expected finite numbers, got {float(s[~np.isfinite(s)][0])}")
    if y.size == 0 or y.min() == y.max():
        return None
    order = np.argsort(-s, kind="stable")
    y, s = y[order], s[order]
    last_of_tie = np.append(np.flatnonzero(s[1:] != s[:-1]), y.size - 1)
    tp = np.cumsum(y)[last_of_tie]
    return Sweep(tp, last_of_tie + 1.0 - tp)


def columns(*tables: npt.NDArray[Any]) -> Iterator[tuple[FloatArray, ...]]:
    """Yield the columns of tables of the same shape ``[n, T]`` together, in float64 and each contiguous.

    Many columns are read several times as fast as by slices of the tables, and no table is copied as a whole.
    """
    for first in range(0, tables[0].shape[1], _COLUMNS_AT_ONCE):
        some = (table[:, first : first + _COLUMNS_AT_ONCE] for table in tables)
        yield from zip(*(np.ascontiguousarray(table.T, dtype=np.float64) for table in some), strict=True)
