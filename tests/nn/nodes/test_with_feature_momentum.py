import copy

import pytest
import torch
from sampled_blocks import loop_free, sampled, whole
from torch import nn
from torch_geometric.nn import GATConv, GCNConv, GINConv, GraphConv, SAGEConv

import xgraph.nn
from xgraph.estimators import ConstantGamma, CosineGamma
from xgraph.nn import with_feature_momentum
from xgraph.nn.convolutions import convolution_of

CONVS = {
    "sage": lambda: SAGEConv(4, 6),
    "gcn": lambda: GCNConv(4, 6),
    "gin": lambda: GINConv(nn.Linear(4, 6)),
    "graph": lambda: GraphConv(4, 6),
    "gat": lambda: GATConv(4, 3, heads=2),
}
EACH = pytest.mark.parametrize("name", CONVS)
EACH_AND_OWN = pytest.mark.parametrize("name", [*CONVS, "own"])


def build(name, **options):
    torch.manual_seed(0)
    if name == "own":
        return xgraph.nn.SAGEConv(4, 6, num_nodes=24, **options)
    return with_feature_momentum(CONVS[name](), 24, **options)


def inner(conv):
    """The convolution whose parameters are used."""
    return getattr(conv, "conv", conv)


def peer(conv):
    """PyG's convolution with the same weights."""
    if isinstance(conv, xgraph.nn.SAGEConv):
        other = SAGEConv(4, 6)
        other.load_state_dict({name: value for name, value in conv.state_dict().items() if "momentum" not in name})
        return other
    return conv.conv


def call(conv, x, block, **options):
    given = {"n_id": block.n_id, "degree": block.degree, "num_targets": block.num_targets}
    return conv(x, block.edge_index, **given, **options)


def table(conv):
    return conv.momentum.table.value.clone(), conv.momentum.table.seen.clone()


def same(left, right):
    return all(torch.equal(a, b) for a, b in zip(left, right, strict=True))


@EACH_AND_OWN
def test_forward_is_the_update_of_the_tracked_aggregate(name):
    conv = build(name, gamma=0.3)
    other, own = convolution_of(inner(conv)), inner(conv)
    momentum = copy.deepcopy(conv.momentum)
    for seed in range(3):
        block = sampled(loop_free(), 24, 2, seed)
        x = torch.randn(24, 4)
        aggregate = other.aggregate(own, x, block)
        tracked = momentum(aggregate, block.n_id, other.computed(block))
        assert not seed or not torch.allclose(tracked, aggregate)
        torch.testing.assert_close(call(conv, x, block), other.update(own, tracked, x, block))
    torch.testing.assert_close(table(conv), (momentum.table.value, momentum.table.seen))


@EACH_AND_OWN
@pytest.mark.parametrize("gamma", [1, ConstantGamma(1.0)])
def test_gamma_1_matches_the_plain_convolution_bit_for_bit(name, gamma):
    conv = build(name, gamma=gamma)
    assert (conv.momentum is None) == isinstance(gamma, int | float)
    for seed in range(3):
        block = sampled(loop_free(), 24, 2, seed)
        x = torch.randn(24, 4)
        assert torch.equal(call(conv, x, block), conv.convolution.convolve(inner(conv), x, block))


@EACH_AND_OWN
def test_all_neighbours_and_gamma_1_match_pyg(name):
    conv = build(name, gamma=1.0)
    x, block = torch.randn(24, 4), whole(loop_free(), 24)
    torch.testing.assert_close(call(conv, x, block), peer(conv)(x, block.edge_index))


@EACH_AND_OWN
def test_evaluation_matches_pyg_and_writes_nothing(name):
    conv = build(name)
    x, block = torch.randn(24, 4), sampled(loop_free(), 24, 2)
    call(conv, x, block)
    before = table(conv)
    conv.eval()
    edge_index = torch.cat([loop_free(), torch.tensor([[3], [3]])], 1)  # with a loop, as PyG treats it
    theirs = peer(conv)
    torch.testing.assert_close(conv(x, edge_index), theirs(x, edge_index))
    into = edge_index[:, edge_index[1] < 5]
    torch.testing.assert_close(conv(x, into, num_targets=5), theirs(x, into)[:5])
    torch.testing.assert_close(call(conv, x, block), conv.convolution.convolve(inner(conv), x, block))
    assert same(table(conv), before)


