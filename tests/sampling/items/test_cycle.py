from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from xgraph.sampling.items.cycle import Cycle


@given(
    num_items=st.integers(1, 12),
    counts=st.lists(st.integers(0, 30), min_size=1, max_size=30),
    seed=st.integers(0, 1000),
)
def test_counts_differ_by_at_most_one_and_duplicates_are_minimal(num_items, counts, seed):
    items = np.arange(100, 100 + num_items)
    cycle = Cycle(items, np.random.default_rng(seed))
    total: Counter[int] = Counter({int(i): 0 for i in items})
    for count in counts:
        taken = np.zeros(200, dtype=bool)
        drawn = cycle.take(count, taken, 30)
        assert len(drawn) == count
        assert set(np.flatnonzero(taken)) == set(drawn) | (set(items) if count >= num_items else set())
        each = Counter(drawn.tolist())
        assert all(count // num_items <= each[int(i)] <= -(-count // num_items) for i in items)
        total.update(each)
        assert max(total.values()) - min(total.values()) <= 1


@given(
    blocked=st.lists(st.sets(st.integers(0, 9), max_size=10), min_size=1, max_size=40),
    count=st.integers(1, 5),
    seed=st.integers(0, 1000),
)
def test_items_in_the_batch_are_skipped_but_not_starved(blocked, count, seed):
    cycle = Cycle(np.arange(10), np.random.default_rng(seed))
    shown_since = np.zeros(10, dtype=int)
    for others in blocked:
        taken = np.zeros(10, dtype=bool)
        taken[list(others)] = True
        drawn = cycle.take(count, taken, len(others) + count)
        assert len(drawn) == count
        assert len(set(drawn.tolist()) | others) == min(10, len(others) + count)
        shown_since += 1
        shown_since[np.flatnonzero(taken)] = 0
        # Two passes return 20 items, so after that many draws every item has been in a batch.
        assert shown_since.max() <= 20 // count + 1


def test_passes_are_reshuffled_uniformly():
    cycle = Cycle(np.arange(5), np.random.default_rng(0))
    first = Counter(int(cycle.take(5, np.zeros(5, dtype=bool), 5)[0]) for _ in range(1))
    orders = set()
    for _ in range(2000):
        # 3 + 2 is a whole pass, so the next item is the first of a new shuffle.
        head = cycle.take(3, np.zeros(5, dtype=bool), 3)
        tail = cycle.take(2, np.zeros(5, dtype=bool), 3)
        first[int(head[0])] += 1
        orders.add((*head.tolist(), *tail.tolist()))
    assert len(orders) == 120
    assert max(first.values()) < 480
    assert min(first.values()) > 320


def test_long_lists_are_shuffled_only_as_far_as_needed():
    draws, held = 20, 12
    items = np.arange(3, 20_003)
    cycle = Cycle(items, np.random.default_rng(0), at_most=draws * 4 + held)
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(draws):
        taken = np.zeros(20_003, dtype=bool)
        # As many of the next items as possible are already in the batch.
        blocked = cycle._order[cycle._next : cycle._next + 20]
        taken[rng.permutation(blocked)[: held - 4]] = True
        others = np.flatnonzero(taken)
        got = cycle.take(4, taken, held)
        assert not set(got) & set(others)
        drawn.extend(got.tolist())
    assert len(set(drawn)) == draws * 4
    assert set(drawn) <= set(items.tolist())
    assert len(cycle._order) == draws * 4 + held
