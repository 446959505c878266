import numpy as np
import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, SequentialSampler
from torch_geometric.data import Data

from xgraph.sampling import BagLoader, DistributedBatches, DualSampler, InstanceSampler

SIZES = [5, 1, 30, 3, 14, 7, 15, 2, 9, 4]


class Bags:
    """Bags whose instances have their row numbers as features, in the package's batch layout."""

    def __init__(self, sizes=SIZES):
        self.bag_ptr = torch.tensor([0, *np.cumsum(sizes).tolist()])
        self.y = (torch.arange(len(sizes)) % 3 == 0).float()[:, None]
        self.whole = 0

    def batch(self, positions, rows=None):
        if rows is None:
            self.whole += 1
            rows = InstanceSampler(self.bag_ptr).sample(positions)
        number, bag = rows
        x, y = number.float()[:, None], self.y[positions]
        return Data(x=x, batch=bag, bag=bag, y=y, idx=positions, num_bags=len(positions), instance=number)


def contents(batches):
    return [(batch.idx.tolist(), batch.instance.tolist(), batch.batch.tolist()) for batch in batches]


def test_every_bag_occurs_once_with_k_instances():
    data = Bags()
    loader = BagLoader(data, num_instances=4, batch_size=3)
    assert len(loader) == 4
    for _ in range(2):
        batches = list(loader)
        assert torch.cat([batch.idx for batch in batches]).tolist() == list(range(10))
        for batch in batches:
            for place, number in enumerate(batch.idx.tolist()):
                mine = batch.instance[batch.batch == place]
                assert len(mine.unique()) == len(mine) == min(4, SIZES[number])
                assert mine.min() >= data.bag_ptr[number]
                assert mine.max() < data.bag_ptr[number + 1]
    assert data.whole == 0


def test_all_instances_are_used_by_default():
    for k in (None, -1):
        data = Bags()
        batch = next(iter(BagLoader(data, k)))
        assert data.whole == 1
        assert batch.instance.tolist() == list(range(sum(SIZES)))


def test_shuffled_epochs_depend_on_the_seed_and_their_number():
    def epoch(number, **options):
        loader = BagLoader(Bags(), 3, shuffle=True, batch_size=4, **{"seed": 1, **options})
        loader.set_epoch(number)
        return contents(loader)

    first = epoch(0)
    assert epoch(0) == epoch(0, prefetch=0) == first
    assert sorted(number for idx, *_ in first for number in idx) == list(range(10))
    assert first != epoch(1)
    assert first != epoch(0, seed=2)
    loader = BagLoader(Bags(), 3, shuffle=True, batch_size=4, seed=1)
    assert [contents(loader), contents(loader)] == [first, epoch(1)]


def test_subset_of_bags_with_a_dual_sampler():
    data = Bags()
    for bags in (torch.tensor([9, 3, 1, 2, 4, 0]), np.arange(10) != 5, (torch.arange(10) != 5).tolist()):
        chosen = torch.arange(10)[torch.as_tensor(bags)]
        sampler = DualSampler(data.y[chosen], batch_size=4, sampling_rate=0.5, seed=2)
        batches = list(BagLoader(data, 2, bags, batch_sampler=sampler))
        assert len(batches) == len(sampler)
        for batch, positions in zip(batches, sampler.batches(0), strict=True):
            assert torch.equal(batch.idx, chosen[positions])
            assert batch.y.sum() == 2


def test_repeated_bags_get_new_instances():
    loader = BagLoader(Bags([1000, 1000, 1000]), 5, batch_sampler=[[0, 1], [2, 0], [1, 1]])
    found = [rows for _, rows, _ in contents(loader)]
    assert len({tuple(found[0][:5]), tuple(found[1][5:]), tuple(rows % 1000 for rows in found[0][5:])}) == 3
    assert found[2][:5] != found[2][5:]
    again = [rows for _, rows, _ in contents(loader)]
    assert not any(rows == other for rows in found for other in again)


@pytest.mark.parametrize("prefetch", [0, 2])
@pytest.mark.parametrize("dual", [False, True])
def test_restored_loader_continues_with_the_same_draws(prefetch, dual):
    def make():
        if dual:
            sampler = DualSampler(Bags().y, batch_size=4, sampling_rate=0.25, seed=3)
            return BagLoader(Bags(), 3, batch_sampler=sampler, prefetch=prefetch)
        return BagLoader(Bags(), 3, batch_size=3, shuffle=True, seed=3, prefetch=prefetch)

    whole = make()
    epochs = [contents(whole), contents(whole)]
    interrupted, taken = make(), 1 if dual else 2
    list(interrupted)
    for number, batch in enumerate(interrupted):
        assert contents([batch])[0] == epochs[1][number]
        if number == taken - 1:
            state = interrupted.state_dict()
            break
    restored = make()
    restored.load_state_dict(state)
    assert contents(restored) == epochs[1][taken:]
    assert contents(restored) == contents(whole)
    begun = make()
    begun.load_state_dict(make().state_dict())
    assert contents(begun) == epochs[0]


