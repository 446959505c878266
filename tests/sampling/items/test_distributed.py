import json
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from xgraph.sampling import DistributedBatches, DualSampler, GroupSampler, TriSampler


def dual():
    return DualSampler(torch.tensor([0, 1, 0, 0, 0] * 21), batch_size=10, seed=3)  # 17 batches


def tri():
    return TriSampler(np.random.default_rng(0).integers(0, 2, (100, 5)), 4, 2, seed=3)  # 13


def group():
    return GroupSampler(torch.arange(100) % 7, 3, 4, seed=3)  # 9


every_sampler = pytest.mark.parametrize("make", [dual, tri, group])


def run(make, replicas):
    return [DistributedBatches(make(), replicas, rank) for rank in range(replicas)]


def interleaved(shares):
    """The batches of all processes, step by step."""
    return list(chain.from_iterable(zip_longest(*shares)))


@every_sampler
@pytest.mark.parametrize("replicas", [1, 2, 3, 4, 5, 40])
def test_shares_cover_the_epoch_and_have_equal_length(make, replicas):
    alone = make()
    processes = run(make, replicas)
    for _ in range(3):
        epoch = list(alone)
        shares = [list(process) for process in processes]
        steps = -(-len(epoch) // replicas)
        assert {len(share) for share in shares} == {len(process) for process in processes} == {steps}
        together = interleaved(shares)
        assert together[: len(epoch)] == epoch
        # The last step is filled from the beginning of the epoch, repeatedly if necessary.
        assert together == (epoch * replicas)[: steps * replicas]
        number = alone.state_dict()["epoch"]
        assert [[batch.tolist() for batch in process.batches(number)] for process in processes] == shares


@every_sampler
@pytest.mark.parametrize("replicas", [2, 4])
def test_state_of_any_process_restores_all_processes(make, replicas):
    alone = make()
    epochs = [list(alone) for _ in range(3)]
    steps = -(-len(epochs[1]) // replicas)
    for stop in range(1, steps + 1):
        processes = run(make, replicas)
        for process in processes:
            process.set_epoch(1)
            iterator = iter(process)
            for _ in range(stop):
                next(iterator)
        states = [process.state_dict() for process in processes]
        assert all(state == states[0] for state in states)
        restored = run(make, replicas)
        for process in restored:
            process.load_state_dict(states[-1])
            assert process.state_dict() == states[0]
            process.set_epoch(1)
        if stop < steps:
            together = interleaved([list(process) for process in restored])
            assert together == (epochs[1] * 2)[stop * replicas : steps * replicas]
        else:
            assert states[0]["batch"] >= len(epochs[1])
        assert interleaved([list(process) for process in restored])[: len(epochs[2])] == epochs[2]


@every_sampler
@pytest.mark.parametrize("before", [1, 2, 3])
@pytest.mark.parametrize("after", [1, 2, 4])
def test_rest_of_an_epoch_can_be_divided_among_another_number_of_processes(make, before, after):
    alone = make()
    epochs = [list(alone) for _ in range(2)]
    for stop in range(1, len(epochs[0]) // before):
        first = run(make, before)[0]
        iterator = iter(first)
        for _ in range(stop):
            next(iterator)
        processes = run(make, after)
        shares = []
        for process in processes:
            process.load_state_dict(first.state_dict())
            shares.append(list(process))
        rest = epochs[0][stop * before :]
        together = interleaved(shares)
        assert len({len(share) for share in shares}) == 1
        assert together[: len(rest)] == rest
        assert together[len(rest) :] == epochs[0][: len(together) - len(rest)]
        assert len(together) - len(rest) < after
        assert interleaved([list(process) for process in processes])[: len(epochs[1])] == epochs[1]


@every_sampler
def test_states_of_the_sampler_and_of_shares_are_interchangeable(make):
    alone, (process,) = make(), run(make, 1)
    next(iter(alone)), next(iter(process))
    assert alone.state_dict() == process.state_dict()
    rest = list(alone.batches(0))[2:]
    restored = make()
    restored.load_state_dict({**run(make, 2)[0].state_dict(), "batch": 2})
    assert list(restored) == [batch.tolist() for batch in rest]


def test_consumed_counts_the_batches_of_one_process():
    epoch = list(dual())
    process = run(dual, 2)[1]
    process.load_state_dict({**dual().state_dict(), "batch": 5})  # five were used by another number of processes
    assert [next(iterator) for iterator in [iter(process)] for _ in range(4)] == epoch[6:14:2]
    # 5 = 2 · 2 + 1: two steps and one extra batch, so the next four steps are the third to the sixth.
    assert [process.state_dict(consumed=c)["batch"] for c in (2, 3, 6)] == [5, 7, 13]
    with pytest.raises(ValueError, match="requested in this epoch, 6, got 7"):
        process.state_dict(consumed=7)


def test_starts_at_the_position_of_the_sampler_without_moving_it():
    sampler = dual()
    epochs = [list(sampler.batches(epoch)) for epoch in range(3)]
    epochs = [[batch.tolist() for batch in epoch] for epoch in epochs]
    next(iter(sampler))
    assert list(DistributedBatches(sampler, 2, 0)) == epochs[1][::2]  # the first epoch was begun by the sampler itself
    sampler.set_epoch(1)
    sampler.load_state_dict({**sampler.state_dict(), "batch": 4})
    assert list(DistributedBatches(sampler, 2, 0)) == epochs[1][4::2]
    assert list(sampler) == epochs[1][4:]


def test_each_process_with_its_own_loader():
    epoch = list(group())
    loaders = [DataLoader(range(100), batch_sampler=process, num_workers=2) for process in run(group, 2)]
    assert [len(loader) for loader in loaders] == [5, 5]
    shares = [[batch.tolist() for batch in loader] for loader in loaders]
    assert interleaved(shares)[:9] == epoch


def test_two_real_processes(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1]))
    import spawned_ranks

    torch.multiprocessing.spawn(spawned_ranks.go, args=(2, str(tmp_path)), nprocs=2)
    results = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1)]
    for kind in ("dual", "tri", "group"):
        alone = spawned_ranks.make(kind)
        epochs = [list(alone) for _ in range(2)]
        ranks = [result[kind] for result in results]
        assert [rank["rank"] for rank in ranks] == [0, 1]
        for shares, epoch in [
            ([rank["epoch"] for rank in ranks], epochs[0]),
            ([rank["used"] + rank["rest"] for rank in ranks], epochs[1]),
        ]:
            assert len(shares[0]) == len(shares[1]) == -(-len(epoch) // 2)
            assert shares[0] == epoch[::2]
            assert shares[1][: len(epoch) // 2] == epoch[1::2]
            assert not {tuple(batch) for batch in shares[0]} & {tuple(batch) for batch in epoch[1::2]}


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"num_replicas": None},
            ValueError,
            "^num_replicas must be given because torch.distributed is not initialised",
        ),
        ({"rank": None}, ValueError, "^rank must be given"),
        ({"rank": None, "num_replicas": None}, ValueError, "^num_replicas and rank must be given"),
        ({"num_replicas": 0}, ValueError, "num_replicas must be at least 1, got 0"),
        ({"num_replicas": 2.0}, TypeError, "num_replicas must be an integer, got 2.0"),
        ({"rank": -1}, ValueError, "rank must be at least 0, got -1"),
        ({"rank": 2}, ValueError, "rank must be less than num_replicas = 2, got 2"),
        ({"sampler": [[0, 1]]}, TypeError, "sampler must be a DualSampler, .* got list"),
        ({"sampler": DistributedBatches(dual(), 2, 0)}, TypeError, "not yet distributed, got DistributedBatches"),
    ],
)
def test_errors_name_the_invalid_argument(arguments, error, message):
    with pytest.raises(error, match=message):
        DistributedBatches(**{"sampler": dual(), "num_replicas": 2, "rank": 0, **arguments})


