"""Properties shared by the three loaders; most are tested with each loader."""

import pytest
import torch
from torch_geometric.data import Data

from xgraph.sampling import BagLoader, ClusterLoader, DualSampler, NeighborLoader

NUM = 12
GRAPH = Data(x=torch.eye(NUM), edge_index=torch.stack([torch.arange(NUM), torch.arange(NUM).roll(1)]))


class Bags:
    bag_ptr = torch.arange(NUM + 1) * 5

    def batch(self, positions, rows=None):
        return Data(idx=positions, rows=rows[0])


def neighbors(**options):
    return NeighborLoader(GRAPH, [1], batch_size=5, shuffle=True, seed=3, **options)


def clusters(**options):
    return ClusterLoader(GRAPH, torch.arange(NUM) // 2, 2, shuffle=True, seed=3, **options)


def bags(**options):
    return BagLoader(Bags(), 2, batch_size=5, shuffle=True, seed=3, **options)


def content(batch):
    return {name: value.tolist() for name, value in batch.to_dict().items() if isinstance(value, torch.Tensor)}


LOADERS = pytest.mark.parametrize("make", [neighbors, clusters, bags])


@pytest.mark.parametrize(
    ("make", "identity"),
    [
        (neighbors, {"seed": 3, "num_input_nodes": 12, "num_batches": 3}),
        (clusters, {"parts": None, "num_items": 6, "batch_size": 2, "shuffle": 1, "seed": 3}),
        (
            bags,
            {"num_items": 12, "batch_size": 5, "shuffle": 1, "seed": 3}
            | {"num_bags": 12, "num_instances": 2, "draw_seed": 3},
        ),
    ],
)
def test_format_of_states_is_stable(make, identity):
    loader, restored = make(), make()
    batches = iter(loader)
    next(batches)
    state = loader.state_dict()
    assert state.keys() == {"epoch", "batch", *identity}
    assert all(state[key] == value for key, value in identity.items() if value is not None)
    assert (state["epoch"], state["batch"]) == (0, 1)
    restored.load_state_dict(state)
    assert [content(batch) for batch in restored] == [content(batch) for batch in batches]


@LOADERS
@pytest.mark.parametrize("prefetch", [0, 2])
def test_simultaneous_loops_have_their_own_epochs(make, prefetch):
    whole = make()
    epochs = [[content(batch) for batch in whole] for _ in range(2)]
    loader = make(prefetch=prefetch)
    one, other = iter(loader), iter(loader)
    pairs = [(content(next(one)), content(next(other))) for _ in range(len(loader))]
    assert [list(side) for side in zip(*pairs, strict=True)] == epochs
    assert loader.epoch == 1
    one, other = iter(loader), iter(loader)
    for batches in (one, other, one):
        next(batches)
    assert (loader.state_dict()["epoch"], loader.state_dict()["batch"]) == (3, 1)  # the position of the latest loop


@LOADERS
def test_set_epoch_restarts_a_restored_finished_epoch(make):
    loader, restored = make(), make()
    first, second = ([content(batch) for batch in loader] for _ in range(2))
    loader.set_epoch(0)
    list(loader)
    restored.load_state_dict(loader.state_dict())
    assert restored.epoch == 1
    restored.set_epoch(0)
    assert [content(batch) for batch in restored] == first
    restored.load_state_dict(loader.state_dict())
    assert [content(batch) for batch in restored] == second


@pytest.mark.parametrize("make", [NeighborLoader, BagLoader])
def test_batch_sampler_can_be_replaced(make):
    arguments = (GRAPH, [1]) if make is NeighborLoader else (Bags(), 2)
    samplers = [DualSampler(torch.arange(NUM) % 3 == 0, batch_size=4, seed=seed) for seed in (0, 1)]
    loader = make(*arguments, batch_sampler=samplers[0])
    list(loader)
    loader.batch_sampler = samplers[1]
    loader.set_epoch(2)
    name = "input_id" if make is NeighborLoader else "idx"
    assert [batch[name].tolist() for batch in loader] == [batch.tolist() for batch in samplers[1].batches(2)]
    assert loader.batch_sampler is samplers[1]
