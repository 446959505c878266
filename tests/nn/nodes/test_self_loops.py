"""A graph with self-loops: as in PyG, a node has one in total, and its weight is that of the graph's."""

import warnings

import pytest
import torch
from nn_graphs import graph
from torch_geometric.data import Data, HeteroData
from torch_geometric.nn import GATConv, GCNConv
from torch_geometric.nn.conv.gcn_conv import gcn_norm

from xgraph.nn import GCN, GCNFM, GraphFMOB, input_aggregate, layerwise, with_feature_momentum
from xgraph.sampling import ClusterLoader, NeighborLoader, in_degree, self_loops

CONVS = {
    "gcn": lambda: GCNConv(6, 4),
    "gcn-improved": lambda: GCNConv(6, 4, improved=True),
    "gat": lambda: GATConv(6, 2, heads=2),
}
EACH = pytest.mark.parametrize("name", CONVS)


def looped(num_edges=160):
    """A random graph with self-loops of some nodes, of one node twice, and of a node that has no other edge."""
    data = graph(num_edges=num_edges)
    loops = torch.tensor([0, 3, 3, 7, 12, 28])
    data.edge_index = torch.cat([data.edge_index, torch.stack([loops, loops])], 1)
    data.x = data.x.double()
    return data


def build(name, gamma=1.0):
    torch.manual_seed(0)
    conv = CONVS[name]().double()
    return with_feature_momentum(conv, 30, gamma=gamma, dtype=torch.double)


def weights(conv, data):
    """PyG ignores `improved` where edges have no weights."""
    return torch.ones(data.num_edges, dtype=torch.double) if getattr(conv, "improved", False) else None


@EACH
@pytest.mark.parametrize("gamma", [1.0, 0.5])  # a first touch is stored unchanged
def test_all_neighbours_match_pyg(name, gamma):
    data, conv = looped(), build(name, gamma)
    expected = conv.conv(data.x, data.edge_index, weights(conv.conv, data))
    degree, n_id = in_degree(data), torch.arange(30)
    given = conv(data.x, data.edge_index, n_id=n_id, degree=degree, self_loops=self_loops(data))
    for out in (given, conv.eval()(data.x, data.edge_index), conv(data.x, data.edge_index, degree=degree)):
        torch.testing.assert_close(out, expected)


def test_a_batch_with_all_edges_needs_no_number_of_self_loops():
    data, conv = looped(), build("gcn")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = conv(data.x, data.edge_index, n_id=torch.arange(30), degree=in_degree(data))
    torch.testing.assert_close(out, conv.conv(data.x, data.edge_index))


@pytest.mark.parametrize("improved", [False, True])
@pytest.mark.parametrize("gamma", [1.0, 0.5])
def test_edge_weights_match_pyg(improved, gamma):
    """The weight of a self-loop too; of parallel self-loops, PyG keeps one."""
    data = looped()
    weight = torch.rand(data.num_edges, dtype=torch.double) + 0.1
    conv = with_feature_momentum(GCNConv(6, 4, improved=improved).double(), 30, gamma=gamma, dtype=torch.double)
    out = conv(data.x, data.edge_index, weight, n_id=torch.arange(30), degree=in_degree(data))
    expected = conv.conv(data.x, data.edge_index, weight)
    torch.testing.assert_close(out, expected)

    edges, normalized = gcn_norm(data.edge_index, weight, 30, improved=improved)
    raw = GCNConv(6, 4, normalize=False).double()
    raw.load_state_dict(conv.conv.state_dict())
    raw = with_feature_momentum(raw, 30, gamma=gamma, dtype=torch.double)
    degree = in_degree((edges, 30))
    torch.testing.assert_close(raw(data.x, edges, normalized, n_id=torch.arange(30), degree=degree), expected)


@EACH
def test_sampled_batches_with_all_neighbours_match_pyg(name):
    data, conv = looped(), build(name)
    expected = conv.conv(data.x, data.edge_index, weights(conv.conv, data))
    for batch in NeighborLoader(data, [-1], batch_size=7):
        where = {"n_id": batch.n_id, "degree": batch.degree, "self_loops": batch.self_loops}
        out = conv(batch.x, batch.edge_index, num_targets=batch.batch_size, **where)
        torch.testing.assert_close(out, expected[batch.n_id[: batch.batch_size]])


def test_few_neighbours_are_unbiased():
    data, conv = looped(), build("gcn")
    expected = conv.conv(data.x, data.edge_index)
    loader, outs = NeighborLoader(data, [2], batch_size=30), []
    for _ in range(400):
        (batch,) = loader
        where = {"n_id": batch.n_id, "degree": batch.degree, "self_loops": batch.self_loops}
        outs.append(conv(batch.x, batch.edge_index, **where).detach())
    result = torch.stack(outs)
    error = result.std(0) / len(outs) ** 0.5
    assert ((result.mean(0) - expected).abs() < 5 * error + 1e-9).all()


def test_numbers_of_self_loops_that_are_not_known_are_warned_of():
    data, conv = looped(), build("gcn")
    (batch,) = NeighborLoader(data, [-1], torch.arange(4), batch_size=4)
    with pytest.warns(UserWarning, match=r"self_loops=batch.self_loops"):
        conv(batch.x, batch.edge_index, n_id=batch.n_id, degree=batch.degree, num_targets=4)


def test_models_match_pyg_in_every_way_of_scoring():
    """Two layers of GCN, from the whole graph, sampled with all neighbours, layer by layer, and from clusters."""
    data = looped()
    torch.manual_seed(0)
    options = {"hidden_channels": 8, "num_layers": 2, "norm": "none", "dropout": 0.0}
    plain, momentum = GCN(3, 6, **options).double(), GCNFM(3, 6, num_nodes=30, gamma=1.0, **options).double()
    momentum.load_state_dict(plain.state_dict(), strict=False)
    h = data.x
    for conv in plain.convs:
        h = conv(h, data.edge_index).relu()
    expected = plain.head(h)

    torch.testing.assert_close(plain(data), expected)
    torch.testing.assert_close(layerwise(plain, data.x, data.edge_index, chunk_edges=20), expected)
    (batch,) = NeighborLoader(data, [-1, -1], batch_size=30)
    torch.testing.assert_close(plain(batch), expected)
    data.x_aggr = input_aggregate(momentum, data.x, data.edge_index)
    (batch,) = NeighborLoader(data, [-1], batch_size=30)
    torch.testing.assert_close(momentum.train()(batch), expected)
    inner = GraphFMOB(plain, 30, gamma=0.5)
    (batch,) = ClusterLoader(data, torch.arange(30) % 3, batch_size=3)
    torch.testing.assert_close(inner(batch), expected[batch.n_id])


def test_a_graph_without_self_loops_has_no_such_attribute():
    data = Data(x=torch.eye(3), edge_index=torch.tensor([[0, 1], [1, 2]]))
    (batch,) = NeighborLoader(data, [-1], batch_size=3)
    assert "self_loops" not in batch
    hetero = HeteroData()
    hetero["a"].x = hetero["b"].x = torch.eye(2)
    hetero["a", "to", "b"].edge_index = torch.zeros(2, 1, dtype=torch.long)
    with pytest.raises(ValueError, match="one type of nodes"):
        self_loops(hetero)
