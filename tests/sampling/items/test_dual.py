import copy
import io
import math
import pickle
import random
import time
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, Dataset

from xgraph.sampling import DualSampler

NAN = float("nan")


def labels_with(num_positives, num_negatives, num_missing=0, seed=0):
    y = torch.tensor([1.0] * num_positives + [0.0] * num_negatives + [NAN] * num_missing)
    return y[torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))]


class Items(Dataset):
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return torch.tensor(i)


@given(
    num_positives=st.integers(1, 60),
    num_negatives=st.integers(1, 200),
    num_missing=st.integers(0, 10),
    batch_size=st.integers(2, 40),
    rate=st.floats(0.001, 0.999),
    seed=st.integers(0, 2**31),
)
def test_composition_of_every_batch(num_positives, num_negatives, num_missing, batch_size, rate, seed):
    y = labels_with(num_positives, num_negatives, num_missing, seed % 7)
    sampler = DualSampler(y, batch_size, rate, seed)
    k = min(max(round(batch_size * rate), 1), batch_size - 1)
    m = batch_size - k
    batches = list(sampler)
    assert len(batches) == len(sampler) == math.ceil(num_negatives / m)
    pos, neg = Counter(), Counter()
    for batch in batches:
        assert len(batch) == batch_size
        assert (y[batch[:k]] == 1).all()
        assert (y[batch[k:]] == 0).all()
        assert max(Counter(batch[:k]).values()) <= math.ceil(k / num_positives)
        assert max(Counter(batch[k:]).values()) <= math.ceil(m / num_negatives)
        pos.update(batch[:k])
        neg.update(batch[k:])
        counts = [pos[int(i)] for i in torch.nonzero(y == 1)]
        assert max(counts) - min(counts) <= 1
    assert len(neg) == num_negatives
    if num_negatives >= m:
        assert all(max(Counter(b[k:]).values()) == 1 for b in batches)
        assert sum(neg.values()) - num_negatives == len(batches) * m - num_negatives < m


def test_last_batch_is_filled_from_the_beginning_of_the_epoch():
    sampler = DualSampler(labels_with(5, 7), batch_size=6, sampling_rate=0.5)
    batches = [batch[3:] for batch in sampler]
    assert len(batches) == 3
    assert len({i for b in batches for i in b}) == 7
    assert batches[2][1:] == batches[0][:2]


def test_every_loop_is_a_new_epoch_and_set_epoch_selects_it():
    y = labels_with(20, 100)
    sampler = DualSampler(y, 16, 0.25, seed=3)
    first, second = list(sampler), list(sampler)
    assert first != second
    again = DualSampler(y, 16, 0.25, seed=3)
    again.set_epoch(1)
    assert list(again) == second
    again.set_epoch(0)
    assert list(again) == first
    again.set_epoch(0)
    assert list(again) == first
    assert list(again) == second
    assert list(DualSampler(y, 16, 0.25, seed=4)) != first


def test_leaving_a_loop_ends_the_epoch():
    y = labels_with(20, 100)
    sampler, reference = DualSampler(y, 16), DualSampler(y, 16)
    unused = iter(sampler)
    next(iter(sampler))
    epochs = [list(reference) for _ in range(2)]
    assert list(sampler) == epochs[1]
    assert list(unused) == list(reference)  # an epoch begins with its first batch, not with `iter`


def test_global_random_state_is_neither_used_nor_changed():
    y = labels_with(20, 100)
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    first = list(DualSampler(y, 16))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002
    assert random.getstate() == before[2]
    torch.manual_seed(2)
    np.random.seed(2)  # noqa: NPY002
    assert list(DualSampler(y, 16)) == first


def test_the_order_is_the_same_in_every_release():
    y = torch.tensor([0, 1, 0, 0, 0, 1, 0, 1, 0, 0])
    sampler = DualSampler(y, batch_size=4, sampling_rate=0.5, seed=7)
    assert list(sampler) == [[1, 7, 0, 8], [5, 7, 9, 3], [1, 5, 6, 2], [5, 7, 4, 0]]
    assert sampler.state_dict()["fingerprint"] == 1264474026


