"""Properties shared by all samplers: epochs that only depend on the seed, and a position that can be saved."""

import copy
import io
import pickle
import random

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from xgraph.sampling import DistributedBatches, DualSampler, GroupSampler, TriSampler
from xgraph.sampling.items.epochs import EpochSampler, fingerprint

NAN = float("nan")


def some_labels(seed=0):
    rng = np.random.default_rng(seed)
    y = (rng.random((150, 7)) < [0.02, 0.1, 0.5, 0.9, 0.3, 0.3, 0.2]).astype(float)
    y[rng.random(y.shape) < 0.3] = NAN
    return torch.tensor(y)


def some_groups(seed=0):
    return torch.tensor(np.random.default_rng(seed).zipf(1.6, 200) % 23)


def dual(data=0, seed=5):
    return DualSampler(some_labels(data), 12, 0.4, seed)


def tri(data=0, seed=5):
    return TriSampler(some_labels(data), 6, 3, 0.4, seed)


def group(data=0, seed=5):
    return GroupSampler(some_groups(data), 4, 3, seed)


def shared(data=0, seed=5):
    return DistributedBatches(GroupSampler(some_groups(data), 2, 3, seed), num_replicas=3, rank=1)


every_sampler = pytest.mark.parametrize("make", [dual, tri, group, shared])


class Items(Dataset):
    def __len__(self):
        return 200

    def __getitem__(self, i):
        return i


def epochs_of(make, count):
    """The uninterrupted run."""
    sampler = make()
    return [list(sampler) for _ in range(count)]


@every_sampler
def test_epochs_are_determined_by_their_number(make):
    first, second, third = epochs_of(make, 3)
    assert len(first) == len(second) == len(make()) > 5
    assert first != second != third != first
    other = make()
    for epoch, batches in [(2, third), (0, first), (0, first), (1, second)]:
        other.set_epoch(epoch)
        assert list(other) == batches
    assert [b.tolist() for b in other.batches(0)] == first
    assert list(other) == third  # iterating over `batches` does not change the position
    assert all(type(i) is int for batch in first for i in batch)


@every_sampler
def test_seeds_give_different_orders(make):
    assert len({str(list(make(seed=seed))) for seed in (5, 6, 2**40)}) == 3
    assert list(make(seed=6)) == list(make(seed=6))


@every_sampler
def test_global_random_state_is_neither_used_nor_changed(make):
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    first = list(make())
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002
    assert random.getstate() == before[2]
    torch.manual_seed(2)
    np.random.seed(2)  # noqa: NPY002
    random.seed(2)
    assert list(make()) == first


@every_sampler
def test_resuming_at_any_batch_equals_an_uninterrupted_run(make):
    epochs = epochs_of(make, 3)
    for stop in range(len(epochs[1]) + 1):
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
        if 0 < stop < len(epochs[1]):
            restored.set_epoch(1)  # a training loop calls set_epoch, which must not lose the position
            assert list(restored) == epochs[1][stop:]
        elif stop:  # the epoch is over
            assert list(restored) == epochs[2]
            continue
        else:  # no batch of the second epoch was requested, so the first is the current one
            assert list(restored) == epochs[1]
        assert list(restored) == epochs[2]


@every_sampler
@pytest.mark.parametrize("used", [0, 1, 4])
def test_resuming_in_a_loader_whose_workers_run_ahead(make, used):
    sampler, epochs = make(), epochs_of(make, 3)
    loader = DataLoader(Items(), batch_sampler=sampler, num_workers=2)
    assert len(loader) == len(sampler)
    assert [batch.tolist() for batch in loader] == epochs[0]
    iterator = iter(loader)
    assert [next(iterator).tolist() for _ in range(used)] == epochs[1][:used]
    assert used == 0 or sampler.state_dict(consumed=used) != sampler.state_dict()  # the workers ran ahead
    restored = make()
    restored.load_state_dict(sampler.state_dict(consumed=used))
    restored_loader = DataLoader(Items(), batch_sampler=restored, num_workers=2)
    assert [batch.tolist() for batch in restored_loader] == epochs[1][used:]
    assert [batch.tolist() for batch in restored_loader] == epochs[2]


