import pytest
import torch

from xgraph.options import OptionError
from xgraph.sampling import DualSampler, GroupSampler, TriSampler
from xgraph.sampling.items.epochs import EpochSampler
from xgraph.training.config.build import build_config
from xgraph.training.sources.batches import ShuffleSampler, make_sampler


def test_the_shuffled_order_depends_on_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        sampler = ShuffleSampler(10, 4, seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert order(0, 1) == order(0, 1)
    assert len({str(order(s, e)) for s in (0, 1) for e in (0, 1)}) == 4
    assert sorted(i for batch in order(0, 1) for i in batch) == list(range(10))
    assert [len(batch) for batch in order(0, 1)] == [4, 4, 2]
    assert len(ShuffleSampler(10, 4)) == 3


def test_the_position_of_the_shuffle_sampler_is_restored() -> None:
    one, two = ShuffleSampler(10, 4), ShuffleSampler(10, 4)
    one.set_epoch(3)
    two.load_state_dict(one.state_dict())
    assert list(one) == list(two)


LABELS = torch.tensor([[0, 1, 1], [1, 0, 1], [0, 0, 1], [0, 1, 1], [1, 1, 1], [0, 0, 1]], dtype=torch.float32)
GROUPS = torch.tensor([0, 0, 1, 1, 2, 2])


def build(kind: str, groups: torch.Tensor | None = GROUPS, **settings: object) -> EpochSampler:
    return make_sampler(kind, LABELS, build_config({"batch_size": 4, "seed": 3, **settings}), groups)


def test_kinds_of_samplers() -> None:
    dual = build("dual", sampling_rate=0.25)
    assert isinstance(dual, DualSampler)
    assert (dual.positives_per_batch, dual.negatives_per_batch, dual.seed) == (1, 3, 3)
    tri = build("tri", sampled_tasks=5)  # two tasks have both classes
    assert isinstance(tri, TriSampler)
    assert (tri.tasks_per_batch, tri.batch_size_per_task, tri.seed) == (2, 2, 3)
    group = build("group", items_per_group=2)
    assert isinstance(group, GroupSampler)
    assert (group.groups_per_batch, group.items_per_group, group.seed) == (2, 2, 3)
    few = build("group", items_per_group=1, batch_size=6)
    assert isinstance(few, GroupSampler)
    assert (few.groups_per_batch, few.items_per_group) == (3, 2), "three groups fill a batch of six"
    shuffle = build("shuffle")
    assert isinstance(shuffle, ShuffleSampler)
    assert [len(batch) for batch in shuffle] == [4, 2]


@pytest.mark.parametrize("kind", ["dual", "tri", "group", "shuffle"])
def test_the_position_of_samplers_is_restored(kind: str) -> None:
    one, two = (build(kind, items_per_group=2, sampled_tasks=1) for _ in range(2))
    one.set_epoch(4)
    batches = iter(one)
    next(batches)
    state = one.state_dict()
    assert all(isinstance(value, int) for value in state.values())
    two.load_state_dict(state)
    assert list(two) == list(batches) != []
    assert list(two) == list(one), "the next epoch"
    other = build(kind, items_per_group=2, sampled_tasks=1, seed=4)
    with pytest.raises(ValueError, match="saved with seed = 3, but this .*Sampler has seed = 4"):
        other.load_state_dict(state)


def test_too_small_batches_are_refused() -> None:
    with pytest.raises(OptionError, match="batch_size = 1: expected 2 or more, so that both classes fit in it"):
        build("dual", batch_size=1)
    with pytest.raises(
        OptionError, match="batch_size = 3: expected 4 or more, so that both classes of each of the sampled"
    ):
        build("tri", batch_size=3, sampled_tasks=2)
    with pytest.raises(OptionError, match="items_per_group = 8: expected at most the batch size, batch_size = 4"):
        build("group")
    with pytest.raises(ValueError, match="groups"):
        build("group", None)


def test_batches_larger_than_the_data() -> None:
    for kind in ("dual", "tri", "group", "shuffle"):
        assert all(len(batch) < 50 for batch in build(kind, batch_size=10**9))
