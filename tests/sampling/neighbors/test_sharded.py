"""Loaders of one process's part of each batch."""

import pytest
import torch
from torch_geometric.data import Data

from xgraph.data import load
from xgraph.sampling import BagLoader, ClusterLoader, NeighborLoader

NODES = 23


def graph():
    generator = torch.Generator().manual_seed(0)
    edge_index = torch.randint(NODES, (2, 80), generator=generator)
    return Data(x=torch.randn(NODES, 3, generator=generator), edge_index=edge_index, y=torch.arange(NODES) % 2)


def nodes():
    return NeighborLoader(graph(), [3, 2], torch.arange(1, NODES), batch_size=7, shuffle=True, seed=1)


def clusters():
    return ClusterLoader(graph(), torch.arange(NODES) // 4, batch_size=4, shuffle=True)  # 6 parts


def bags():
    return BagLoader(load("digits-bags"), 3, torch.arange(30), batch_size=8, shuffle=True, seed=1)


def items(batch):
    if "idx" in batch:
        return batch.idx.tolist()
    return batch.n_id[: batch.batch_size].tolist()


@pytest.mark.parametrize("make", [nodes, clusters, bags])
@pytest.mark.parametrize("replicas", [2, 3, 5])
def test_parts_are_the_batches_without_overlap_or_loss(make, replicas):
    loader = make()
    shards = [make().sharded(replicas, rank) for rank in range(replicas)]
    for epoch in range(2):
        whole = [items(batch) for batch in loader]
        parts = [list(shard) for shard in shards]
        assert [[i for part in step for i in items(part)] for step in zip(*parts, strict=True)] == whole, epoch
        assert {len(shard) for shard in shards} == {len(loader)}


def test_a_part_without_items_is_an_empty_batch():
    for make in (nodes, clusters, bags):
        batches = list(make().sharded(9, 8))
        last = batches[-1]
        assert items(last) == []
        assert last.x.shape[0] == 0
        assert last.y.shape[0] == 0


def test_position_of_a_shard_can_be_restored_by_another_number_of_processes():
    first, second = nodes().sharded(2, 0), nodes().sharded(3, 2)
    iterator = iter(first)
    for _ in range(2):
        next(iterator)
    second.load_state_dict(first.state_dict())
    expected = list(nodes().sharded(3, 2))[2:]
    assert [items(batch) for batch in second] == [items(batch) for batch in expected]
