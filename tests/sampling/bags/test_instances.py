from itertools import combinations

import numpy as np
import pytest
import torch
from scipy import stats

from xgraph.sampling import InstanceSampler
from xgraph.sampling.bags import instances
from xgraph.sampling.bags.instances import distinct
from xgraph.sampling.engines.hashing import derive, randint


def ptr(*sizes):
    return torch.tensor([0, *np.cumsum(sizes).tolist()])


@pytest.mark.parametrize("k", [None, -1, 1, 2, 3, 7, 100])
def test_draws_k_distinct_instances_of_each_bag(k):
    sizes = [5, 1, 300, 3, 14, 7, 15, 2]
    bag_ptr = ptr(*sizes)
    sampler = InstanceSampler(bag_ptr, k, seed=3)
    bags = [6, 2, 0, 1, 4, 2, 7, 3, 5]
    for epoch in range(5):
        rows, bag = sampler.sample(bags, epoch)
        assert rows.dtype == bag.dtype == torch.int64
        for position, number in enumerate(bags):
            mine = rows[bag == position]
            expected_size = sizes[number] if k in (None, -1) else min(k, sizes[number])
            assert len(mine) == len(mine.unique()) == expected_size
            assert torch.equal(mine, mine.sort().values)
            assert bag_ptr[number] <= mine.min()
            assert mine.max() < bag_ptr[number + 1]
        assert torch.equal(bag, bag.sort().values)


# (7, 3) draws until there are three different ones; (5, 3) and (4, 3) take the smallest of random numbers.
@pytest.mark.parametrize(("size", "k"), [(7, 3), (5, 3), (4, 3), (6, 1), (2, 1), (9, 4)])
def test_all_subsets_are_equally_likely(size, k):
    number = 20_000
    sampler = InstanceSampler(ptr(*[size] * number), k, seed=1)
    rows, bag = sampler.sample(range(number), epoch=2)
    sets = (rows - bag * size).view(number, k).numpy()
    codes = (1 << sets).sum(1)
    known = [sum(1 << i for i in chosen) for chosen in combinations(range(size), k)]
    counts = [int((codes == code).sum()) for code in known]
    assert sum(counts) == number
    assert stats.chisquare(counts).pvalue > 1e-3
    assert stats.chisquare(np.bincount(sets.ravel(), minlength=size)).pvalue > 1e-3  # marginally