def test_order_within_lists_is_uniform():
    y = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
    first_pair = Counter()
    sampler = DualSampler(y, 4, 0.5)
    for _ in range(1500):
        batch = next(iter(sampler))
        first_pair[tuple(sorted(batch[:2])), tuple(sorted(batch[2:]))] += 1
    assert len(first_pair) == 36
    chi2 = sum((n - 1500 / 36) ** 2 / (1500 / 36) for n in first_pair.values())
    assert chi2 < 70  # 35 degrees of freedom: p = 0.0004


# Several tasks


def test_single_column_equals_a_vector():
    y = labels_with(9, 50, 5)
    assert list(DualSampler(y[:, None], 8)) == list(DualSampler(y, 8))


def multi_task(num_items, shares, missing=0.2, seed=0):
    g = torch.Generator().manual_seed(seed)
    y = (torch.rand(num_items, len(shares), generator=g) < torch.tensor(shares)).float()
    y[torch.rand(y.shape, generator=g) < missing] = NAN
    return y


def test_rare_tasks_get_as_many_slots_as_common_ones():
    y = multi_task(4000, [0.003, 0.02, 0.5, 0.0])
    y[0], y[1] = NAN, torch.tensor([1.0, NAN, NAN, NAN])
    sampler = DualSampler(y, batch_size=32, sampling_rate=0.25, seed=1)
    seen = Counter()
    for batch in sampler:
        assert len(set(batch)) == 32
        positive = (y[batch[:8]] == 1).sum(0)
        assert (positive[:3] >= 2).all()  # 8 slots for three tasks: 2 or 3 each
        assert (y[batch[8:]] == 0).any(1).all()
        seen.update(batch)
    labelled = (y == 0).any(1) | (y == 1).any(1)
    assert 0 not in seen
    # Every item that is negative in any task occurs in every epoch.
    assert set(torch.nonzero((y == 0).any(1)).flatten().tolist()) <= set(seen)
    assert labelled[list(seen)].all()


def test_each_task_draws_its_positives_equally_often_when_tasks_do_not_overlap():
    sizes = [3, 11, 40]
    y = torch.zeros(1000, 3)
    start = 0
    for task, size in enumerate(sizes):
        y[start : start + size, task] = 1
        y[start : start + size, [t for t in range(3) if t != task]] = NAN
        start += size
    sampler = DualSampler(y, batch_size=20, sampling_rate=0.5, seed=5)
    drawn = Counter()
    for batch in sampler:
        assert len(set(batch)) >= 19  # the task with 3 positives can get 4 slots
        drawn.update(batch[:10])
    counts = np.array([drawn[i] for i in range(sum(sizes))])
    per_task = np.split(counts, np.cumsum(sizes)[:-1])
    assert all(c.max() - c.min() <= 1 for c in per_task)
    totals = [c.sum() for c in per_task]
    assert sum(totals) == 10 * len(sampler)
    assert max(totals) - min(totals) <= 1


def test_tasks_take_turns_if_there_are_more_tasks_than_slots():
    num_tasks = 50
    y = torch.full((num_tasks + 30, num_tasks), NAN)
    y[torch.arange(num_tasks), torch.arange(num_tasks)] = 1
    y[num_tasks:] = 0
    sampler = DualSampler(y, batch_size=14, sampling_rate=0.3, seed=2)  # 4 x 3 slots per epoch
    drawn = Counter()
    for _ in range(1000):
        epoch = Counter(i for batch in sampler for i in batch[:4])
        assert max(epoch.values()) == 1
        drawn.update(epoch)
    assert len(drawn) == num_tasks
    assert all(170 < n < 315 for n in drawn.values())  # 240 expected


