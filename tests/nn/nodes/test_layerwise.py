import pytest
import torch
from torch_geometric.data import Data

from xgraph.nn import GAT, GCN, GraphSAGE, InEdges, layerwise

NODE_MODELS = {"sage": GraphSAGE, "gcn": GCN, "gat": GAT}
EACH = pytest.mark.parametrize("name", NODE_MODELS)


def graph(num_nodes=200, num_edges=1500, channels=6, seed=0):
    """Directed, with loops, parallel edges, a hub and nodes without edges."""
    g = torch.Generator().manual_seed(seed)
    edges = torch.randint(num_nodes - 10, (2, num_edges), generator=g)
    edges[1, :300] = 5
    return torch.randn(num_nodes, channels, generator=g), edges


def trained(name, channels=6, **options):
    torch.manual_seed(1)
    model = NODE_MODELS[name](4, channels, **{"hidden_channels": 8, "num_layers": 3, **options})
    x, edges = graph(channels=channels, seed=9)
    model.train()(Data(x=3 * x + 1, edge_index=edges))  # running statistics of its own
    return model


@EACH
@pytest.mark.parametrize(
    ("num_edges", "chunk_edges", "options"),
    [
        (300, 1, {}),
        (1500, 100, {"norm": "layer", "jk": "sum"}),
        (1500, 100, {"residual": True}),
        (1500, 10**9, {"norm": "none", "jk": "sum", "residual": True}),
    ],
)
def test_equals_the_whole_graph(name, num_edges, chunk_edges, options):
    x, edges = graph(200 if num_edges > 300 else 40, num_edges)
    model = trained(name, **options)
    result = layerwise(model, x, edges, chunk_edges=chunk_edges)
    with torch.no_grad():
        expected = model.eval()(Data(x=x, edge_index=edges))
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)


@EACH
@pytest.mark.parametrize("channels", [6, 40])
def test_sparse_and_wide_features(name, channels):
    x, edges = graph(channels=channels)
    x = x * (x > 1)
    model = trained(name, channels)
    dense = layerwise(model, x, edges, chunk_edges=64)
    torch.testing.assert_close(layerwise(model, x.to_sparse_csr(), edges, chunk_edges=64), dense, rtol=1e-5, atol=1e-5)


@EACH
def test_selected_nodes_keep_their_order(name):
    x, edges = graph(num_edges=200)
    model = trained(name)
    whole = layerwise(model, x, edges)
    nodes = torch.tensor([150, 3, 199, 3, 5])
    graph_ = InEdges.from_edge_index(edges, 200)
    torch.testing.assert_close(layerwise(model, x, graph_, nodes, chunk_edges=20), whole[nodes], rtol=1e-5, atol=1e-5)
    assert layerwise(model, x, graph_, nodes[:0]).shape == (0, 4)


def test_computes_only_the_receptive_field():
    x = torch.randn(100, 6)
    path = torch.stack([torch.arange(99), torch.arange(1, 100)])  # each node sees the one before
    counts = []
    layerwise(trained("sage"), x, path, torch.tensor([50]), progress=lambda done, total, what: counts.append(total))
    assert set(counts) == {1 + 2 + 3}


def test_chunks_respect_the_maximum_number_of_edges(monkeypatch):
    x, edges = graph()
    model = trained("sage")
    sizes = []
    layer = GraphSAGE.layer

    def record(self, number, x, block):
        sizes.append((block.edge_index.size(1), block.num_targets))
        return layer(self, number, x, block)

    monkeypatch.setattr(GraphSAGE, "layer", record)
    layerwise(model, x, edges, chunk_edges=64)
    assert all(num_edges + targets <= 64 or targets == 1 for num_edges, targets in sizes)
    assert max(sizes) > (300, 1) or max(sizes)[1] == 1, "the hub has a chunk of its own"
    assert len(sizes) < 3 * 2 * (1500 + 200) / 64


