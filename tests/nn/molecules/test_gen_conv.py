import pytest
import torch
from nn_compare import assert_same_with_gradients
from nn_molecules import random_molecule, real_batch
from torch_geometric.nn import GENConv as PyGGENConv

from xgraph.nn import BOND_FEATURE_SIZES, GENConv, MultiHot
from xgraph.nn.molecules.gen_conv import softmax_sum


def reference(conv, x, edge_index, edge_attr):
    """The formula, atom by atom."""
    tables = torch.split(conv.edge.weight, conv.edge.sizes)
    rows = []
    for atom in range(len(x)):
        messages = []
        for u, v, codes in zip(*edge_index.tolist(), edge_attr.tolist(), strict=True):
            if v == atom:
                bond = sum(table[code] for table, code in zip(tables, codes, strict=True))
                messages.append((x[u] + bond).relu())
        total = x[atom]
        if messages:
            stacked = torch.stack(messages)
            total = total + ((conv.temperature * stacked).softmax(0) * stacked).sum(0)
        rows.append(total @ conv.linear.weight.T + conv.linear.bias)
    return torch.stack(rows)


@pytest.mark.parametrize("temperature", [1.0, 0.0, 3.0, -2.0])
@pytest.mark.parametrize("make_batch", [lambda: real_batch(3), lambda: random_molecule(6, 3)])
def test_matches_the_formula_and_its_gradient(temperature, make_batch):
    torch.manual_seed(0)
    batch = make_batch()
    conv = GENConv(6, BOND_FEATURE_SIZES).double()
    torch.nn.init.constant_(conv.temperature, temperature)
    x = torch.randn(batch.num_nodes, 6, dtype=torch.float64, requires_grad=True)
    ours = conv(x, batch.edge_index, MultiHot(BOND_FEATURE_SIZES)(batch.edge_attr, torch.float64))
    theirs = reference(conv, x, batch.edge_index, batch.edge_attr)
    assert_same_with_gradients(ours, theirs, [x, *conv.parameters()])


def test_matches_pyg_up_to_its_epsilon():
    torch.manual_seed(0)
    batch = real_batch(10)
    conv = GENConv(16, BOND_FEATURE_SIZES).double()
    pyg = PyGGENConv(16, 16, aggr="softmax", learn_t=True, num_layers=1, bias=True).double()
    with torch.no_grad():
        pyg.mlp[0].weight.copy_(conv.linear.weight)
        pyg.mlp[0].bias.copy_(conv.linear.bias)
    x = torch.randn(batch.num_nodes, 16, dtype=torch.float64)
    rows = MultiHot(BOND_FEATURE_SIZES)(batch.edge_attr, torch.float64)
    ours, theirs = conv(x, batch.edge_index, rows), pyg(x, batch.edge_index, conv.edge(rows))
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)


def test_extreme_scores_are_finite():
    score = torch.tensor([[1e4], [-1e4], [1e4 - 1], [-3e38], [5.0]], requires_grad=True)
    value = torch.tensor([[2.0], [3.0], [4.0], [6.0], [7.0]])
    out = softmax_sum(value, score, torch.tensor([0, 0, 0, 1, 3]), 4)
    part = 1 / (1 + torch.e)
    torch.testing.assert_close(out[:, 0], torch.tensor([2 * (1 - part) + 4 * part, 6.0, 0.0, 7.0]))
    out.sum().backward()
    assert score.grad.isfinite().all()
    assert softmax_sum(value[:0], score[:0], torch.zeros(0, dtype=torch.long), 2).tolist() == [[0.0], [0.0]]