@every_sampler
def test_consuming_more_batches_than_requested_is_rejected(make):
    sampler = make()
    next(iter(sampler))
    with pytest.raises(ValueError, match="requested in this epoch, 1, got 2"):
        sampler.state_dict(consumed=2)
    with pytest.raises(ValueError, match="consumed must be at least 0, got -1"):
        sampler.state_dict(consumed=-1)
    with pytest.raises(TypeError, match="consumed must be an integer, got 0.5"):
        sampler.state_dict(consumed=0.5)


@every_sampler
def test_state_of_other_data_or_seed_is_rejected_without_changes(make):
    sampler = make()
    next(iter(sampler))
    state = sampler.state_dict()
    for other, name in [(make(data=1), "fingerprint"), (make(seed=6), "seed")]:
        before = other.state_dict()
        with pytest.raises(ValueError, match=f"state was saved with {name}"):
            other.load_state_dict(state)
        assert other.state_dict() == before
    for bad, error, message in [
        ({**state, "batch": -1}, ValueError, r"state\['batch'\] must be at least 0, got -1"),
        ({**state, "epoch": 0.5}, TypeError, r"state\['epoch'\] must be an integer, got 0.5"),
        ({"epoch": 0}, ValueError, f"state of {type(sampler).__name__} is incomplete: missing batch, num_items"),
        (None, TypeError, r"must be the result of state_dict\(\), got NoneType"),
    ]:
        with pytest.raises(error, match=message):
            sampler.load_state_dict(bad)
        assert sampler.state_dict() == state


def test_state_of_another_kind_of_sampler_is_rejected():
    for make in (dual, tri, group):
        for other in (dual, tri, group):
            if make is not other:
                with pytest.raises(ValueError, match="missing|was saved with"):
                    make().load_state_dict(other().state_dict())


@every_sampler
def test_sampler_can_be_copied_and_pickled_midway(make):
    sampler, whole = make(), epochs_of(make, 2)
    next(iter(sampler))
    for twin in (copy.deepcopy(sampler), pickle.loads(pickle.dumps(sampler))):
        assert list(twin) == whole[1]
        twin.load_state_dict(sampler.state_dict())
        assert list(twin) == whole[0][1:]


@every_sampler
def test_epoch_begins_with_its_first_batch_and_ends_when_abandoned(make):
    sampler, epochs = make(), epochs_of(make, 3)
    unused = iter(sampler)
    assert next(iter(sampler)) == epochs[0][0]
    assert list(sampler) == epochs[1]
    assert list(unused) == epochs[2]


@every_sampler
def test_old_iterator_finishes_its_epoch_without_moving_the_position(make):
    sampler, epochs = make(), epochs_of(make, 2)
    old, new = iter(sampler), iter(sampler)
    used = [next(old), next(old)]
    assert next(new) == epochs[1][0]
    state = sampler.state_dict()
    assert [*used, *old] == epochs[0]
    assert sampler.state_dict() == state
    assert list(new) == epochs[1][1:]


def test_subclasses_must_implement_the_abstract_methods():
    with pytest.raises(TypeError, match="abstract"):
        EpochSampler()


def test_checksum_depends_on_order_bounds_and_contents_of_lists():
    a, b = np.array([0, 1]), np.array([2])
    different = [
        fingerprint(3, [a, b]),
        fingerprint(4, [a, b]),
        fingerprint(3, [b, a]),
        fingerprint(3, [a[:1], np.array([1, 2])]),
        fingerprint(3, [a, b, b]),
        fingerprint(3, [a, np.array([1])]),
    ]
    assert len(set(different)) == len(different)