def test_works_if_nearly_all_items_are_positive_in_some_task():
    y = multi_task(1427, [0.6] * 27, missing=0)
    assert (y.sum(1) > 0).all()  # none is negative in all tasks
    sampler = DualSampler(y, 64)
    batches = list(sampler)
    assert len(batches) == math.ceil(1427 / 32)
    assert {i for b in batches for i in b} == set(range(1427))
    assert all(len(set(b)) == 64 for b in batches)


@given(
    rows=st.lists(st.lists(st.sampled_from([0.0, 1.0, NAN]), min_size=3, max_size=3), min_size=2, max_size=30),
    batch_size=st.integers(2, 12),
    rate=st.floats(0.01, 0.99),
)
def test_composition_for_any_small_multi_task_labels(rows, batch_size, rate):
    y = torch.tensor(rows)
    has_positive, has_negative = (y == 1).any(1), (y == 0).any(1)
    if not has_positive.any() or not has_negative.any():
        with pytest.raises(ValueError, match="labels must hold at least one"):
            DualSampler(y, batch_size, rate)
        return
    sampler = DualSampler(y, batch_size, rate)
    k = sampler.positives_per_batch
    batches = list(sampler)
    assert len(batches) == len(sampler)
    for batch in batches:
        assert len(batch) == batch_size
        assert has_positive[batch[:k]].all()
        assert has_negative[batch[k:]].all()


# Position


@pytest.mark.parametrize("y", [labels_with(13, 200), multi_task(200, [0.05, 0.3, 0.5])], ids=["one", "many"])
@pytest.mark.parametrize("stop", [0, 1, 5, 19, 20])
def test_restored_sampler_continues_with_the_next_batch(y, stop):
    def make():
        return DualSampler(y[:, None] if y.dim() == 1 else y, batch_size=20, sampling_rate=0.5, seed=9)

    whole = [list(make_epoch) for make_epoch in [make()] * 3]
    stop = min(stop, len(whole[1]))
    sampler = make()
    list(sampler)
    iterator = iter(sampler)
    for _ in range(stop):
        next(iterator)
    buffer = io.BytesIO()
    torch.save(sampler.state_dict(), buffer)
    buffer.seek(0)
    restored = make()
    restored.load_state_dict(torch.load(buffer, weights_only=True))
    assert restored.state_dict() == sampler.state_dict()
    if stop == len(whole[1]):  # the epoch is over
        assert list(restored) == whole[2]
        return
    # A training loop calls set_epoch, which must not lose the position.
    restored.set_epoch(1)
    assert list(restored) == whole[1][stop:]
    assert list(restored) == whole[2]


def test_restored_position_is_dropped_by_set_epoch_to_another_epoch():
    y = labels_with(13, 200)
    sampler = DualSampler(y, 20)
    next(iter(sampler))
    restored = DualSampler(y, 20)
    restored.load_state_dict(sampler.state_dict())
    restored.set_epoch(4)
    assert len(list(restored)) == len(restored)


def test_state_of_other_labels_or_settings_is_rejected():
    y = labels_with(13, 200)
    state = DualSampler(y, 20, 0.5, 1).state_dict()
    other = y.clone()
    other[torch.nonzero(y == 1)[0]], other[torch.nonzero(y == 0)[0]] = 0.0, 1.0
    for sampler, name in [
        (DualSampler(other, 20, 0.5, 1), "fingerprint"),
        (DualSampler(y[:-1], 20, 0.5, 1), "num_items"),
        (DualSampler(y, 22, 0.5, 1), "batch_size"),
        (DualSampler(y, 20, 0.3, 1), "positives_per_batch"),
        (DualSampler(y, 20, 0.5, 2), "seed"),
    ]:
        with pytest.raises(ValueError, match=f"state was saved with {name}"):
            sampler.load_state_dict(state)
    sampler = DualSampler(y, 20, 0.5, 1)
    with pytest.raises(ValueError, match="missing batch, seed"):
        sampler.load_state_dict({key: v for key, v in state.items() if key not in ("seed", "batch")})
    with pytest.raises(ValueError, match="at least 0, got -1"):
        sampler.load_state_dict({**state, "batch": -1})
    assert sampler.state_dict() == state


