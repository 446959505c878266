"""Figures of each task, and decisions at thresholds."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, matthews_corrcoef

from xgraph.training.scoring.details import Decisions, at_thresholds, choose_thresholds, mean_details, part_details
from xgraph.training.scoring.metrics import score_all


def tasks(seed: int = 0, n: int = 80) -> tuple[np.ndarray, np.ndarray]:
    g = np.random.default_rng(seed)
    y = (g.random((n, 3)) < (0.2, 0.5, 2.0)).astype(float)  # the third has one class
    y[g.random(y.shape) < 0.1] = np.nan
    return y, g.normal(size=y.shape) + np.nan_to_num(y)


def test_each_task_has_its_own_figures() -> None:
    y, scores = tasks()
    details = part_details(y, scores, ["a", "b", "c"])
    assert details["tasks_with_both_classes"] == 2
    for task, name in enumerate("ab"):
        own = details["tasks"][name]
        known = ~np.isnan(y[:, task])
        assert (own["positives"], own["negatives"]) == ((y[:, task] == 1).sum(), (y[:, task] == 0).sum())
        assert own.items() >= score_all(y[known, task], scores[known, task]).items()
    assert details["tasks"]["c"] == {"positives": np.nansum(y[:, 2]), "negatives": 0}


def test_a_threshold_has_the_best_f1() -> None:
    y, scores = tasks()
    thresholds = choose_thresholds(y, scores)
    assert thresholds[2] is None
    for task in (0, 1):
        known = ~np.isnan(y[:, task])
        labels, values = y[known, task], scores[known, task]
        best = max(f1_score(labels, values >= limit) for limit in values)
        assert f1_score(labels, values >= thresholds[task]) == pytest.approx(best)
        assert np.abs(values - thresholds[task]).min() > 0, "it lies between two scores"
    assert choose_thresholds(np.array([[0.0], [1.0], [1.0]]), np.array([[1.0], [1.0], [1.0]])) == [1.0]


def test_decisions_of_another_part() -> None:
    (y, scores), (y2, scores2) = tasks(), tasks(1)
    decisions, details = Decisions.at_best_f1(y, scores), part_details(y2, scores2, ["a", "b", "c"])
    decisions.add_to(details, y2, scores2)
    for task, name in enumerate("ab"):
        known = ~np.isnan(y2[:, task])
        labels, decided = y2[known, task], scores2[known, task] >= decisions.thresholds[task]
        own = details["tasks"][name]
        assert own["threshold"] == decisions.thresholds[task]
        assert own["accuracy"] == pytest.approx(accuracy_score(labels, decided))
        assert own["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(labels, decided))
        assert own["f1"] == pytest.approx(f1_score(labels, decided))
        assert own["mcc"] == pytest.approx(matthews_corrcoef(labels, decided))
    assert "mcc" not in details["tasks"]["c"]
    mean = np.mean([details["tasks"][name]["mcc"] for name in "ab"])
    assert details["at_threshold"]["mcc"] == pytest.approx(mean)


def test_a_part_of_one_class_has_no_balanced_accuracy() -> None:
    (figures,) = at_thresholds(np.array([[1.0], [1.0]]), np.array([[0.9], [0.2]]), [0.5])
    assert figures == {"accuracy": 0.5, "f1": pytest.approx(2 / 3), "mcc": 0.0}


def test_over_folds_counts_are_added_and_figures_averaged() -> None:
    folds = [part_details(*tasks(seed), ["a", "b", "c"]) for seed in (0, 1)]
    mean = mean_details(folds)
    one, two = (fold["tasks"]["a"] for fold in folds)
    assert mean["tasks"]["a"]["positives"] == one["positives"] + two["positives"]
    assert mean["tasks"]["a"]["ap"] == pytest.approx((one["ap"] + two["ap"]) / 2)
    assert mean["tasks_with_both_classes"] == 2
