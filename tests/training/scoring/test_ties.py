import math

import numpy as np
import pytest
from sklearn.metrics import auc, average_precision_score, precision_recall_curve

from xgraph.training.scoring.ties import mean_effects, tie_effects


def area(y: np.ndarray, s: np.ndarray) -> float:
    precision, recall, _ = precision_recall_curve(y, s)
    return float(auc(recall, precision))


@pytest.fixture
def scored() -> tuple[np.ndarray, np.ndarray]:
    """2,000 items, 3 % positive, with logits between about -12 and 12."""
    rng = np.random.default_rng(0)
    y = (np.arange(2000) < 60).astype(float)
    return y, rng.normal(size=2000) * 3 + 4 * y


def test_the_figures_are_those_of_scikit_learn(scored: tuple[np.ndarray, np.ndarray]) -> None:
    y, logits = scored
    rows = tie_effects(y, logits)
    assert [row["scores"] for row in rows] == [
        "logits",
        "float32 sigmoids",
        "float32 sigmoids of logits × 10",
        "float32 sigmoids of logits × 100",
        "a constant score",
    ]
    single = logits.astype(np.float32)
    with np.errstate(over="ignore"):
        sigmoids = [(1 / (1 + np.exp(-single * np.float32(scale)))) for scale in (1, 10, 100)]
    for row, scores in zip(rows, [logits, *sigmoids, np.zeros(2000)], strict=True):
        assert row["ap"] == pytest.approx(average_precision_score(y, scores), abs=2e-3)
        assert row["prc_auc_from_1"] == pytest.approx(area(y, scores), abs=2e-3)
    by_logits, _, _, saturated, constant = rows
    assert by_logits["tied"] == 0
    assert by_logits["prc_auc"] == by_logits["prc_auc_from_1"]
    assert saturated["tied"] > 0.1
    assert saturated["ap"] < by_logits["ap"]
    assert saturated["prc_auc"] < saturated["prc_auc_from_1"]
    assert (constant["tied"], constant["ap"], constant["prc_auc"]) == (1, pytest.approx(0.03), pytest.approx(0.03))
    assert constant["prc_auc_from_1"] == pytest.approx(0.515)


def test_tasks_and_folds_are_averaged_where_they_have_both_classes(scored: tuple[np.ndarray, np.ndarray]) -> None:
    y, logits = scored
    alone = tie_effects(y, logits)
    several = tie_effects(np.stack([y, np.zeros(2000)], 1), np.stack([logits, logits], 1))
    assert several == alone
    none = tie_effects(np.zeros(3), np.zeros(3))
    assert all(math.isnan(row["ap"]) for row in none)
    assert mean_effects([alone, none]) == alone
    assert mean_effects([alone, tie_effects(y, -logits)])[0]["ap"] == pytest.approx(
        (alone[0]["ap"] + tie_effects(y, -logits)[0]["ap"]) / 2
    )
    assert all(math.isnan(row["tied"]) for row in mean_effects([none]))