def test_state_of_other_settings_is_rejected():
    state = BagLoader(Bags(), 3, batch_size=3).state_dict()
    for other, key in (
        (BagLoader(Bags(), 4, batch_size=3), "num_instances"),
        (BagLoader(Bags(), batch_size=3), "num_instances"),
        (BagLoader(Bags(), 3, batch_size=2), "batch_size"),
        (BagLoader(Bags(), 3, batch_size=3, seed=1), "draw_seed"),
        (BagLoader(Bags(SIZES[:-1]), 3, batch_size=3), "num_bags"),
    ):
        with pytest.raises(ValueError, match=f"state was saved with {key}"):
            other.load_state_dict(state)
    with pytest.raises(TypeError, match="state of BagLoader must be the result of state_dict"):
        BagLoader(Bags()).load_state_dict([])


def test_any_batch_sampler_is_accepted():
    sampler = BatchSampler(SequentialSampler(range(10)), 4, drop_last=True)
    loader = BagLoader(Bags(), 2, batch_sampler=sampler)
    assert len(loader) == 2
    assert [idx for idx, *_ in contents(loader)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    iterator = iter(loader)
    next(iterator)
    other = BagLoader(Bags(), 2, batch_sampler=sampler)
    other.load_state_dict(loader.state_dict())
    assert contents(other) == contents(iterator)


def test_processes_divide_an_epoch_with_the_same_draws():
    sampler = DualSampler(Bags().y, batch_size=4, sampling_rate=0.25)
    whole = contents(BagLoader(Bags(), 2, batch_sampler=sampler))
    for rank in range(2):
        share = DistributedBatches(DualSampler(Bags().y, batch_size=4, sampling_rate=0.25), 2, rank)
        mine = contents(BagLoader(Bags(), 2, batch_sampler=share))
        assert mine[: len(whole[rank::2])] == whole[rank::2]


def test_worker_processes_draw_the_same():
    sampler = InstanceSampler(Bags().bag_ptr, 3, seed=4)

    def draw(bags):
        return [part.tolist() for part in sampler.sample(bags, epoch=1)]

    batches = [[0, 2], [4, 6], [2, 5], [8, 9]]
    found = [list(DataLoader(range(10), batch_sampler=batches, collate_fn=draw, num_workers=n)) for n in (0, 2)]
    assert found[0] == found[1]


def test_batches_are_transformed():
    loader = BagLoader(Bags(), 2, transform=lambda batch: batch.x.sum().item(), batch_size=5)
    assert all(isinstance(batch, float) for batch in loader)
    assert repr(loader).startswith("BagLoader(10 bags, InstanceSampler(num_bags=10, num_instances=2, seed=0)")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"data": [1, 2]}, TypeError, "data must be a data set of bags with bag_ptr and batch"),
        ({"num_instances": 0}, ValueError, "num_instances must be at least 1"),
        ({"bags": []}, ValueError, "bags must have shape"),
        ({"bags": [0, 10]}, IndexError, "bags must be numbers from 0 to 9, got 10"),
        ({"bags": [True, False]}, ValueError, "one entry for each of 10 bags if it is a mask"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"batch_sampler": [[0]], "shuffle": True}, ValueError, "batch_sampler cannot be combined with"),
        ({"batch_sampler": 3}, TypeError, "batch_sampler must have a length"),
        ({"transform": 3}, TypeError, "transform must be callable with a batch, got int"),
        ({"prefetch": -1}, ValueError, "prefetch must be at least 0"),
    ],
)
def test_invalid_arguments_are_rejected(arguments, error, message):
    with pytest.raises(error, match=message):
        BagLoader(**{"data": Bags(), **arguments})


@pytest.mark.parametrize(
    ("batch", "error"), [([0, 3], IndexError), ([-1], IndexError), ([0.5], TypeError), ([], ValueError)]
)
def test_invalid_batches_are_rejected(batch, error):
    with pytest.raises(error, match="batch_sampler must|bags must"):
        list(BagLoader(Bags(), 2, [4, 5, 6], batch_sampler=[batch]))