def test_fingerprint_depends_on_the_order_of_columns():
    y = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    other = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
    a, b = DualSampler(y, 2), DualSampler(other, 2)
    assert a.state_dict()["fingerprint"] != b.state_dict()["fingerprint"]


def test_sampler_can_be_copied_and_pickled_midway():
    sampler = DualSampler(labels_with(13, 200), 20)
    next(iter(sampler))
    state = sampler.state_dict()
    for twin in (copy.deepcopy(sampler), pickle.loads(pickle.dumps(sampler))):
        twin.load_state_dict(state)
        reference = DualSampler(labels_with(13, 200), 20)
        assert list(twin) == list(reference)[1:]


# Loaders


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("library", ["torch", "pyg"])
def test_position_in_a_loader_whose_workers_run_ahead(library, num_workers):
    y = labels_with(30, 300)
    sampler, reference = DualSampler(y, 20), DualSampler(y, 20)
    if library == "torch":
        loader = DataLoader(Items(330), batch_sampler=sampler, num_workers=num_workers)
        ids = lambda batch: batch.tolist()  # noqa: E731
    else:
        from torch_geometric.data import Data
        from torch_geometric.loader import DataLoader as PyGLoader

        graphs = [Data(x=torch.zeros(1, 1), idx=torch.tensor([i]), num_nodes=1) for i in range(330)]
        loader = PyGLoader(graphs, batch_sampler=sampler, num_workers=num_workers)
        ids = lambda batch: batch.idx.tolist()  # noqa: E731
    assert len(loader) == len(reference) == 30
    epochs = [list(reference) for _ in range(2)]
    assert [ids(batch) for batch in loader] == epochs[0]
    used = []
    for number, batch in enumerate(loader):
        used.append(ids(batch))
        if number == 6:
            break
    if num_workers:
        assert sampler.state_dict()["batch"] > 7  # the workers ran ahead
    restored = DualSampler(y, 20)
    restored.load_state_dict(sampler.state_dict(consumed=7))
    assert used + list(restored) == epochs[1]
    with pytest.raises(ValueError, match="consumed must be at most .*, got 31"):
        sampler.state_dict(consumed=31)


# Mistakes


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"labels": [0.0, 0.0, NAN]},
            ValueError,
            "labels must hold at least one positive .* got none in 3 rows",
        ),
        ({"labels": [1, 1]}, ValueError, "labels must hold at least one negative .* got none in 2 rows"),
        ({"labels": [0, 1, 2]}, ValueError, "got 2 in row 2"),
        ({"batch_size": 1}, ValueError, "batch_size must be at least 2, got 1"),
        ({"batch_size": 8.5}, TypeError, "batch_size must be an integer, got 8.5"),
        ({"sampling_rate": 0.0}, ValueError, r"sampling_rate must lie in \(0, 1\)"),
        ({"sampling_rate": 1}, ValueError, r"sampling_rate must lie in \(0, 1\)"),
        ({"sampling_rate": NAN}, ValueError, r"sampling_rate must lie in \(0, 1\)"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
    ],
)
def test_errors_name_the_invalid_argument(arguments, error, message):
    with pytest.raises(error, match=message):
        DualSampler(**{"labels": [0, 1, 0], **arguments})
    with pytest.raises(ValueError, match="epoch must be at least 0"):
        DualSampler([0, 1]).set_epoch(-1)


def test_repr_shows_the_composition():
    text = repr(DualSampler(labels_with(3, 20), 8, 0.25))
    assert text == ("DualSampler(num_items=23, batches=4, positives_per_batch=2, negatives_per_batch=6, seed=0)")


def test_a_million_labels_are_fast():
    y = torch.zeros(1_000_000)
    y[::1000] = 1
    start = time.perf_counter()
    iterator = iter(DualSampler(y))
    next(iterator)
    assert time.perf_counter() - start < 2  # 0.05 s on one core
