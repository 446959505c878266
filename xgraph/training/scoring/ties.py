"""What ties do to the area under the precision-recall curve, shown on the scores of a model."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from xgraph.training.scoring.metrics import score_all
from xgraph.training.scoring.sweep import FloatArray, Sweep

FROM_ONE = "prc_auc_from_1"
"""The area whose curve begins at a precision of 1, as published figures are computed."""

_SHOWN = ("tied", "ap", "prc_auc", FROM_ONE)


def tie_effects(
    target: npt.ArrayLike, logits: npt.ArrayLike, scales: Sequence[float] = (1, 10, 100)
) -> list[dict[str, str | float]]:
    """Score the same ranking by logits, and by sigmoids in single precision, where large logits become equal.

    A network whose logits are ten times as large ranks in the same way. But in single precision, the sigmoid of every
    logit above about 17 is exactly 1, so that the items at the top are tied. Average precision falls then, while an
    area under the curve that begins at a precision of 1 can rise. A constant score shows how far.

    Args:
        target: Labels 0 and 1, or NaN for a missing label, shape ``[n]`` or ``[n, T]``.
        logits: Finite scores of the same shape.
        scales: What the logits are multiplied by before the sigmoid.

    Returns:
        For the logits, for the sigmoids of each scale and for a constant score: their name (``scores``) and, as means
        over the tasks with both classes, the share of tied scores (``tied``), average precision (``ap``), the area
        under the curve that begins at the precision of the highest scores (``prc_auc``), and the area under the curve
        that begins at a precision of 1 (``prc_auc_from_1``). NaN if no task has both classes.

    Example:
        >>> for row in tie_effects([1, 0, 1, 0, 0, 0], [3.0, 2.5, 2.0, -1.0, -1.5, -2.0], scales=[10]):
        ...     print(f"{row['scores']}: {row['tied']:.2f} {row['ap']:.2f} {row['prc_auc_from_1']:.2f}")
        logits: 0.00 0.83 0.79
        float32 sigmoids of logits × 10: 0.50 0.67 0.83
        a constant score: 1.00 0.33 0.67
    """
    s = np.asarray(logits, dtype=np.float64)
    rows = {"logits": s}
    for scale in scales:
        name = "float32 sigmoids" + (f" of logits × {scale:g}" if scale != 1 else "")
        rows[name] = torch.sigmoid(torch.from_numpy(s).float() * scale).double().numpy()
    rows["a constant score"] = np.zeros_like(s)
    found: list[dict[str, str | float]] = []
    for name, scores in rows.items():
        values = score_all(target, scores, {FROM_ONE: _from_one})
        found.append({"scores": name, **{key: values[key] for key in _SHOWN}})
    return found


def mean_effects(parts: Sequence[Sequence[dict[str, str | float]]]) -> list[dict[str, str | float]]:
    """Return the means over folds, of those that have both classes."""
    means: list[dict[str, str | float]] = []
    for rows in zip(*parts, strict=True):
        known = [row for row in rows if not math.isnan(float(row["ap"]))]
        means.append({key: float(np.mean([row[key] for row in known])) if known else math.nan for key in _SHOWN})
        means[-1] = {"scores": rows[0]["scores"], **means[-1]}
    return means


def _from_one(swept: Sweep) -> float:
    """Return the trapezoidal area from recall 0 and precision 1."""
    precision: FloatArray = np.append(1.0, swept.tp / (swept.tp + swept.fp))
    recall = np.append(0.0, swept.tp / swept.tp[-1])
    return float(np.sum(np.diff(recall) * (precision[1:] + precision[:-1]) / 2))
