import itertools

import pytest
import torch
from nn_compare import assert_same_with_gradients
from nn_molecules import random_molecule, real_batch

from xgraph.nn import BOND_FEATURE_SIZES, EdgeNetwork, edges_by_kind


def reference(network, h, edge_index, edge_attr):
    """A matrix of its own for each edge, a message after the other."""
    tables = torch.split(network.embedding.weight, network.embedding.sizes)
    rows = [torch.zeros_like(h[0]) for _ in h]
    for u, v, codes in zip(*edge_index.tolist(), edge_attr.tolist(), strict=True):
        hidden = sum(table[code] for table, code in zip(tables, codes, strict=True)).relu()
        matrix = (network.linear.weight @ hidden + network.linear.bias).view(h.size(1), h.size(1)).T
        rows[v] = rows[v] + matrix @ h[u]
    return torch.stack(rows)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("make_batch", [lambda: real_batch(5), lambda: random_molecule(6, 9)])
def test_matches_the_formula_and_its_gradient(compiled, make_batch, monkeypatch):
    torch.manual_seed(0)
    batch = make_batch()
    network = EdgeNetwork(BOND_FEATURE_SIZES, 6).double()
    h = torch.randn(batch.num_nodes, 6, dtype=torch.float64, requires_grad=True)
    with monkeypatch.context() as patch:
        patch.setattr(torch.compiler, "is_compiling", lambda: compiled)
        edges = edges_by_kind(batch.edge_index, batch.edge_attr, BOND_FEATURE_SIZES)
    assert (edges.lengths is None) == compiled
    ours, theirs = network(network(h, edges), edges), h
    for _ in range(2):
        theirs = reference(network, theirs, batch.edge_index, batch.edge_attr)
    assert_same_with_gradients(ours, theirs, [h, *network.parameters()])


def test_every_feature_combination_has_its_own_matrix():
    network = EdgeNetwork((2, 3), channels=4)
    all_kinds = network.matrices(torch.arange(6))
    assert len(all_kinds.flatten(1).unique(dim=0)) == 6
    x = torch.eye(4)
    for number, codes in enumerate(itertools.product(range(2), range(3))):
        for atom in range(4):  # a message from each of four atoms to a fifth
            edge_index = torch.tensor([[atom], [4]])
            edges = edges_by_kind(edge_index, torch.tensor([codes]), (2, 3))
            assert edges.kinds.tolist() == [number]
            out = network(torch.cat([x, x[:1]]), edges)
            torch.testing.assert_close(out[4], all_kinds[number][atom])


def test_only_occurring_combinations_are_listed():
    batch = real_batch(20)
    edges = edges_by_kind(batch.edge_index, batch.edge_attr, BOND_FEATURE_SIZES)
    _, expected = batch.edge_attr.unique(dim=0, return_counts=True)
    assert edges.lengths == expected.tolist()
    assert len(edges.kinds) == len(expected) < 15 < batch.num_edges


def test_initial_messages_are_not_longer_than_vectors():
    torch.manual_seed(0)
    for channels in (16, 64):
        network = EdgeNetwork(BOND_FEATURE_SIZES, channels)
        x = torch.randn(60, channels)
        out = torch.einsum("kc,kcd->kd", x, network.matrices(torch.arange(60)))
        assert 0.05 < (out.norm(dim=1) / x.norm(dim=1)).mean() < 0.5