def test_repr_shows_the_share():
    sampler = dual()
    expected = f"DistributedBatches({sampler!r}, num_replicas=2, rank=1, batches=9)"
    assert repr(DistributedBatches(sampler, 2, 1)) == expected


@every_sampler
@pytest.mark.parametrize("replicas", [1, 2, 3, 7, 40])
def test_parts_of_each_batch_neither_overlap_nor_miss_an_item(make, replicas):
    alone = make()
    processes = [DistributedBatches(make(), replicas, rank, split="rows") for rank in range(replicas)]
    for _ in range(2):
        epoch = list(alone)
        parts = [list(process) for process in processes]
        assert {len(one) for one in parts} == {len(process) for process in processes} == {len(epoch)}
        assert [list(chain.from_iterable(step)) for step in zip(*parts, strict=True)] == epoch
        assert all(max(map(len, step)) - min(map(len, step)) <= 1 for step in zip(*parts, strict=True))


def test_state_of_parts_is_that_of_the_sampler():
    whole = dual()
    epoch, following = list(whole), list(whole)
    process = DistributedBatches(dual(), 3, 2, split="rows")
    used = iter(process)
    for _ in range(4):
        next(used)
    assert process.state_dict() == {**dual().state_dict(), "batch": 4}
    restored = DistributedBatches(dual(), 2, 1, split="rows")
    restored.load_state_dict(process.state_dict(consumed=3))
    assert list(restored) == [batch[5:] for batch in epoch[3:]]
    assert list(restored) == [batch[5:] for batch in following]
    assert "split='rows', batches=17" in repr(restored)
    with pytest.raises(ValueError, match="split must be one of batches, rows, got 'row'"):
        DistributedBatches(dual(), 2, 0, split="row")