@EACH_AND_OWN
def test_training_resumes_from_a_checkpoint_bit_for_bit(name):
    def step(conv, optimizer, seed):
        x = torch.randn(24, 4, generator=torch.Generator().manual_seed(seed))
        loss = call(conv, x, sampled(loop_free(), 24, 2, seed)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    conv = build(name, gamma=CosineGamma(4, 0.1))
    optimizer = torch.optim.Adam(conv.parameters())
    for epoch in range(3):
        conv.momentum.set_epoch(epoch)
        step(conv, optimizer, epoch)
    other = build(name, gamma=CosineGamma(4, 0.1))
    resumed = torch.optim.Adam(other.parameters())
    other.load_state_dict(conv.state_dict())
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for seed in range(3, 6):
        assert step(conv, optimizer, seed) == step(other, resumed, seed)
    assert same(table(conv), table(other))
    assert same(conv.parameters(), other.parameters())


@pytest.mark.parametrize("name", ["gcn", "own"])
def test_the_schedule(name):
    conv = build(name, gamma=CosineGamma(4, 0.1))
    conv.set_epoch(4)
    assert conv.momentum.gamma == pytest.approx(0.1)
    build(name, gamma=1).set_epoch(4)


@EACH_AND_OWN
@pytest.mark.parametrize("gradient", ["straight_through", "scaled"])
def test_gradients_reach_the_weights(name, gradient):
    conv = build(name, gradient=gradient)
    for seed in range(2):
        conv.zero_grad()
        call(conv, torch.randn(24, 4), sampled(loop_free(), 24, 2, seed)).square().sum().backward()
        assert all(parameter.grad.abs().sum() > 0 for parameter in conv.parameters())


def test_two_layers_never_share_a_table():
    shared = GCNConv(4, 4)  # even of the same weights
    for first, second in ([with_feature_momentum(shared, 24) for _ in range(2)], [build("own") for _ in range(2)]):
        before, twin = table(second), copy.deepcopy(first)
        call(first, torch.randn(24, 4), sampled(loop_free(), 24, 2))
        assert first.momentum.table.seen.any()
        assert same(table(second), before)
        assert same(table(twin), before)


def test_edge_weights():
    block = sampled(loop_free(), 24, 2)
    x, weight = torch.randn(24, 4), torch.rand(block.edge_index.size(1))
    for conv in (GraphConv(4, 3), GCNConv(4, 3, normalize=False)):
        momentum = with_feature_momentum(conv, 24)
        expected = momentum.convolution.convolve(conv, x, block, edge_weight=weight)
        torch.testing.assert_close(call(momentum, x, block, edge_weight=weight), expected)
        momentum.eval()
        assert torch.equal(momentum(x, block.edge_index, weight), conv(x, block.edge_index, weight))
    gcn = with_feature_momentum(GCNConv(4, 3), 24)
    with pytest.raises(ValueError, match="edge_weight cannot be normalised"):
        call(gcn, x, block, edge_weight=weight)
    gcn.eval()  # of all edges, PyG normalises
    assert torch.equal(gcn(x, block.edge_index, weight), gcn.conv(x, block.edge_index, weight))


def test_improved_is_the_same_in_training_and_evaluation():
    conv = with_feature_momentum(GCNConv(4, 3, improved=True), 24)
    x, block = torch.randn(24, 4), whole(loop_free(), 24)
    torch.testing.assert_close(call(conv, x, block), conv.eval()(x, block.edge_index))


@pytest.mark.parametrize("conv", [GCNConv(4, 3, add_self_loops=False), SAGEConv(4, 3), GraphConv(4, 3)])
def test_self_loops_are_treated_as_edges(conv):
    momentum = with_feature_momentum(conv, 24)
    x, block = torch.randn(24, 4), whole(torch.tensor([[1, 2], [0, 2]]), 24)
    torch.testing.assert_close(call(momentum, x, block), conv(x, block.edge_index))


@pytest.mark.parametrize("name", ["gcn", "own"])
def test_reset(name):
    conv = build(name)
    call(conv, torch.randn(24, 4), sampled(loop_free(), 24, 2))
    before = [p.clone() for p in conv.parameters()]
    conv.reset_parameters()
    assert not conv.momentum.table.seen.any()
    assert all(p.dim() < 2 or not torch.equal(p, old) for p, old in zip(conv.parameters(), before, strict=True))


@pytest.mark.parametrize(
    ("conv", "options", "message"),
    [
        (
            lambda: SAGEConv(4, 4, aggr="max"),
            {},
            "SAGEConv with feature momentum needs aggr='mean' or 'sum', got 'max'",
        ),
        (lambda: nn.Linear(4, 4), {}, "conv must be one of SAGEConv.*got Linear"),
        (lambda: SAGEConv(-1, 4), {}, "SAGEConv must have a known in_channels, got -1"),
        (lambda: GATConv(-1, 4), {}, "GATConv must have a known in_channels, got -1"),
        (lambda: xgraph.nn.SAGEConv(4, 4), {}, r"momentum built in: use SAGEConv\(..., num_nodes=24\)"),
        (lambda: GINConv(nn.Identity()), {}, "pass it as channels="),
        (lambda: GCNConv(4, 4), {"gamma": 0.0}, r"must lie in \(0, 1\], got 0"),
        (lambda: GCNConv(4, 4), {"gradient": "other"}, "gradient must be one of straight_through, scaled"),
        (lambda: GCNConv(4, 4), {"storage": "disk"}, "storage must be one of device, pinned, host, mmap"),
    ],
)
def test_bad_arguments(conv, options, message):
    with pytest.raises(ValueError, match=message):
        with_feature_momentum(conv(), 24, **options)


@EACH
@pytest.mark.parametrize("gamma", [0.1, 1.0])
def test_missing_n_id_or_degree_is_an_error(name, gamma):
    conv = build(name, gamma=gamma)
    x, edge_index = torch.randn(24, 4), loop_free()
    given = {"n_id": torch.arange(24), "degree": whole(edge_index, 24).degree}
    kind = type(conv.conv).__name__
    with pytest.raises(ValueError, match=f"{kind} with feature momentum needs degree in training"):
        conv(x, edge_index, n_id=given["n_id"])
    if gamma < 1:
        with pytest.raises(ValueError, match=f"{kind} with feature momentum needs n_id in training"):
            conv(x, edge_index, degree=given["degree"])
    else:
        assert conv(x, edge_index, degree=given["degree"]).shape == (24, 6)


def test_edge_weights_of_the_wrong_length_are_rejected():
    conv = build("graph")
    block = sampled(loop_free(), 24, 2)
    with pytest.raises(ValueError, match=r"edge_weight must have shape \[\d+\], got \[3\]"):
        call(conv, torch.randn(24, 4), block, edge_weight=torch.ones(3))


def test_repr():
    assert repr(build("gcn")) == "MomentumConv(GCNConv(4, 6), momentum=FeatureMomentum(24, channels=4, gamma=0.1))"
    assert repr(build("gcn", gamma=1)) == "MomentumConv(GCNConv(4, 6), momentum=None)"