def test_neighbours_are_looked_up_in_chunks(monkeypatch):
    x, edges = graph(num_edges=400)
    model, nodes = trained("sage"), torch.arange(0, 200, 2)
    expected = layerwise(model, x, edges, nodes)
    sizes = []
    sources = InEdges.sources

    def record(graph, targets):
        result = sources(graph, targets)
        sizes.append((len(result[0]), len(targets)))
        return result

    monkeypatch.setattr(InEdges, "sources", record)
    torch.testing.assert_close(layerwise(model, x, edges, nodes, chunk_edges=20), expected, rtol=1e-5, atol=1e-5)
    assert all(num_edges <= 20 or targets == 1 for num_edges, targets in sizes)


@pytest.mark.parametrize(
    ("name", "sparse"), [("sage", False), ("gcn", False), ("gat", False), ("sage", True), ("gcn", True)]
)  # torch multiplies no sparse matrix of bfloat16, which GAT would need
@pytest.mark.parametrize("options", [{}, {"norm": "layer", "jk": "sum", "residual": True}], ids=["plain", "jk"])
def test_under_autocast(name, options, sparse):
    x, edges = graph()
    x = x.to_sparse_csr() if sparse else x
    model = trained(name, **options)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = layerwise(model, x, edges, chunk_edges=100)
        assert layerwise(model, x, edges, torch.arange(0)).shape == (0, 4)
        with torch.no_grad():
            expected = model.eval()(Data(x=x, edge_index=edges))
    assert result.dtype == expected.dtype
    torch.testing.assert_close(result, expected, rtol=0.05, atol=0.05)


def test_int32_edges():
    x, edges = graph()
    model = trained("sage")
    sorted_ = InEdges.from_edge_index(edges, 200)
    narrow = InEdges(sorted_.colptr, sorted_.row.int())
    assert torch.equal(layerwise(model, x, narrow), layerwise(model, x, sorted_))


@EACH
def test_restores_the_training_mode(name):
    x, edges = graph()
    for training in (True, False):
        model = trained(name).train(training)
        before = {key: value.clone() for key, value in model.state_dict().items()}
        layerwise(model, x, edges)
        assert model.training == model.norms[0].training == training
        assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_mistakes():
    x, edges = graph()
    model = trained("sage")
    with pytest.raises(ValueError, match=r"x must have shape \[N, 6\], got \[200, 3\]"):
        layerwise(model, x[:, :3], edges)
    with pytest.raises(ValueError, match=r"edge_index must have shape \[2, E\], got \[1500, 2\]"):
        layerwise(model, x, edges.t())
    with pytest.raises(IndexError, match="edge_index holds 189, but the graph has 100 nodes"):
        layerwise(model, x[:100], edges)
    with pytest.raises(ValueError, match="x has 100 rows, but the graph has 200 nodes"):
        layerwise(model, x[:100], InEdges.from_edge_index(edges, 200))
    with pytest.raises(IndexError, match=r"nodes must be between 0 and 199, got 200"):
        layerwise(model, x, edges, torch.tensor([3, 200]))
    with pytest.raises(ValueError, match="chunk_edges must be at least 1, got 0"):
        layerwise(model, x, edges, chunk_edges=0)


class Elsewhere(torch.Tensor):
    """Stands for a tensor on another device: it can be asked for its shape, and brought here."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        assert func.__name__ in {"cpu", "size", "dim", "numel", "__len__", "__get__"}, func
        with torch._C.DisableTorchFunctionSubclass():
            out = func(*args, **(kwargs or {}))
            return out.as_subclass(torch.Tensor) if func.__name__ == "cpu" else out


def test_edges_on_another_device():
    x, edges = graph()
    graph_here = InEdges.from_edge_index(edges, len(x))
    model = trained("sage")
    expected = layerwise(model, x, edges)
    far = InEdges(*(part.as_subclass(Elsewhere) for part in graph_here))
    for given in (edges.as_subclass(Elsewhere), far):
        result = InEdges.of(given, len(x))
        assert all(type(a) is torch.Tensor and torch.equal(a, b) for a, b in zip(result, graph_here, strict=True))
        assert torch.equal(layerwise(model, x, given), expected)
