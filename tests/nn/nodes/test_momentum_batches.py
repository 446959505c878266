"""Layers with feature momentum in models that users write, on batches of xgraph's and of PyG's loaders."""

import pytest
import torch
import torch_geometric.nn as pyg
from sampled_blocks import loop_free
from torch import nn
from torch_geometric.data import Data
from torch_geometric.loader import NodeLoader
from torch_geometric.utils import trim_to_layer

from xgraph.nn import SAGEConv, with_feature_momentum
from xgraph.sampling import NeighborLoader, NeighborSampler, in_degree

NODES = 60
LAYERS = {
    "sage": lambda channels, gamma: SAGEConv(channels, 8, num_nodes=NODES, gamma=gamma),
    "sage-self": lambda channels, gamma: SAGEConv(channels, 8, num_nodes=NODES, gamma=gamma, mean_with_self=True),
    "gcn": lambda channels, gamma: with_feature_momentum(pyg.GCNConv(channels, 8), NODES, gamma=gamma),
    "gin": lambda channels, gamma: with_feature_momentum(pyg.GINConv(nn.Linear(channels, 8)), NODES, gamma=gamma),
    "graph": lambda channels, gamma: with_feature_momentum(pyg.GraphConv(channels, 8), NODES, gamma=gamma),
    "gat": lambda channels, gamma: with_feature_momentum(pyg.GATConv(channels, 4, heads=2), NODES, gamma=gamma),
}


class Model(nn.Module):
    """As a user writes it, with or without trimming."""

    def __init__(self, name, gamma, trim):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = LAYERS[name](5, gamma), LAYERS[name](8, gamma)
        self.trim = trim

    def forward(self, batch):
        h, edge_index = batch.x, batch.edge_index
        for number, conv in enumerate((self.first, self.second)):
            if self.trim:
                nodes, edges = batch.num_sampled_nodes, batch.num_sampled_edges
                h, edge_index, _ = trim_to_layer(number, nodes, edges, h, edge_index)
            count = len(h)
            h = conv(h, edge_index, n_id=batch.n_id[:count], degree=batch.degree[:count])
            h = h.relu() if number == 0 else h
        return h[: batch.batch_size]


def data():
    g = torch.Generator().manual_seed(1)
    graph = Data(x=torch.randn(NODES, 5, generator=g), edge_index=loop_free(NODES, 400))
    graph.degree = in_degree(graph)
    return graph


def batches(loader, fan_out, size=10):
    options = {"batch_size": size, "shuffle": False}
    if loader == "xgraph":
        return NeighborLoader(data(), [fan_out] * 2, **options)
    return NodeLoader(data(), NeighborSampler(data(), [fan_out] * 2), **options)


def seen(conv):
    return set(conv.momentum.table.seen.nonzero().view(-1).tolist())


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(("loader", "trim"), [("xgraph", True), ("pyg", False)])
def test_training(name, loader, trim):
    model = Model(name, 0.5, trim)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(2):
        for batch in batches(loader, 2):
            loss = model(batch).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert loss.isfinite()
    rows = set(range(NODES)) if not name.startswith("gat") else set(range(NODES - 3))  # the last have no edges
    assert seen(model.first) == seen(model.second) == rows


@pytest.mark.parametrize("loader", ["xgraph", "pyg"])
@pytest.mark.parametrize("trim", [False, True])
def test_only_computed_nodes_are_written(loader, trim):
    """The first layer's: seeds and first hop; the second's: seeds, and untrimmed whatever has edges in the batch."""
    model = Model("sage", 0.5, trim)
    batch = next(iter(batches(loader, 2)))
    model(batch)
    inner = sum(batch.num_sampled_nodes[:2])
    alone = set(batch.n_id[batch.degree == 0].tolist())
    with_edges = set(batch.n_id[:inner].tolist()) | alone
    assert len(with_edges) < len(batch.n_id)
    assert seen(model.first) == with_edges
    assert seen(model.second) == (set(batch.n_id[: batch.batch_size].tolist()) if trim else with_edges)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("trim", [False, True])
def test_all_neighbours_and_gamma_1_match_the_whole_graph(name, trim):
    model = Model(name, 1.0, trim)
    graph = data()
    graph.n_id, graph.batch_size = torch.arange(NODES), NODES
    graph.num_sampled_nodes, graph.num_sampled_edges = [NODES, 0, 0], [graph.num_edges, 0]
    model.trim = False
    expected = model(graph)
    model.trim = trim
    result = torch.cat([model(batch) for batch in batches("xgraph", -1)])
    torch.testing.assert_close(result, expected)


def test_disjoint_batches():
    """The same node in several trees is one row, with the mean of its aggregates."""
    model = Model("sage", 0.5, trim=True)
    batch = next(iter(NeighborLoader(data(), [3, 3], batch_size=10, shuffle=False, disjoint=True)))
    assert len(batch.n_id.unique()) < len(batch.n_id)
    x, target = batch.x, batch.edge_index[1]
    model(batch)
    inner = sum(batch.num_sampled_nodes[:2])
    means = torch.stack([x[batch.edge_index[0][target == v]].mean(0) for v in range(inner)])
    for node in batch.n_id[:inner].unique().tolist():
        rows = means[batch.n_id[:inner] == node]
        if batch.degree[batch.n_id == node][0] > 0:
            torch.testing.assert_close(model.first.momentum.table.value[node], rows.mean(0))


def test_grown_graph_is_an_error():
    model = Model("sage", 0.5, trim=True)
    graph = data()
    graph.x = torch.cat([graph.x, torch.randn(2, 5)])
    graph.edge_index = torch.cat([graph.edge_index, torch.tensor([[0], [NODES + 1]])], 1)
    graph.degree = in_degree(graph)
    loader = NeighborLoader(graph, [2, 2], batch_size=1, input_nodes=torch.tensor([NODES + 1]))
    with pytest.raises(IndexError, match=rf"num_nodes={NODES}, got {NODES + 1}.*create a new layer"):
        model(next(iter(loader)))


def test_pyg_batches_without_degrees_are_an_error():
    model = Model("gcn", 0.5, trim=False)
    graph = data()
    del graph.degree
    batch = next(iter(NodeLoader(graph, NeighborSampler(graph, [2, 2]), batch_size=10)))
    with pytest.raises(ValueError, match=r"needs degree in training.*xgraph.sampling.in_degree\(data\)"):
        model.first(batch.x, batch.edge_index, n_id=batch.n_id)