@pytest.mark.parametrize("along", ["epoch", "visit", "bag", "place"])
def test_draws_are_independent(along):
    size, k, number = 5, 2, 6_000
    if along == "bag":
        sampler = InstanceSampler(ptr(*[size] * number), k)
        rows = sampler.sample(range(number))[0] % size
    elif along == "epoch":
        sampler = InstanceSampler(ptr(size), k)
        rows = torch.cat([sampler.sample([0], epoch)[0] for epoch in range(number // 10)])
    elif along == "visit":
        sampler = InstanceSampler(ptr(size), k)
        rows = torch.cat([sampler.sample([0], visit=visit)[0] for visit in range(number // 10)])
    else:  # the same bag again in a batch
        rows = InstanceSampler(ptr(size), k).sample([0] * number)[0]
    sets = (1 << rows.view(-1, k).numpy()).sum(1)
    known = np.unique(sets)
    assert len(known) == 10
    each = np.searchsorted(known, sets)
    pairs = each[:-1:2] * 10 + each[1::2]
    assert stats.chisquare(np.bincount(pairs, minlength=100)).pvalue > 1e-3


def test_large_draws_are_uniform():
    # Each twentieth of a bag gets its share: 500 of 2,000 instances from 200 bags, and 500 of 900.
    for size in (2000, 900):
        rows, bag = InstanceSampler(ptr(*[size] * 200), 500, seed=7).sample(range(200))
        part = (rows - bag * size) * 20 // size
        deviation = np.bincount(part.numpy()) - 200 * 25
        # Without replacement the variance is smaller by (size - k) / (size - 1), times (1 - 1 / 20) for the shares.
        variance = 200 * 25 * (size - 500) / (size - 1)
        assert stats.chi2.sf((deviation**2).sum() / variance, 19) > 1e-3


def test_draws_depend_only_on_seed_epoch_bag_and_visit():
    bag_ptr = ptr(50, 60, 1000, 30, 9)

    def drawn(bags, number, epoch=1, visit=0, seed=5):
        rows, bag = InstanceSampler(bag_ptr, 8, seed=seed).sample(bags, epoch, visit)
        return rows[bag == bags.index(number)].tolist()

    alone = drawn([2], 2)
    torch.manual_seed(9)
    assert drawn([0, 4, 2, 1, 3], 2) == alone
    assert drawn([1, 0, 1, 2, 2], 2)[:8] == sorted(alone)  # the first occurrence of both
    others = [drawn([2], 2, epoch=2), drawn([2], 2, visit=1), drawn([2], 2, seed=6), drawn([2], 2, epoch=2**63 - 1)]
    assert len({tuple(rows) for rows in [alone, *others]}) == 5
    assert drawn([0], 0) != drawn([1], 1)


def test_small_draws_are_prefixes_of_larger_ones():
    # Sequences of bags are independent: another bag in the batch that needs more draws does not change them.
    key = tuple(torch.tensor([word, word + 1, word + 2]) for word in derive(4))
    together = distinct(torch.tensor([9, 10**6, 30]), 4, key)
    for row in range(3):
        alone = distinct(torch.tensor([[9, 10**6, 30][row]]), 4, tuple(word[row : row + 1] for word in key))
        assert torch.equal(together[row], alone[0])


def test_repeated_draws_are_replaced(monkeypatch):
    def repeating(counter, key, high):
        draws = randint(counter, key, high)
        draws[:, :14] = 5  # the initial number of draws
        return draws

    monkeypatch.setattr(instances, "randint", repeating)
    (result,) = distinct(torch.tensor([1000]), 4, derive(0)).tolist()
    further = randint(torch.arange(14, 17), derive(0), torch.tensor(1000)).tolist()
    assert result == sorted([5, *further])


def test_cost_does_not_depend_on_bag_size(monkeypatch):
    made = []

    def counting(counter, key, high):
        made.append(counter.numel() * high.numel())
        return randint(counter, key, high)

    monkeypatch.setattr(instances, "randint", counting)
    rows, _ = InstanceSampler(torch.tensor([0, 10**9, 2 * 10**9]), 4).sample([0, 1])
    assert len(rows) == 8
    assert rows[4:].min() >= 10**9
    assert made == [28]


def test_bags_can_be_tensors_arrays_or_lists():
    sampler = InstanceSampler(np.array([0, 3, 9]), np.int64(2))
    expected = sampler.sample([1, 0])
    for bags in (torch.tensor([1, 0], dtype=torch.int32), np.array([1, 0]), (1, 0)):
        result = sampler.sample(bags)
        assert all(torch.equal(a, b) for a, b in zip(result, expected, strict=True))
    assert repr(sampler) == "InstanceSampler(num_bags=2, num_instances=2, seed=0)"
    assert "num_instances=all" in repr(InstanceSampler([0, 1]))


@pytest.mark.parametrize(
    ("bag_ptr", "error", "message"),
    [
        ([0, 3, 3, 5], ValueError, "bag_ptr must be strictly increasing, got 3 to 3 for bag 1"),
        ([0, 3, 2], ValueError, "bag_ptr must be strictly increasing, got 3 to 2 for bag 1"),
        ([1, 3], ValueError, "bag_ptr must begin with 0, got 1"),
        ([0], ValueError, r"bag_ptr must have shape \[num_bags \+ 1\]"),
        ([[0, 1]], ValueError, r"got \[1, 2\]"),
        ([0.0, 1.0], TypeError, "bag_ptr must be integers"),
        ([0, 2**31], ValueError, "fewer than 2\\^31"),
    ],
)
def test_invalid_bounds_are_rejected(bag_ptr, error, message):
    with pytest.raises(error, match=message):
        InstanceSampler(bag_ptr, 2)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"num_instances": 0}, ValueError, "num_instances must be at least 1, got 0"),
        ({"num_instances": 2**31}, ValueError, "num_instances must be at most 2147483647, got 2147483648"),
        ({"num_instances": 2.5}, TypeError, "num_instances must be an integer"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
    ],
)
def test_invalid_options_are_rejected(options, error, message):
    with pytest.raises(error, match=message):
        InstanceSampler([0, 4], **options)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([3],), IndexError, "bags must be numbers from 0 to 2, got 3"),
        (([-1, 0],), IndexError, "got -1"),
        (([],), ValueError, "not be empty"),
        (([0.5],), TypeError, "bags must be integers"),
        ((torch.tensor([True, False, True]),), TypeError, "bags must be integers"),
        (([0], -1), ValueError, "epoch must be at least 0"),
        (([0], 0, 2**32), ValueError, "visit must be at most 4294967295"),
        (([0], 0, 0.5), TypeError, "visit must be an integer"),
    ],
)
def test_invalid_calls_are_rejected(arguments, error, message):
    with pytest.raises(error, match=message):
        InstanceSampler([0, 4, 8, 12], 2).sample(*arguments)
