import torch

from xgraph.sampling import DualSampler
from xgraph.training.batches import ShuffleSampler, make_sampler


def test_shuffle_is_keyed_by_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        sampler = ShuffleSampler(10, 4, seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert order(0, 1) == order(0, 1)
    assert len({str(order(s, e)) for s in (0, 1) for e in (0, 1)}) == 4
    assert sorted(i for batch in order(0, 1) for i in batch) == list(range(10))
    assert [len(batch) for batch in order(0, 1)] == [4, 4, 2]
    assert len(ShuffleSampler(10, 4)) == 3


def test_shuffle_position_is_restored() -> None:
    one, two = ShuffleSampler(10, 4), ShuffleSampler(10, 4)
    one.set_epoch(3)
    two.load_state_dict(one.state_dict())
    assert list(one) == list(two)


def test_a_loss_gets_the_batches_it_asks_for() -> None:
    labels = torch.tensor([[0.0], [1.0], [0.0], [0.0]])
    assert isinstance(make_sampler("dual", labels, 2, 0.5, 0), DualSampler)
    assert isinstance(make_sampler("shuffle", labels, 2, 0.5, 0), ShuffleSampler)
