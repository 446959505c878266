import time
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xgraph.sampling import GroupSampler


def check_epoch(g, groups_per_batch, items_per_group, seed):
    sampler = GroupSampler(g, groups_per_batch, items_per_group, seed)
    sizes = Counter(g[g >= 0].tolist())
    count = min(groups_per_batch, len(sizes))
    shown_groups, shown_items = Counter(dict.fromkeys(sizes, 0)), np.zeros(len(g), dtype=int)
    batches = list(sampler)
    assert len(batches) == len(sampler)
    for batch in batches:
        assert len(set(batch)) == len(batch)  # no item twice
        present = Counter(g[batch].tolist())
        assert len(present) == count
        assert all(present[k] == min(sizes[k], items_per_group) for k in present)
        # The items of a group are listed together.
        assert np.count_nonzero(np.diff(g[batch])) == count - 1
        shown_groups.update(present.keys())
        assert max(shown_groups.values()) - min(shown_groups.values()) <= 1
        shown_items[batch] += 1
        for k in sizes:
            assert np.ptp(shown_items[g == k]) <= 1
    assert (shown_items[g == -1] == 0).all()
    # An epoch has as many items as the data set, within one batch of the mean size, and every group.
    assert min(shown_groups.values()) >= 1
    pass_size = sum(min(size, items_per_group) for size in sizes.values())
    mean_batch = count * pass_size / len(sizes)
    assert len(batches) == int(np.ceil(round(sizes.total() / mean_batch, 9)))


@given(
    groups=st.lists(st.one_of(st.integers(-1, 6), st.sampled_from([40, 2**62])), min_size=1, max_size=60),
    groups_per_batch=st.integers(1, 9),
    items_per_group=st.integers(1, 9),
    seed=st.integers(0, 2**40),
)
def test_composition_and_passes_for_any_groups(groups, groups_per_batch, items_per_group, seed):
    g = np.array(groups)
    if (g == -1).all():
        with pytest.raises(ValueError, match="at least one item to a group"):
            GroupSampler(g, groups_per_batch, items_per_group, seed)
        return
    check_epoch(g, groups_per_batch, items_per_group, seed)


@pytest.mark.parametrize(("groups_per_batch", "items_per_group"), [(1, 1), (2, 1), (3, 4), (6, 2), (7, 3), (9, 90)])
def test_composition_and_passes_over_many_passes(groups_per_batch, items_per_group):
    g = np.random.default_rng(0).choice([-1, 0, 1, 2, 5, 7, 8, 30], 600, p=[0.1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.02, 0.01])
    check_epoch(g, groups_per_batch, items_per_group, seed=2)


def test_an_epoch_of_large_groups_has_n_over_b1_b2_batches():
    assert len(GroupSampler(torch.arange(1000) % 10, 4, 8)) == 32  # 1000 / 32 = 31.25
    assert len(GroupSampler(torch.arange(960) % 10, 4, 8)) == 30
    assert len(GroupSampler(torch.arange(7), 2, 8)) == 4  # singletons: 7 / 2


def test_groups_and_items_are_drawn_uniformly():
    groups = np.repeat([3, 5, 9, 11], 4)
    sampler = GroupSampler(groups, 2, 2, seed=1)
    drawn = Counter()
    for _ in range(3000):
        batch = next(iter(sampler))
        drawn[tuple(sorted(batch))] += 1
    assert len(drawn) == 6 * 6 * 6  # pairs of groups, pairs of items in each
    chi2 = sum((n - 3000 / 216) ** 2 / (3000 / 216) for n in drawn.values())
    assert chi2 < 290  # 215 degrees of freedom: p = 0.0005


def test_consecutive_passes_are_shuffled_independently():
    sampler = GroupSampler([0] * 3, 1, 2, seed=0)  # 2 batches: a b | c and then a or b
    seen = Counter(tuple(map(tuple, sampler)) for _ in range(3000))
    assert len(seen) == 6 * 2 * 1
    assert max(seen.values()) < 330
    assert min(seen.values()) > 180  # 250 expected


