import pytest
import torch
from nn_graphs import block_of, graph
from torch_geometric.nn import GATConv, GCNConv, GraphConv
from torch_geometric.nn import SAGEConv as PyGSAGEConv

from xgraph.nn import GCNFM, GraphSAGEFM, InEdges, SAGEConv, input_aggregate
from xgraph.nn.convolutions import convolution_of

N = 30
CONVS = {
    "mean": lambda: PyGSAGEConv(6, 8),
    "sum": lambda: SAGEConv(6, 8, aggr="sum"),
    "with itself": lambda: SAGEConv(6, 8, mean_with_self=True),
    "by degrees": lambda: GCNConv(6, 8),
    "improved": lambda: GCNConv(6, 8, improved=True),
    "graph": lambda: GraphConv(6, 8),
}
EACH = pytest.mark.parametrize("name", CONVS)


def matrix(name, edges):
    """The linear map by its formula, dense in float64; parallel edges count as often as they are there."""
    a = torch.zeros(N, N, dtype=torch.float64)
    a.index_put_((edges[1], edges[0]), torch.ones(edges.size(1), dtype=torch.float64), accumulate=True)
    degree = a.sum(1)
    if name == "mean":
        return a / degree.clamp(min=1)[:, None]
    if name == "with itself":
        return (a + torch.eye(N)) / (degree + 1)[:, None]
    if name in ("by degrees", "improved"):
        root = (degree + (2 if name == "improved" else 1)).rsqrt()
        return root[:, None] * a * root
    return a


@EACH
@pytest.mark.parametrize(("chunk_edges", "sparse"), [(1, True), (7, False), (10**9, True)])
def test_matches_the_formula(name, chunk_edges, sparse):
    data = graph()
    x = data.x * (data.x > 0)
    result = input_aggregate(
        CONVS[name](), x.to_sparse_csr() if sparse else x, data.edge_index, chunk_edges=chunk_edges
    )
    assert result.layout == (torch.sparse_csr if sparse else torch.strided)
    assert result.dtype == torch.float32
    assert not result.requires_grad
    expected = matrix(name, data.edge_index) @ x.double()
    torch.testing.assert_close(result.to_dense().double(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", sorted({*CONVS} - {"improved"}))  # which PyG's ignores without weights of edges
def test_replaces_the_edges_in_the_convolution(name):
    data, conv = graph(), CONVS[name]()
    kind, block = convolution_of(conv), block_of(graph())
    update = kind.update(conv, input_aggregate(conv, data.x, data.edge_index), data.x, block)
    expected = conv(data.x, data.edge_index)
    if isinstance(conv, GCNConv):  # which takes loops of the graph for its own
        assert (data.edge_index[0] != data.edge_index[1]).all()
    torch.testing.assert_close(update, expected, rtol=1e-5, atol=1e-5)


def test_uses_the_first_convolution_of_a_model():
    data = graph()
    for cls, name in ((GraphSAGEFM, "mean"), (GCNFM, "by degrees")):
        result = input_aggregate(cls(2, 6, N, num_layers=3), data.x, data.edge_index)
        torch.testing.assert_close(result, (matrix(name, data.edge_index) @ data.x.double()).float())
    sorted_ = InEdges.from_edge_index(data.edge_index, N)
    narrow = InEdges(sorted_.colptr, sorted_.row.int())
    torch.testing.assert_close(
        input_aggregate(CONVS["mean"](), data.x, narrow), input_aggregate(CONVS["mean"](), data.x, data.edge_index)
    )


@pytest.mark.parametrize("sparse", [False, True])
def test_types(sparse):
    data = graph()
    x = (10 * data.x).round().abs()
    expected = input_aggregate(CONVS["mean"](), x, data.edge_index)

    def of(x, conv=None):
        result = input_aggregate(conv or CONVS["mean"](), x.to_sparse_csr() if sparse else x, data.edge_index)
        return result.to_dense() if sparse else result

    for dtype in (torch.float16, torch.uint8):
        torch.testing.assert_close(of(x.to(dtype)), expected)
    assert of(x.double()).dtype == torch.float64
    assert of(x, CONVS["mean"]().double()).dtype == torch.float64


@pytest.mark.parametrize("sparse", [False, True])
def test_small_graphs(sparse):
    for num_nodes in (0, 2):
        x = torch.ones(num_nodes, 3)
        result = input_aggregate(
            PyGSAGEConv(3, 2), x.to_sparse_csr() if sparse else x, torch.empty(2, 0, dtype=torch.long)
        )
        assert torch.equal(result.to_dense(), torch.zeros(num_nodes, 3))


def test_sparse_columns_are_sorted():
    """As those of every CSR matrix of torch's."""
    data = graph()
    x = input_aggregate(CONVS["mean"](), data.x.to_sparse_csr(), data.edge_index)
    again = torch.sparse_csr_tensor(x.crow_indices(), x.col_indices(), x.values(), x.shape, check_invariants=True)
    assert torch.equal(again.to_dense(), x.to_dense())
    assert x.crow_indices().dtype == data.x.to_sparse_csr().crow_indices().dtype


def test_mistakes():
    data = graph()
    with pytest.raises(ValueError, match="GATConv is not a weighted sum of its input"):
        input_aggregate(GATConv(6, 8), data.x, data.edge_index)
    with pytest.raises(ValueError, match="SAGEConv is not a weighted sum of its input"):
        input_aggregate(PyGSAGEConv(6, 8, project=True), data.x, data.edge_index)
    with pytest.raises(ValueError, match=r"x must have shape \[N, C\], got \[30\]"):
        input_aggregate(CONVS["mean"](), data.x[:, 0], data.edge_index)
    with pytest.raises(ValueError, match="chunk_edges must be at least 1, got 0"):
        input_aggregate(CONVS["mean"](), data.x, data.edge_index, chunk_edges=0)
    with pytest.raises(IndexError, match="but the graph has 10 nodes"):
        input_aggregate(CONVS["mean"](), data.x[:10], data.edge_index)
    with pytest.raises(ValueError, match="conv must be one of"):
        input_aggregate(torch.nn.Linear(6, 8), data.x, data.edge_index)
