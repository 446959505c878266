import numpy as np
import pytest
from scipy.stats import binom

from xgraph.options import OptionError
from xgraph.training.scoring.conformal import Conformal, check_alpha, least_items


def p_by_loop(labels, scores, c, value):
    """The p-value of class c by its definition, for one task with labels 0 and 1."""
    as_or_less = total = 0
    for label, score in zip(labels, scores, strict=True):
        if label == c:
            total += 1
            as_or_less += (score <= value) if c == 1 else (score >= value)
    return (1 + as_or_less) / (1 + total)


def test_p_values_equal_a_loop_with_ties_and_missing_labels():
    rng = np.random.default_rng(0)
    labels = rng.choice([0.0, 1.0, np.nan], (60, 3), p=[0.6, 0.3, 0.1])
    scores = rng.integers(0, 12, (60, 3)) / 11
    new = np.vstack([rng.integers(0, 12, (20, 3)) / 11, rng.random((5, 3)), [[0.0, 1.0, 0.5]]])
    for task, p in enumerate(Conformal(labels, scores).p_values(new)):
        for row, value in zip(p, new[:, task], strict=True):
            for c in (0, 1):
                assert row[c] == p_by_loop(labels[:, task], scores[:, task], c, value)


def test_p_values_of_classes_equal_a_loop():
    rng = np.random.default_rng(1)
    label = rng.integers(0, 3, 50)
    scores = rng.dirichlet(np.ones(4), 50)
    y = np.eye(4)[label]  # the last class is absent
    y[7] = np.nan
    new = rng.dirichlet(np.ones(4), 9)
    (p,) = Conformal(y, scores, several_classes=True).p_values(new)
    for i in range(9):
        for c in range(4):
            own = [scores[k, c] for k in range(50) if label[k] == c and k != 7]
            assert p[i, c] == (1 + sum(a <= new[i, c] for a in own)) / (1 + len(own))
    assert (p[:, 3] == 1).all()  # nothing speaks against a class without calibration items


def test_a_missing_score_has_no_p_value():
    (p,) = Conformal([0, 1], [0.2, 0.8]).p_values([np.nan, 0.5])
    assert np.isnan(p[0]).all()
    assert not np.isnan(p[1]).any()


def test_small_scores_keep_their_order_for_class_0():
    (p,) = Conformal([0, 0, 0], [1e-20, 2e-20, 3e-20]).p_values([2.5e-20])
    assert p[0, 0] == 0.5  # 1 - score would be 1 for all of them


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.3])
def test_coverage_in_each_class_is_as_exact_as_the_theory_says(alpha):
    """For continuous scores, the true class's p-value is uniform on 1/(n+1), ..., 1: coverage is known exactly."""
    rng = np.random.default_rng(2)
    n, rounds = {0: 29, 1: 24}, 20_000
    for c, shift in ((0, 0.0), (1, 1.0)):
        covered = 0
        draws = rng.normal(shift, 1.0, (rounds, n[c] + 1))
        scores = 1 / (1 + np.exp(-draws))
        for own in scores:
            other = np.full(n[1 - c], 0.5)
            labels = np.r_[np.full(n[c], c), np.full(n[1 - c], 1 - c)]
            (p,) = Conformal(labels, np.r_[own[:-1], other]).p_values(own[-1:])
            covered += p[0, c] > alpha
        exact = 1 - np.floor(alpha * (n[c] + 1) + 1e-9) / (n[c] + 1)
        low, high = binom.interval(1 - 1e-6, rounds, exact)
        assert low <= covered <= high
        assert exact >= 1 - alpha


def test_coverage_holds_for_ties_and_several_classes_whatever_the_model():
    rng = np.random.default_rng(3)
    alpha, covered, count = 0.2, np.zeros(3), np.zeros(3)
    for _ in range(1500):
        label = rng.integers(0, 3, 64)
        scores = np.round(rng.dirichlet(np.ones(3), 64) * 0.7 + 0.3 * np.eye(3)[label], 1)  # a tenth: many ties
        fitted = Conformal(np.eye(3)[label[:60]], scores[:60], several_classes=True)
        (p,) = fitted.p_values(scores[60:])
        for row, c in zip(p, label[60:], strict=True):
            covered[c] += row[c] > alpha
            count[c] += 1
    for c in range(3):
        assert covered[c] >= binom.ppf(1e-6, int(count[c]), 1 - alpha)


def test_coverage_counts_sets_by_hand():
    labels, scores = [0] * 4 + [1] * 4, [0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9]
    fitted = Conformal(labels, scores)
    (held,) = fitted.coverage([0, 1, 1, np.nan], [0.05, 0.95, 0.05, 0.5], alpha=0.25)
    # p of 0.05: class 0 -> 5/5, class 1 -> 1/5; of 0.95: class 0 -> 1/5, class 1 -> 5/5
    assert held == {"coverage": 2 / 3, "by_class": [1.0, 0.5], "set_size": 1.0}
    (nothing,) = fitted.coverage([np.nan], [0.5], alpha=0.25)
    assert nothing == {"coverage": None, "by_class": [None, None], "set_size": None}


@pytest.mark.parametrize(("alpha", "least"), [(0.1, 9), (0.05, 19), (0.2, 4), (0.3, 3), (0.01, 99), (0.9, 1), (0.5, 1)])
def test_the_least_number_of_items_is_the_first_that_can_leave_a_class_out(alpha, least):
    assert least_items(alpha) == least
    lowest = [Conformal([0] * n, [0.1] * n).p_values([0.9])[0][0, 0] for n in (least - 1, least)]
    assert lowest[0] > alpha >= lowest[1]


@pytest.mark.parametrize("alpha", [0, 1, -0.1, 1.5, float("nan"), "0.1", True, None])
def test_alpha_out_of_range_is_refused(alpha):
    with pytest.raises(OptionError, match=r"alpha = .*expected a number between 0 and 1"):
        check_alpha(alpha)
