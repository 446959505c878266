import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, wilcoxon

from xgraph.recipes.report.compare import paired, signed_rank_p


@pytest.mark.parametrize("n", [1, 2, 5, 10, 20])
def test_p_equals_scipy_without_ties(n: int) -> None:
    random = np.random.default_rng(n)
    for shift in (0.0, 0.5, 2.0):
        d = random.normal(shift, size=n)
        assert signed_rank_p(d) == pytest.approx(wilcoxon(d, method="exact").pvalue)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=9))
def test_p_is_exact_with_ties_and_zeros(values: list[int]) -> None:
    d = np.array([value for value in values if value]) * 0.1
    if not d.size:
        assert math.isnan(signed_rank_p(np.array(values) * 0.1))
        return
    ranks = rankdata(np.abs(np.round(d, 9)))
    sums = [ranks[list(signs)].sum() for signs in itertools.product([False, True], repeat=len(d))]
    away = np.abs(np.array(sums) - ranks.sum() / 2)
    expected = np.mean(away >= abs(ranks[d > 0].sum() - ranks.sum() / 2) - 1e-9)
    assert signed_rank_p(np.array(values) * 0.1) == pytest.approx(expected)


def test_differences_that_are_equal_up_to_rounding_share_a_rank() -> None:
    assert 0.3 - 0.2 != 0.2 - 0.1
    assert signed_rank_p([0.3 - 0.2, 0.1 - 0.2, 0.5]) == signed_rank_p([0.1, -0.1, 0.5])


def test_p_with_many_pairs() -> None:
    d = np.random.default_rng(0).normal(0.1, size=500)
    assert signed_rank_p(d) == pytest.approx(wilcoxon(d, method="approx").pvalue, rel=0.01)


def test_paired_summary() -> None:
    one, other = [0.5, 0.7, math.nan, 0.4, 0.4], [0.4, 0.2, 0.5, 0.5, 0.4]
    result = paired(one, other)
    d = np.array([0.1, 0.5, -0.1, 0.0])
    assert result.pairs == 4
    assert (result.mean, result.std) == (pytest.approx(d.mean()), pytest.approx(d.std(ddof=1)))
    assert (result.better, result.worse) == (2, 1)
    assert result.p == signed_rank_p(d)


def test_zero_or_one_pair() -> None:
    assert paired([0.5], [0.25])[:2] == (1, 0.25)
    assert math.isnan(paired([0.5], [0.25]).std)
    assert paired([0.5], [0.25]).p == 1.0
    assert paired([], []).pairs == 0
    assert math.isnan(paired([0.5, 0.5], [0.5, 0.5]).p)
    with pytest.raises(ValueError, match="equally many values, got 1 and 2"):
        paired([0.5], [0.5, 0.5])
