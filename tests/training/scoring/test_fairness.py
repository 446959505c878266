import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from xgraph.training.scoring.fairness import fairness


def test_differences_match_a_count_at_every_threshold() -> None:
    """Three groups, missing labels, unknown groups and ties."""
    rng = np.random.default_rng(0)
    y = (rng.random(200) < 0.4).astype(float)
    scores = np.round(rng.random(200) * 0.7 + 0.3 * y, 1)
    groups = rng.integers(-1, 3, 200)
    y[::11] = np.nan
    found = fairness(y, scores, groups, ["a", "b", "c"])

    def rate(threshold: float, group: int, label: float | None = None) -> float:
        rows = [i for i in range(200) if groups[i] == group and (y[i] == label if label is not None else y[i] == y[i])]
        return sum(scores[i] >= threshold for i in rows) / len(rows)

    def spread(threshold: float, label: float | None = None) -> float:
        rates = [rate(threshold, group, label) for group in range(3)]
        return max(rates) - min(rates)

    assert found["statistical_parity"] == pytest.approx(spread(0.5))
    assert found["equal_opportunity"] == pytest.approx(spread(0.5, 1.0))
    for name, label in (("tpr_gap", 1.0), ("fpr_gap", 0.0)):
        assert found[name] == pytest.approx(max(spread(t, label) for t in sorted(set(scores))))
    assert found["roc_gap"] == max(found["tpr_gap"], found["fpr_gap"])
    own = (groups == 1) & ~np.isnan(y)
    area = pytest.approx(roc_auc_score(y[own], scores[own]))
    assert found["groups"]["b"] == {"labels": own.sum(), "positives": int(y[own].sum()), "roc_auc": area}


def test_what_cannot_be_compared_is_nan() -> None:
    found = fairness(np.array([1.0, 1.0, 0.0]), np.array([0.9, 0.2, 0.1]), np.array([0, 0, 1]), ["a", "b"])
    assert found["statistical_parity"] == 0.5
    assert math.isnan(found["equal_opportunity"])
    assert math.isnan(found["roc_gap"])
    assert math.isnan(found["groups"]["b"]["roc_auc"])
    nothing = fairness(np.array([np.nan]), np.array([0.5]), np.array([-1]), ["a", "b"])
    assert math.isnan(nothing["statistical_parity"])
    assert nothing["groups"]["a"]["labels"] == 0
