"""Models of users and items against dense algebra."""

import copy
import pickle

import pytest
import torch

from xgraph.data import PairDataset, RelevanceLists
from xgraph.nn import LightGCN, MatrixFactorization

TRAIN = RelevanceLists([0, 0, 1, 2, 2, 2], [0, 3, 1, 1, 2, 3], num_items=5)
EDGES = PairDataset({"train": TRAIN}).edge_index


def test_lightgcn_equals_powers_of_the_normalised_adjacency_matrix():
    torch.manual_seed(0)
    model = LightGCN(3, 5, EDGES, channels=4, num_layers=2).double()
    dense = torch.zeros(8, 8).double()
    dense[EDGES[0], EDGES[1]] = 1
    degree = dense.sum(1).clamp_min(1).rsqrt()
    dense = degree[:, None] * dense * degree
    weight = model.weight
    expected = (weight + dense @ weight + dense @ dense @ weight) / 3
    torch.testing.assert_close(model.vectors(), expected, atol=1e-6, rtol=1e-6)
    user, item = torch.tensor([0, 2, 1]), torch.tensor([4, 0, 1])
    scores = (expected[user] * expected[3 + item]).sum(1)
    torch.testing.assert_close(model(user, item), scores, atol=1e-6, rtol=1e-6)
    slopes = [torch.autograd.grad(s.square().sum(), weight)[0] for s in (model(user, item), scores)]
    torch.testing.assert_close(*slopes, atol=1e-6, rtol=1e-5)
    assert model.scorer()(torch.arange(3)).shape == (3, 5)


@pytest.mark.parametrize("temperature", [None, 0.2])
def test_scores_are_products_or_cosines_over_a_temperature(temperature):
    model = MatrixFactorization(3, 5, channels=4, temperature=temperature)
    users, items = model.weight.split([3, 5])
    expected = users @ items.t()
    if temperature:
        expected = expected / users.norm(dim=1)[:, None] / items.norm(dim=1) / temperature
    torch.testing.assert_close(model.scorer()(torch.tensor([2, 0])), expected[[2, 0]].detach())
    torch.testing.assert_close(model(torch.tensor([2]), torch.tensor([4])), expected[2, 4:])


def test_without_layers_lightgcn_is_matrix_factorisation():
    model, plain = LightGCN(3, 5, EDGES, channels=4, num_layers=0), MatrixFactorization(3, 5, channels=4)
    plain.load_state_dict(model.state_dict())
    torch.testing.assert_close(model.scorer()(torch.arange(3)), plain.scorer()(torch.arange(3)))


def test_models_can_be_copied_and_saved():
    model = LightGCN(3, 5, EDGES, channels=4)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other.scorer()(torch.arange(3)), model.scorer()(torch.arange(3)))
    assert list(model.state_dict()) == ["weight"]


def test_edges_must_join_users_and_items():
    for edges in (EDGES + 5, EDGES - 1, torch.tensor([[0, 1], [1, 0]]), EDGES.t()):
        with pytest.raises(ValueError, match=r"edge_index must join users 0..2 and items 3..7"):
            LightGCN(3, 5, edges)
    with pytest.raises(ValueError, match="both directions of each edge"):
        LightGCN(3, 5, EDGES[:, 1:])
    with pytest.raises(ValueError, match="temperature must lie in"):
        MatrixFactorization(3, 5, temperature=0.0)