def test_only_the_partition_and_the_order_of_items_matter():
    a = torch.tensor([4, 0, 0, 9, 4, 4, -1])
    b = torch.tensor([1, 0, 0, 2, 1, 1, -1], dtype=torch.int16)
    assert list(GroupSampler(a, 2, 2)) == list(GroupSampler(b, 2, 2)) == list(GroupSampler(b.numpy(), 2, 2))
    assert list(GroupSampler(a.tolist(), 2, 2)) == list(GroupSampler(a, 2, 2))
    GroupSampler(a, 2, 2).load_state_dict(GroupSampler(b, 2, 2).state_dict())


def test_state_of_other_groups_or_settings_is_rejected():
    groups = torch.arange(40) % 4
    state = GroupSampler(groups, 2, 3).state_dict()
    for sampler, name in [
        (GroupSampler(groups[:-1], 2, 3), "num_items"),
        (GroupSampler(groups, 3, 3), "groups_per_batch"),
        (GroupSampler(groups, 2, 4), "items_per_group"),
        (GroupSampler(groups.roll(1) * 2, 2, 3), "fingerprint"),
    ]:
        with pytest.raises(ValueError, match=f"state was saved with {name}"):
            sampler.load_state_dict(state)


def test_the_order_is_the_same_in_every_release():
    sampler = GroupSampler([0, 0, 0, 7, 7, 2], groups_per_batch=2, items_per_group=2, seed=7)
    assert list(sampler) == [[1, 2, 3, 4], [5, 0, 2]]
    assert sampler.state_dict()["fingerprint"] == 1373462147


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"groups": [0.0, 1.0]}, TypeError, "groups must be integers, got an array of dtype float64"),
        ({"groups": torch.zeros(3)}, TypeError, "groups must be integers, got a tensor of dtype torch.float32"),
        ({"groups": torch.zeros(3).bfloat16()}, TypeError, "got a tensor of dtype torch.bfloat16"),
        ({"groups": torch.zeros(3).bool()}, TypeError, "groups must be integers, got an array of dtype bool"),
        ({"groups": ["a", "b"]}, TypeError, "groups must be integers"),
        ({"groups": None}, ValueError, r"groups must have shape \[n\] and not be empty, got \[\]"),
        ({"groups": []}, ValueError, r"not be empty, got \[0\]"),
        ({"groups": [[0, 1]]}, ValueError, r"groups must have shape \[n\] and not be empty, got \[1, 2\]"),
        ({"groups": [0, -1, -2, -3]}, ValueError, "or -1 to leave an item out, got -2 in row 2"),
        ({"groups": [-1, -1]}, ValueError, "groups must assign at least one item to a group, got -1 for all 2 items"),
        ({"groups_per_batch": 0}, ValueError, "groups_per_batch must be at least 1, got 0"),
        ({"groups_per_batch": 1.5}, TypeError, "groups_per_batch must be an integer, got 1.5"),
        ({"items_per_group": 0}, ValueError, "items_per_group must be at least 1, got 0"),
        ({"items_per_group": "8"}, TypeError, "items_per_group must be an integer, got '8'"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
    ],
)
def test_errors_name_the_invalid_argument(arguments, error, message):
    with pytest.raises(error, match=message):
        GroupSampler(**{"groups": [0, 1, 0], **arguments})


def test_groups_can_be_unsigned():
    assert sorted(next(iter(GroupSampler(np.array([2**63, 0, 2**63], dtype=np.uint64))))) == [0, 1, 2]


def test_repr_shows_the_composition():
    text = repr(GroupSampler([0, 0, 1, 1, -1], 2, 1, seed=3))
    assert text == "GroupSampler(num_items=5, num_groups=2, batches=2, groups_per_batch=2, items_per_group=1, seed=3)"


@pytest.mark.parametrize("num_groups", [10, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_million_items_are_fast(num_groups):
    start = time.perf_counter()
    shown = sum(map(len, GroupSampler(torch.arange(1_000_000) % num_groups)))
    assert shown == 1_000_000
    assert time.perf_counter() - start < 15  # 1 to 2 s on one core
