import torch

from xgraph.nn.convolutions.block import Block, in_degree


def test_in_degree_counts_edges():
    assert in_degree(torch.tensor([2, 0, 2, 2]), 4).tolist() == [1, 0, 3, 0]
    assert in_degree(torch.tensor([], dtype=torch.long), 2).tolist() == [0, 0]
    assert in_degree(torch.tensor([1], dtype=torch.int32), 2).dtype == torch.int64


def test_to_moves_all_tensors_of_a_block():
    block = Block(torch.zeros(2, 3), 4, torch.ones(5), torch.arange(5))
    moved = block.to("meta")
    assert [part.device.type for part in (moved.edge_index, moved.degree, moved.n_id)] == ["meta"] * 3
    assert moved.num_targets == 4
