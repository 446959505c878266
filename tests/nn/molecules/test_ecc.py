import pytest
import torch
from nn_molecules import real_batch
from torch_geometric.nn import NNConv

from xgraph.nn import BOND_FEATURE_SIZES, ECC, ECCConv, edges_by_kind
from xgraph.nn.molecules.readout import readout


def formula(conv, h, edge_index, edge_attr):
    """Each edge's matrix and message after the other."""
    network = conv.network
    tables = torch.split(network.embedding.weight, network.embedding.sizes)
    rows = [conv.root.weight @ row for row in h]
    for u, v, codes in zip(*edge_index.tolist(), edge_attr.tolist(), strict=True):
        hidden = sum(table[code] for table, code in zip(tables, codes, strict=True)).relu()
        matrix = (network.linear.weight @ hidden + network.linear.bias).view(h.size(1), h.size(1))
        rows[v] = rows[v] + h[u] @ matrix
    return torch.stack(rows)


def sorted_edges(batch):
    return edges_by_kind(batch.edge_index, batch.edge_attr, BOND_FEATURE_SIZES)


def test_convolution_matches_the_formula():
    torch.manual_seed(0)
    batch = real_batch(5)
    conv = ECCConv(6, BOND_FEATURE_SIZES).double()
    h = torch.randn(batch.num_nodes, 6, dtype=torch.float64)
    out = conv(h, batch.edge_index, sorted_edges(batch))
    torch.testing.assert_close(out, formula(conv, h, batch.edge_index, batch.edge_attr), rtol=1e-12, atol=1e-12)


def test_convolution_matches_pyg():
    torch.manual_seed(0)
    batch = real_batch(5)
    conv = ECCConv(6, BOND_FEATURE_SIZES)
    matrices = conv.network.matrices
    edges = sorted_edges(batch)
    kind = edges.kinds.repeat_interleave(torch.tensor(edges.lengths))
    theirs = NNConv(6, 6, lambda kind: matrices(kind.view(-1)), aggr="add", bias=False)
    theirs.lin.weight = conv.root.weight
    h = torch.randn(batch.num_nodes, 6)
    expected = theirs(h, torch.stack([edges.source, edges.target]), kind)
    torch.testing.assert_close(conv(h, batch.edge_index, edges), expected)


@pytest.mark.parametrize("layers", [1, 3])
def test_layers_are_applied_in_order(layers):
    torch.manual_seed(0)
    batch = real_batch(10)
    model = ECC(3, hidden_channels=8, num_layers=layers, pool="mean").double()
    for _ in range(3):
        model(batch)
    model.eval()
    h = model.rows(batch)[0] @ model.atom.weight
    for i, (conv, norm) in enumerate(zip(model.convs, model.norms, strict=True)):
        h = norm(formula(conv, h, batch.edge_index, batch.edge_attr))
        h = h.relu() if i < layers - 1 else h
    expected = readout(h, batch.batch, 10, "mean")
    torch.testing.assert_close(model.embed(batch), expected)
    torch.testing.assert_close(model(batch), model.head(expected))


def test_edges_are_sorted_once_per_batch(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "xgraph.nn.molecules.ecc.edges_by_kind", lambda *given: asked.append(1) or edges_by_kind(*given)
    )
    ECC(hidden_channels=8, num_layers=4)(real_batch(5))
    assert asked == [1]
