import time
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xgraph.sampling import TriSampler
from xgraph.sampling.items.cycle import Cycle

NAN = float("nan")


def random_labels(num_items, shares, missing=0.3, seed=0):
    rng = np.random.default_rng(seed)
    y = (rng.random((num_items, len(shares))) < shares).astype(float)
    y[rng.random(y.shape) < missing] = NAN
    return y


def separate_tasks(sizes):
    """Every item has a label in one task; `sizes` are the numbers of positives and negatives."""
    y = np.full((sum(map(sum, sizes)), len(sizes)), NAN)
    start = 0
    for task, counts in enumerate(sizes):
        for count, label in zip(counts, (1, 0), strict=True):
            y[start : start + count, task] = label
            start += count
    return y


def tasks_of(batch, y, sampler):
    """The tasks of a batch's rows, if they are unambiguous."""
    rows = np.array(batch).reshape(-1, sampler.batch_size_per_task)
    k = sampler.positives_per_task
    fits = [[t for t in sampler.tasks if (y[r[:k], t] == 1).all() and (y[r[k:], t] == 0).all()] for r in rows]
    assert all(len(f) == 1 for f in fits)
    return [f[0] for f in fits]


@given(
    sizes=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 40)), min_size=1, max_size=8),
    size=st.integers(2, 16),
    sampled=st.integers(1, 6),
    rate=st.floats(0.001, 0.999),
    seed=st.integers(0, 2**40),
)
def test_composition_and_passes_for_disjoint_tasks(sizes, size, sampled, rate, seed):
    both = [task for task, counts in enumerate(sizes) if min(counts)]
    y = separate_tasks(sizes)
    if not both:
        if len(y):
            with pytest.raises(
                ValueError, match=f"at least one task with positives .*, got none in {len(sizes)} tasks"
            ):
                TriSampler(y, size, sampled, rate, seed)
        return
    sampler = TriSampler(y, size, sampled, rate, seed)
    k = min(max(round(size * rate), 1), size - 1)
    per_batch = min(sampled, len(both))
    assert sampler.tasks == both
    batches = list(sampler)
    num_labelled = sum(sum(sizes[task]) for task in both)
    length = max(-(-num_labelled // (per_batch * size)), -(-len(both) // per_batch))
    assert len(batches) == len(sampler) == length
    task_counts, item_counts = Counter(dict.fromkeys(both, 0)), np.zeros(len(y), dtype=int)
    for batch in batches:
        assert len(batch) == per_batch * size
        tasks = tasks_of(batch, y, sampler)
        assert len(set(tasks)) == per_batch
        task_counts.update(tasks)
        assert max(task_counts.values()) - min(task_counts.values()) <= 1
        each = np.bincount(batch, minlength=len(y))
        item_counts += each
        for task in both:
            for label, slots in ((1, k), (0, size - k)):
                mine = y[:, task] == label
                assert each[mine].max() <= -(-slots // mine.sum())
                assert np.ptp(item_counts[mine]) <= 1
    assert min(task_counts.values()) >= 1


@given(
    rows=st.lists(st.lists(st.sampled_from([0.0, 1.0, NAN]), min_size=4, max_size=4), min_size=1, max_size=30),
    size=st.integers(2, 8),
    sampled=st.integers(1, 5),
    rate=st.floats(0.01, 0.99),
)
def test_composition_for_any_small_labels(rows, size, sampled, rate):
    y = np.array(rows)
    both = [task for task in range(4) if {0.0, 1.0} <= set(y[:, task])]
    if not both:
        with pytest.raises(ValueError, match="at least one task with positives"):
            TriSampler(y, size, sampled, rate)
        return
    sampler = TriSampler(y, size, sampled, rate)
    k, per_batch = sampler.positives_per_task, min(sampled, len(both))
    batches = list(sampler)
    assert len(batches) == len(sampler)
    for batch in batches:
        assert len(batch) == per_batch * size
        blocks = np.array(batch).reshape(per_batch, size)
        fits = [[t for t in both if (y[b[:k], t] == 1).all() and (y[b[k:], t] == 0).all()] for b in blocks]
        assert a_task_for_each(fits)
        # An item occurs twice only if there are no others: of the lists it was drawn from, all but the first one
        # served have all their items in the batch.
        for item in [i for i, n in Counter(batch).items() if n > 1]:
            exhausted = []
            for block, tasks in zip(blocks, fits, strict=True):
                for slots, label in ((block[:k], 1), (block[k:], 0)):
                    for _ in range(int((slots == item).sum())):
                        exhausted.append(any(set(np.flatnonzero(y[:, t] == label)) <= set(batch) for t in tasks))
            assert sum(exhausted) >= len(exhausted) - 1


def a_task_for_each(fits, used=()):
    """Whether each block can be assigned its own task."""
    if not fits:
        return True
    return any(a_task_for_each(fits[1:], (*used, task)) for task in fits[0] if task not in used)


def test_items_in_several_lists_occur_only_once_per_batch():
    y = random_labels(1400, [0.5] * 27, missing=0)
    for batch in TriSampler(y, 32, 5, 0.25):
        assert len(set(batch)) == 160


def test_shortest_lists_are_served_first():
    # Item 0 is the only positive of task 1 and one of many positives of task 0, and a negative of task 2.
    y = np.full((40, 3), NAN)
    y[:20, 0], y[20:, 0] = 1, 0
    y[0, 1], y[20:, 1] = 1, 0
    y[:20, 2], y[20:, 2] = 0, 1
    sampler = TriSampler(y, 4, 3, 0.25)
    for _ in range(30):
        for batch in sampler:
            assert batch.count(0) == 1
            assert len(set(batch)) == 12


def test_all_rare_positives_are_used_even_if_tasks_overlap():
    y = random_labels(3000, [0.01, 0.3, 0.5, 0.7, 0.9, 0.005], missing=0)
    shown = Counter(i for batch in TriSampler(y, 16, 3, 0.5, seed=3) for i in batch)
    for task in (0, 5):
        assert all(shown[i] >= 4 for i in np.flatnonzero(y[:, task] == 1))


def test_tasks_positives_and_negatives_are_drawn_uniformly():
    y = separate_tasks([(3, 3)] * 4)
    sampler = TriSampler(y, 2, 2, seed=4)
    drawn = Counter()
    for _ in range(4000):
        drawn[tuple(sorted(next(iter(sampler))))] += 1
    assert len(drawn) == 6 * 3**4  # pairs of tasks, a positive and a negative of each
    chi2 = sum((n - 4000 / 486) ** 2 / (4000 / 486) for n in drawn.values())
    assert chi2 < 593  # 485 degrees of freedom: p = 0.0005


def test_sample_of_a_long_list_is_uniform_without_repetition():
    # An epoch draws so few of the negatives that the whole list is not shuffled.
    y = separate_tasks([(2, 60_000)] + [(2, 2)] * 300)
    sampler = TriSampler(y, 10, 301, 0.2, seed=0)
    assert len(sampler) == 21
    negatives = np.array([i for batch in sampler for i in batch if 2 <= i < 60_002])
    assert len(set(negatives.tolist())) == 21 * 8
    more = np.concatenate([negatives, *([i for b in sampler for i in b if 2 <= i < 60_002] for _ in range(9))])
    counts = np.histogram(more, bins=10, range=(2, 60_002))[0]
    assert ((counts - 168) ** 2 / 168).sum() < 30  # 9 degrees of freedom: p = 0.0004
    assert not (np.sort(negatives) == negatives).all()


@pytest.mark.parametrize("sampled", [1, 3, 4])
def test_lists_are_never_drawn_beyond_their_announced_length(sampled, monkeypatch):
    cycles = []

    class Watched(Cycle):
        def __init__(self, items, rng, at_most=None):
            super().__init__(items, rng, at_most)
            self.bound, self.total, self.most_held = at_most, 0, 0
            cycles.append(self)

        def take(self, count, taken, num_taken):
            self.total, self.most_held = self.total + count, max(self.most_held, num_taken)
            drawn = super().take(count, taken, num_taken)
            assert np.count_nonzero(taken) <= num_taken
            return drawn

    monkeypatch.setattr("xgraph.sampling.items.tri.Cycle", Watched)
    list(TriSampler(separate_tasks([(30, 50), (30, 90), (40, 40), (30, 300)]), 6, sampled, 0.4))
    bounded = [cycle for cycle in cycles if cycle.bound is not None]
    assert len(bounded) == 8
    assert all(cycle.total + cycle.most_held <= cycle.bound for cycle in bounded)
    assert max(cycle.total + 6 * sampled - cycle.bound for cycle in bounded) == 0  # and the bound is tight


def test_tasks_with_one_class_and_unlabelled_items_are_left_out():
    y = np.array([[1, 1, 0, NAN], [0, 1, 0, NAN], [1, NAN, 0, NAN], [0, 1, NAN, NAN], [NAN, 1, 0, NAN], [NAN] * 4])
    sampler = TriSampler(y, 2, 3)
    assert sampler.tasks == [0]
    assert (sampler.sampled_tasks, sampler.tasks_per_batch) == (3, 1)
    batches = list(sampler)
    assert len(batches) == 2  # 4 labelled items, 2 in a batch
    assert {i for batch in batches for i in batch} == {0, 1, 2, 3}


def test_every_task_is_in_every_epoch_even_with_many_tasks():
    y = separate_tasks([(1, 1)] * 50)
    sampler = TriSampler(y, 10, 3)
    assert len(sampler) == 17  # 100 items would fill 4 batches
    assert {i for batch in sampler for i in batch} == set(range(100))


def test_labels_of_one_task_can_be_a_vector():
    y = torch.tensor([0, 1, 0, 1, 0, 0, 0])
    assert list(TriSampler(y, 4, 1)) == list(TriSampler(y[:, None], 4, 5)) == list(TriSampler(y.float(), 4, 2))


def test_state_of_other_labels_or_settings_is_rejected():
    y = random_labels(100, [0.3, 0.4, 0.5])
    state = TriSampler(y, 8, 2).state_dict()
    for sampler, name in [
        (TriSampler(y[:-1], 8, 2), "num_items"),
        (TriSampler(y, 9, 2), "batch_size_per_task"),
        (TriSampler(y, 8, 3), "tasks_per_batch"),
        (TriSampler(y, 8, 2, 0.3), "positives_per_task"),
        (TriSampler(y[:, [1, 0, 2]], 8, 2), "fingerprint"),
        (TriSampler(1 - y, 8, 2), "fingerprint"),
    ]:
        with pytest.raises(ValueError, match=f"state was saved with {name}"):
            sampler.load_state_dict(state)


def test_the_order_is_the_same_in_every_release():
    y = np.array([[1, 0], [1, 1], [0, NAN], [0, 1], [1, 0], [0, 0]])
    sampler = TriSampler(y, batch_size_per_task=2, sampled_tasks=1, seed=7)
    assert list(sampler) == [[0, 3], [1, 0], [4, 5]]
    assert sampler.state_dict()["fingerprint"] == 3123166075


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"labels": [[0, 1], [0, 1]]}, ValueError, r"at least one task with positives .* got none in 2 tasks"),
        ({"labels": [[0, 1], [1, 2]]}, ValueError, "got 2 in row 1, task 1"),
        ({"labels": "ab"}, TypeError, "labels must be numbers"),
        ({"batch_size_per_task": 1}, ValueError, "batch_size_per_task must be at least 2, got 1"),
        ({"batch_size_per_task": 4.0}, TypeError, "batch_size_per_task must be an integer, got 4.0"),
        ({"sampled_tasks": 0}, ValueError, "sampled_tasks must be at least 1, got 0"),
        ({"sampled_tasks": None}, TypeError, "sampled_tasks must be an integer, got None"),
        ({"sampling_rate_per_task": 1}, ValueError, r"sampling_rate_per_task must lie in \(0, 1\)"),
        ({"sampling_rate_per_task": "x"}, TypeError, "sampling_rate_per_task must be a number"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
    ],
)
def test_errors_name_the_invalid_argument(arguments, error, message):
    with pytest.raises(error, match=message):
        TriSampler(**{"labels": [[0, 1], [1, 0]], **arguments})


def test_repr_shows_the_composition():
    text = repr(TriSampler(random_labels(100, [0.5, 0.5, 0.0]), 8, 5, 0.25, seed=2))
    assert text == (
        "TriSampler(num_items=100, num_tasks=2, batches=6, tasks_per_batch=2, positives_per_task=2, "
        "negatives_per_task=6, seed=2)"
    )


def test_a_million_items_are_fast():
    y = torch.rand(1_000_000, 5, generator=torch.Generator().manual_seed(0)) < 0.05
    start = time.perf_counter()
    num_batches = sum(1 for _ in TriSampler(y))
    assert num_batches == 6250
    assert time.perf_counter() - start < 15  # 1 s on one core
