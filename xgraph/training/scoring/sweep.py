"""The one pass over sorted scores that every ranking metric is made of, in float64, ties counted exactly.

Scores are raw logits: a sigmoid in float32 would tie the confident ones and move the metrics.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


class Sweep(NamedTuple):
    """What lies at or above each distinct score, from the highest; both classes are there.

    Args:
        tp: Positives, shape [k]; the last is their number.
        fp: Negatives, shape [k]; the last is their number.
    """

    tp: FloatArray
    fp: FloatArray

    def roc(self) -> tuple[FloatArray, FloatArray]:
        """False and true positive rates of the ROC curve's corners, from (0, 0) to (1, 1), shape [k + 1] each."""
        fpr, tpr = (np.concatenate([[0.0], counts / counts[-1]]) for counts in (self.fp, self.tp))
        return fpr, tpr


def sweep(target: npt.ArrayLike, score: npt.ArrayLike) -> Sweep | None:
    """Count from the highest score down."""
    y, s = (np.asarray(a, dtype=np.float64) for a in (target, score))
    if y.shape != s.shape or y.ndim != 1:
        raise ValueError(f"target and score: expected one shape [n], got {y.shape} and {s.shape}")
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
