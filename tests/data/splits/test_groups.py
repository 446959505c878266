"""Splits of whole groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.data.splits.classes import random_folds, random_parts
from xgraph.data.splits.groups import balanced_parts, group_folds, parts_by_size

SHARES = (0.8, 0.1, 0.1)


@settings(max_examples=40)
@given(data=st.data(), seed=st.integers(0, 2**63 - 1))
def test_groups_stay_together_whatever_the_order(data: st.DataObject, seed: int) -> None:
    n = data.draw(st.integers(1, 60))
    generator = np.random.default_rng(data.draw(st.integers(0, 1000)))
    keys = generator.integers(-(2**63), 2**63 - 1, 15)[generator.integers(0, data.draw(st.integers(1, 15)), n)]
    classes, order = generator.integers(-1, 3, n), generator.permutation(n)
    ways = [
        lambda k, c: parts_by_size(k, SHARES, seed),
        lambda k, c: balanced_parts(k, c, SHARES, seed),
        lambda k, c: group_folds(k, c, 4, seed),
        lambda k, c: group_folds(k, None, 4, seed),
    ]
    for number, way in enumerate(ways):
        part = way(keys, classes)
        assert part.min() >= 0
        assert part.max() < (4 if number > 1 else 3)
        assert all(len(set(part[keys == key])) == 1 for key in keys)
        assert np.array_equal(way(keys[order], classes[order]), part[order])


def test_the_seed_changes_the_order_of_equal_groups_only() -> None:
    keys = np.repeat(np.arange(100), np.where(np.arange(100) < 5, 20, 1))
    classes = np.zeros(len(keys), dtype=np.int64)
    one, other = parts_by_size(keys, SHARES, 0), parts_by_size(keys, SHARES, 1)
    assert (one[keys < 5] == other[keys < 5]).all()
    assert (one != other).any()
    assert (balanced_parts(keys, classes, SHARES, 0) != balanced_parts(keys, classes, SHARES, 1)).any()


@pytest.mark.parametrize("positives", [3, 4, 10, 50])
@pytest.mark.parametrize("seed", range(5))
def test_balanced_parts_get_their_share_of_positives(positives: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    size = np.r_[60, 30, generator.integers(1, 6, 300)]
    keys = np.repeat(generator.permutation(len(size)), size)
    classes = np.zeros(len(keys), dtype=np.int64)
    first_of_group = np.unique(keys, return_index=True)[1]
    classes[generator.choice(first_of_group, positives, replace=False)] = 1
    part = balanced_parts(keys, classes, SHARES, seed)
    shares = np.bincount(part, minlength=3) / len(keys)
    assert np.allclose(shares, SHARES, atol=0.01)
    counts = np.bincount(part[classes == 1], minlength=3)
    assert (counts >= 1).all()
    assert abs(counts[0] - 0.8 * positives) <= 2
    largest = np.bincount(keys).argmax()
    assert (part[keys == largest] == 0).all()


def test_a_class_in_few_groups_reaches_valid_and_test_even_from_large_groups() -> None:
    keys = np.repeat([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [30, 30, 30, 1, 1, 1, 1, 1, 1, 1, 1, 1])
    classes = (keys <= 3).astype(np.int64)
    part = balanced_parts(keys, classes, SHARES, 0)
    assert set(part[classes == 1]) == {0, 1, 2}


def test_stratified_folds_spread_a_rare_class() -> None:
    generator = np.random.default_rng(0)
    keys = generator.integers(0, 200, 1000)
    classes = np.zeros(1000, dtype=np.int64)
    classes[generator.choice(1000, 25, replace=False)] = 1
    folds = group_folds(keys, classes, 5)
    assert np.ptp(np.bincount(folds)) <= 10
    assert np.ptp(np.bincount(folds[classes == 1], minlength=5)) <= 2


@settings(max_examples=40)
@given(
    counts=st.lists(st.integers(0, 30), min_size=1, max_size=4).filter(any),
    seed=st.integers(0, 2**63 - 1),
    without_test=st.booleans(),
)
def test_random_parts_have_every_class_that_is_frequent_enough(
    counts: list[int], seed: int, without_test: bool
) -> None:
    classes = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)) - 1, counts))
    shares = (0.9, 0.1, 0.0) if without_test else SHARES
    part = random_parts(classes, shares, seed)
    for value, count in enumerate(counts):
        own = np.bincount(part[classes == value - 1], minlength=3)
        places = 2 if without_test else 3
        assert own.sum() == count
        assert (own[:places] >= 1).all() == (count >= places)
        assert np.allclose(own, np.array(shares) * count, atol=2)
    folds = random_folds(classes, 3, seed)
    assert np.ptp(np.bincount(folds, minlength=3)) <= 1
