import pytest
import torch
from nn_compare import assert_same_with_gradients
from nn_molecules import random_molecule, real_batch

from xgraph.nn import BOND_FEATURE_SIZES, MoleculeGCNConv, MultiHot
from xgraph.nn.molecules.molecule_gcn_conv import degree_weights


def reference(conv, x, edge_index, edge_attr):
    """The formula, atom by atom."""
    tables = torch.split(conv.edge.weight, conv.edge.sizes)
    h = x @ conv.linear.weight.T + conv.linear.bias
    edges = list(zip(*edge_index.tolist(), edge_attr.tolist(), strict=True))
    degree = [1 + sum(v == atom for _, v, _ in edges) for atom in range(len(x))]
    rows = []
    for atom in range(len(x)):
        total = (h[atom] + conv.root).relu() / degree[atom]
        for u, v, codes in edges:
            if v == atom:
                bond = sum(table[code] for table, code in zip(tables, codes, strict=True))
                total = total + (h[u] + bond).relu() / (degree[u] * degree[v]) ** 0.5
        rows.append(total)
    return torch.stack(rows)


@pytest.mark.parametrize("make_batch", [lambda: real_batch(4), lambda: random_molecule(6, 3)])
def test_matches_the_formula_and_its_gradient(make_batch):
    torch.manual_seed(0)
    batch = make_batch()
    conv = MoleculeGCNConv(6, BOND_FEATURE_SIZES).double()
    x = torch.randn(batch.num_nodes, 6, dtype=torch.float64, requires_grad=True)
    rows = MultiHot(BOND_FEATURE_SIZES)(batch.edge_attr, torch.float64)
    weights = degree_weights(batch.edge_index, batch.num_nodes, torch.float64)
    ours = conv(x, batch.edge_index, rows, *weights)
    theirs = reference(conv, x, batch.edge_index, batch.edge_attr)
    assert_same_with_gradients(ours, theirs, [x, *conv.parameters()])


def test_degrees_are_counted_in_float32():
    star = torch.stack([torch.arange(1, 301), torch.zeros(300, dtype=torch.long)])
    star = torch.cat([star, star.flip(0)], dim=1)
    edge, own = degree_weights(star, 301, torch.bfloat16)
    assert edge.dtype == own.dtype == torch.bfloat16
    torch.testing.assert_close(own[0].double(), torch.tensor([1 / 301], dtype=torch.float64), rtol=4e-3, atol=0)
    torch.testing.assert_close(edge[0].double(), torch.tensor([602**-0.5], dtype=torch.float64), rtol=4e-3, atol=0)
