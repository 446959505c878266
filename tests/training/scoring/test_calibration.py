import math

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from xgraph.training.scoring.calibration import brier_score, calibration_error, calibration_facts, reliability


def error_by_loop(y, s, bins):
    total = 0.0
    for b in range(bins):
        inside = [i for i in range(len(s)) if b / bins <= s[i] < (b + 1) / bins or (b == bins - 1 and s[i] == 1)]
        if inside:
            total += len(inside) / len(s) * abs(np.mean([y[i] for i in inside]) - np.mean([s[i] for i in inside]))
    return total


@pytest.mark.parametrize("bins", [4, 8, 16])
def test_the_calibration_error_equals_a_loop_over_bins(bins):
    rng = np.random.default_rng(0)
    s = np.r_[rng.random(200), 0.0, 1.0, 0.25, 0.5]
    y = (rng.random(len(s)) < s**2).astype(float)
    assert calibration_error(y, s, bins) == pytest.approx(error_by_loop(y, s, bins), abs=1e-12)
    assert reliability(y, s, bins).items.sum() == len(s)


def test_for_classes_the_error_is_that_of_the_predicted_one():
    rng = np.random.default_rng(1)
    s, label = rng.dirichlet(np.ones(3), 100), rng.integers(0, 3, 100)
    right = (s.argmax(1) == label).astype(float)
    assert calibration_error(np.eye(3)[label], s) == pytest.approx(error_by_loop(right, s.max(1), 10), abs=1e-12)


def test_the_brier_score_is_that_of_scikit_learn():
    rng = np.random.default_rng(2)
    s = rng.random(50)
    y = (rng.random(50) < s).astype(float)
    assert brier_score(y, s) == pytest.approx(brier_score_loss(y, s))
    p, label = rng.dirichlet(np.ones(3), 50), rng.integers(0, 3, 50)
    assert brier_score(np.eye(3)[label], p) == pytest.approx(brier_score_loss(label, p, labels=[0, 1, 2]))


def test_missing_labels_do_not_count_and_none_at_all_are_nan():
    assert brier_score([1, np.nan, 0], [0.5, 0.9, 0.5]) == 0.25
    assert math.isnan(brier_score([np.nan], [0.5]))
    assert math.isnan(calibration_error([np.nan], [0.5]))
    with pytest.raises(ValueError, match=r"between 0 and 1, got 1\.5"):
        brier_score([1, 0], [1.5, 0.1])
    with pytest.raises(ValueError, match="equal shapes"):
        calibration_error([1, 0], [0.1])


def test_facts_are_means_over_the_tasks_with_labels():
    rng = np.random.default_rng(3)
    valid = rng.integers(0, 2, (80, 3)).astype(float)
    scores = np.clip(valid * 0.4 + rng.random((80, 3)) * 0.6, 0, 1)
    y, s = valid[:40].copy(), scores[40:]
    y[:, 2] = np.nan
    y[y[:, 1] == 1, 1] = np.nan
    facts = calibration_facts(valid, scores, y, s, 0.2, names=["a", "b", "c"])
    assert facts["alpha"] == 0.2
    assert facts["bins"] == 10
    assert facts["tasks"]["c"] == {}
    assert "coverage_1" not in facts["tasks"]["b"]
    assert facts["coverage_1"] == facts["tasks"]["a"]["coverage_1"]
    assert facts["brier"] == np.mean([brier_score(y[:, t], s[:, t]) for t in (0, 1)])
    assert facts["coverage"] == np.mean([facts["tasks"][name]["coverage"] for name in "ab"])


def test_facts_of_classes_and_without_a_validation_part():
    p, label = np.random.default_rng(4).dirichlet(np.ones(3), 60), np.arange(60) % 3
    y = np.eye(3)[label]
    facts = calibration_facts(y, p, y, p, several_classes=True, names=["x", "y", "z"])
    each = [facts["tasks"][name]["coverage"] for name in "xyz"]
    assert facts["coverage"] == pytest.approx(np.mean(each))
    assert min(each) >= 0.9
    alone = calibration_facts(None, None, y, p, several_classes=True)
    assert set(alone) == {"brier", "ece", "bins", "tasks"}
    nothing = calibration_facts(None, None, [[np.nan]], [[0.5]])
    assert nothing == {"tasks": {"0": {}}}
