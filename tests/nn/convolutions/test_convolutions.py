"""What holds for every convolution that can be tracked."""

import pytest
import torch
from sampled_blocks import all_samples, loop_free, sampled, whole
from torch_geometric.nn import GATConv, GATv2Conv, GCNConv, GINConv, GINEConv, GraphConv, SAGEConv

import xgraph.nn
from xgraph.nn import TableOptions
from xgraph.nn.convolutions import convolution_of

CONVS = {
    "sage": lambda c, o: SAGEConv(c, o),
    "sage-sum": lambda c, o: SAGEConv(c, o, aggr="sum", root_weight=False, bias=False),
    "sage-project": lambda c, o: SAGEConv(c, o, project=True, normalize=True),
    "own-sage": lambda c, o: xgraph.nn.SAGEConv(c, o),
    "own-sage-self": lambda c, o: xgraph.nn.SAGEConv(c, o, mean_with_self=True),
    "own-sage-sum": lambda c, o: xgraph.nn.SAGEConv(c, o, aggr="sum", normalize=True),
    "gcn": lambda c, o: GCNConv(c, o),
    "gcn-improved": lambda c, o: GCNConv(c, o, improved=True),
    "gcn-no-loops": lambda c, o: GCNConv(c, o, add_self_loops=False, bias=False),
    "gcn-raw": lambda c, o: GCNConv(c, o, normalize=False),
    "gin": lambda c, o: GINConv(torch.nn.Sequential(torch.nn.Linear(c, o), torch.nn.ReLU()), eps=0.3, train_eps=True),
    "gin-mean": lambda c, o: GINConv(torch.nn.Linear(c, o), aggr="mean"),
    "graph": lambda c, o: GraphConv(c, o),
    "graph-mean": lambda c, o: GraphConv(c, o, aggr="mean", bias=False),
    "gat": lambda c, o: GATConv(c, o // 2, heads=2),
    "gat-mean": lambda c, o: GATConv(c, o, heads=3, concat=False, negative_slope=0.5),
    "gat-no-loops": lambda c, o: GATConv(c, o, add_self_loops=False, bias=False),
    "gat-residual": lambda c, o: GATConv(c, o // 2, heads=2, residual=True),
}
EACH = pytest.mark.parametrize("name", CONVS)
LINEAR = [name for name in CONVS if not name.startswith("gat") and name != "sage-project"]


def build(name, channels=6, out=4):
    torch.manual_seed(0)
    conv = CONVS[name](channels, out).double()
    with torch.no_grad():
        for parameter in conv.parameters():  # biases are 0 at first
            parameter.add_(0.1 * torch.randn_like(parameter))
    return conv, convolution_of(conv)


def reference(name, conv, x, edge_index):
    """The convolution of a whole graph by PyG."""
    if name == "own-sage-self":
        loops = torch.arange(len(x)).expand(2, -1)
        peer = SAGEConv(x.size(1), conv.out_channels, root_weight=False).double()
        peer.load_state_dict(conv.state_dict())
        peer.lin_l = conv.lin_l
        return peer(x, torch.cat([edge_index, loops], 1))
    if name.startswith("own-sage"):
        peer = SAGEConv(x.size(1), conv.out_channels, aggr=conv.aggr, normalize=conv.normalize).double()
        peer.lin_l, peer.lin_r = conv.lin_l, conv.lin_r
        return peer(x, edge_index)
    if name == "gcn-improved":  # PyG takes no notice of `improved` where edges have no weights
        return conv(x, edge_index, torch.ones(edge_index.size(1), dtype=x.dtype))
    return conv(x, edge_index)


def gradients(out, *inputs):
    weight = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)
    return torch.autograd.grad((out * weight).sum(), inputs, allow_unused=True, retain_graph=True)


@EACH
@pytest.mark.parametrize("channels", [3, 9])
def test_whole_graph_matches_the_convolution_and_its_gradient(name, channels):
    conv, convolution = build(name, channels)
    edge_index = loop_free()
    x = torch.randn(24, channels, dtype=torch.double, requires_grad=True)
    block = whole(edge_index, 24)
    expected = reference(name, conv, x, edge_index)
    table = convolution.make_table(conv, 24, TableOptions(dtype=torch.double))  # a first touch is taken as it is
    inputs = (x, *conv.parameters())
    theirs = gradients(expected, *inputs)
    for out in (
        convolution.convolve(conv, x, block),
        convolution.fused(conv, x, block),
        convolution.convolve(conv, x, block, table),
    ):
        torch.testing.assert_close(out, expected)
        torch.testing.assert_close(gradients(out, *inputs), theirs)


@EACH
@pytest.mark.parametrize("channels", [3, 9])
def test_sparse_vectors_give_the_same_result(name, channels):
    conv, convolution = build(name, channels)
    x = torch.randn(24, channels, dtype=torch.double)
    x = x * (x > 0.5)
    block = sampled(loop_free(), 24, 2)._replace(num_targets=24)
    expected = convolution.convolve(conv, x, block)
    for way in (convolution.convolve, convolution.fused):
        torch.testing.assert_close(way(conv, x.to_sparse_csr(), block), expected)


@EACH
def test_targets_are_the_first_nodes_or_a_separate_tensor(name):
    conv, convolution = build(name)
    x = torch.randn(24, 6, dtype=torch.double)
    full = sampled(loop_free(), 24, 3)
    expected = convolution.convolve(conv, x, full)[:10]
    block = full._replace(edge_index=full.edge_index[:, full.edge_index[1] < 10], num_targets=10)
    for way in (convolution.convolve, convolution.fused):
        torch.testing.assert_close(way(conv, x, block), expected)
        torch.testing.assert_close(way(conv, (x, x[:10]), block), expected)
    aggregate = convolution.aggregate(conv, x, block)
    assert aggregate.shape == (10, *convolution.channels(conv))
    torch.testing.assert_close(convolution.update(conv, aggregate, x, block), expected)
    torch.testing.assert_close(convolution.update(conv, aggregate, (x, x[:10]), block), expected)


@pytest.mark.parametrize("name", [*LINEAR, "gat", "gat-mean"])
def test_the_aggregate_is_unbiased(name):
    """Of attention, numerator and denominator are."""
    conv, convolution = build(name)
    x = torch.randn(6, 6, dtype=torch.double)

    def parts(block):
        aggregate = convolution.aggregate(conv, x, block)
        if not convolution.ratio:
            return aggregate
        weight = aggregate[..., -1:].exp()
        return torch.cat([weight * aggregate[..., :-1], weight], -1)

    exact = parts(next(all_samples(5, 5)))
    for fan_out, replace in ((1, False), (1, True), (3, False), (3, True)):
        samples = [parts(block) for block in all_samples(5, fan_out, replace)]
        assert not torch.allclose(samples[0], exact)
        torch.testing.assert_close(torch.stack(samples).mean(0), exact)


@pytest.mark.parametrize("name", LINEAR)
def test_linear_aggregate_equals_the_sum_with_its_weights(name):
    """In bfloat16 the weights are float32 all the same: a degree of 257 would be 256."""
    conv, convolution = build(name)
    assert convolution.linear
    x = torch.randn(24, 6, dtype=torch.double)
    block = sampled(loop_free(), 24, 2)
    weight, own = convolution.edge_weight(conv, block), convolution.own_weight(conv, block)
    matrix = torch.zeros(24, 24, dtype=torch.double)
    matrix.index_put_((block.edge_index[1], block.edge_index[0]), weight, accumulate=True)
    if own is not None:
        matrix += own.diag()
    torch.testing.assert_close(convolution.aggregate(conv, x, block), matrix @ x)
    assert weight.dtype == torch.float64
    assert convolution.edge_weight(conv.bfloat16(), block).dtype == torch.float32


@pytest.mark.parametrize("name", LINEAR)
def test_precomputed_aggregate_may_be_sparse(name):
    conv, convolution = build(name)
    x = torch.randn(24, 6, dtype=torch.double)
    x = x * (x > 0.5)
    block = sampled(loop_free(), 24, 2)
    aggregate = convolution.aggregate(conv, x, block)
    expected = convolution.update(conv, aggregate, x, block)
    for form in ((aggregate.to_sparse_csr(), x), (aggregate, x.to_sparse_csr())):
        torch.testing.assert_close(convolution.update(conv, *form, block), expected)
    both = convolution.update(conv, aggregate.to_sparse_csr(), x.to_sparse_csr(), block)
    torch.testing.assert_close(both, expected)


@EACH
def test_computed_nodes_have_an_edge_or_no_neighbours_at_all(name):
    """Nodes with a sampled edge; those without neighbours have a row too, but for attention."""
    _, convolution = build(name)
    edge_index = torch.tensor([[1, 2], [0, 0]])
    block = whole(edge_index, 3)._replace(degree=torch.tensor([5, 2, 0]))
    assert convolution.computed(block).tolist() == [True, False, not name.startswith("gat")]


@EACH
def test_half_precision_output_with_float32_table(name):
    conv, convolution = build(name)
    conv = conv.bfloat16()
    x = torch.randn(24, 6, dtype=torch.bfloat16, requires_grad=True)
    block = sampled(loop_free(), 24, 2)
    table = convolution.make_table(conv, 24, TableOptions())
    out = convolution.convolve(conv, x, block, table)
    assert out.dtype == torch.bfloat16
    assert table.table.value.dtype == torch.float32
    out.sum().backward()
    assert x.grad.isfinite().all()


@EACH
def test_autocast(name):
    conv, convolution = build(name)
    conv = conv.float()
    x = torch.randn(24, 6, requires_grad=True)
    block = sampled(loop_free(), 24, 2)
    expected = convolution.convolve(conv, x, block)
    table = convolution.make_table(conv, 24, TableOptions())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for out in (convolution.convolve(conv, x, block, table), convolution.fused(conv, x.bfloat16(), block)):
            torch.testing.assert_close(out.float(), expected, atol=0.1, rtol=0.1)
            out.sum().backward()


@pytest.mark.parametrize("name", ["sage", "gin", "gat", "own-sage"])
def test_unsupported_edge_weights_are_rejected(name):
    conv, convolution = build(name)
    block = whole(torch.tensor([[1], [0]]), 2)
    for way in (convolution.aggregate, convolution.whole):
        with pytest.raises(ValueError, match=r"does not support edge_weight; GCNConv\(normalize=False\)"):
            way(conv, torch.randn(2, 6).double(), block, torch.ones(1))


@pytest.mark.parametrize(
    ("conv", "message"),
    [
        (lambda: SAGEConv(4, 4, aggr="max"), "SAGEConv with feature momentum needs aggr='mean' or 'sum', got 'max'"),
        (lambda: SAGEConv(4, 4, aggr="lstm"), "SAGEConv .* got 'lstm'"),
        (lambda: SAGEConv(4, 4, aggr=["mean", "max"]), "SAGEConv .* got 'multi'"),
        (lambda: GraphConv(4, 4, aggr="max"), "GraphConv with feature momentum needs aggr='sum' or 'mean', got 'max'"),
        (lambda: GINConv(torch.nn.Linear(4, 4), aggr="max"), "GINConv .* got 'max'"),
        (lambda: GCNConv(4, 4, aggr="mean"), "GCNConv with feature momentum needs aggr='sum', got 'mean'"),
        (lambda: GCNConv(4, 4, cached=True), r"feature momentum needs GCNConv\(cached=False\)"),
        (lambda: GATConv(4, 4, aggr="max"), "GATConv .* got 'max'"),
        (lambda: GATConv(4, 4, edge_dim=2), "GATConv needs edge_dim=None, got 2"),
        (lambda: SAGEConv(4, 4, flow="target_to_source"), "flow='source_to_target', got 'target_to_source'"),
        (
            lambda: GATv2Conv(4, 4),
            "SAGEConv, GCNConv, GINConv, GraphConv, GATConv from torch_geo.*got GATv2Conv",
        ),
        (lambda: GINEConv(torch.nn.Linear(4, 4)), "got GINEConv"),
        (lambda: torch.nn.Linear(4, 4), "got Linear"),
    ],
)
def test_unsupported_convolutions_are_rejected(conv, message):
    with pytest.raises(ValueError, match=message):
        convolution_of(conv())


def test_subclasses_are_rejected():
    class Own(SAGEConv):
        def message(self, x_j):
            return x_j**2

    with pytest.raises(ValueError, match="got .*Own"):
        convolution_of(Own(4, 4))
