import pytest
import torch
from torch import nn
from torch_geometric import EdgeIndex

from xgraph.nn.convolutions.inputs import block_of


def block(x, edge_index, n_id=None, degree=None, num_targets=None):
    return block_of(nn.Identity(), x, edge_index, n_id, degree, num_targets, needed=())


EDGES = torch.tensor([[1, 2, 2], [0, 0, 1]])


def test_defaults_come_from_the_batch():
    result = block(torch.ones(4, 2), EDGES)
    assert result.num_targets == 4
    assert result.degree.tolist() == [2, 1, 0, 0]
    assert result.n_id.tolist() == [0, 1, 2, 3]


def test_targets():
    assert block(torch.ones(4, 2), EDGES, num_targets=2).num_targets == 2
    assert block((torch.ones(4, 2), torch.ones(3, 5)), EDGES).num_targets == 3
    assert block(torch.ones(4, 2), EDGES[:, :0], num_targets=0).num_targets == 0


@pytest.mark.parametrize("edges", [EDGES.int(), EdgeIndex(EDGES, sparse_size=(4, 4))])
def test_edges_become_a_plain_tensor_of_int64(edges):
    result = block(torch.ones(4, 2), edges).edge_index
    assert type(result) is torch.Tensor
    assert result.dtype == torch.int64
    assert torch.equal(result, EDGES)


@pytest.mark.parametrize("name", ["n_id", "degree"])
def test_missing_arguments_are_an_error(name):
    given = {"n_id": torch.arange(4), "degree": torch.ones(4), name: None}
    with pytest.raises(ValueError, match=f"Identity with feature momentum needs {name} in training"):
        block_of(nn.Identity(), torch.ones(4, 2), EDGES, **given, num_targets=None, needed=("n_id", "degree"))
