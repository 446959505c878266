import pytest
import torch
import torch_geometric.nn as pyg
from sampled_blocks import loop_free, sampled, whole
from torch_geometric import EdgeIndex
from torch_geometric.utils import to_torch_csc_tensor

from xgraph.nn import SAGEConv


def build(channels=4, out=3, **options):
    torch.manual_seed(0)
    return SAGEConv(channels, out, **{"num_nodes": 24, **options})


def call(conv, x, block):
    return conv(x, block.edge_index, n_id=block.n_id, degree=block.degree, num_targets=block.num_targets)


def table(conv):
    return conv.momentum.table.value.clone(), conv.momentum.table.seen.clone()


@pytest.mark.parametrize("options", [{}, {"bias": False}, {"root_weight": False}, {"normalize": True}, {"aggr": "sum"}])
@pytest.mark.parametrize("channels", [4, (4, 6)])
def test_parameter_names_and_initialisation_match_pyg(channels, options):
    torch.manual_seed(3)
    ours = SAGEConv(channels, 5, **options)
    torch.manual_seed(3)
    theirs = pyg.SAGEConv(channels, 5, **options)
    assert {k: v.tolist() for k, v in ours.state_dict().items()} == {
        k: v.tolist() for k, v in theirs.state_dict().items()
    }
    theirs.reset_parameters()
    ours.load_state_dict(theirs.state_dict())
    ours.reset_parameters()
    theirs.load_state_dict(ours.state_dict())
    assert torch.equal(ours.lin_l.weight, theirs.lin_l.weight)


def test_state_dicts_are_interchangeable_if_the_table_is_left_out():
    ours, theirs = build(table_in_checkpoint=False), pyg.SAGEConv(4, 3)
    ours.load_state_dict(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())


def test_without_a_table_neither_n_id_nor_degree_is_needed():
    x, block = torch.randn(24, 4), sampled(loop_free(), 24, 2)
    conv = build(num_nodes=None)
    assert torch.equal(conv(x, block.edge_index), call(conv, x, block))


@pytest.mark.parametrize("gradient", ["straight_through", "scaled"])
@pytest.mark.parametrize("with_self", [False, True])
def test_forward_and_gradients_match_a_manual_computation(gradient, with_self):
    """W h̃ + b (+ W₂ x), with gradients through the new share of h̃; rows that are not computed pass on none."""
    torch.manual_seed(0)
    conv = build(gamma=0.25, gradient=gradient, mean_with_self=with_self, table_dtype=torch.double).double()
    edge_index = loop_free()
    history, seen = torch.zeros(24, 4, dtype=torch.double), torch.zeros(24, dtype=torch.bool)
    for seed in range(4):
        block = sampled(edge_index, 24, 2, seed)
        hidden = torch.randperm(24, generator=torch.Generator().manual_seed(seed))[:5]  # as if of the last hop
        kept = torch.isin(block.edge_index[1], hidden).logical_not_()
        block = block._replace(edge_index=block.edge_index[:, kept])
        x = torch.randn(24, 4, dtype=torch.double, requires_grad=True)
        mean, share = torch.zeros(24, 24, dtype=torch.double), torch.ones(24, dtype=torch.double)
        for node in range(24):
            sources = block.edge_index[0][block.edge_index[1] == node]
            degree = int(block.degree[node])
            for source in sources.tolist():
                mean[node, source] += (degree / (degree + 1) if with_self else 1) / len(sources)
            if with_self:
                mean[node, node] += 1 / (degree + 1) if len(sources) else 1
        computed = torch.isin(torch.arange(24), block.edge_index[1]) | (block.degree == 0)
        if gradient == "scaled":
            share[seen] = 0.25
        share[seen & ~computed] = 0
        estimate = mean @ x.detach()
        moved = torch.where(seen[:, None], 0.75 * history + 0.25 * estimate, estimate)
        value = torch.where((seen & ~computed)[:, None], history, moved)
        history = torch.where(computed[:, None], moved, history)
        seen |= computed
        expected = value @ conv.lin_l.weight.t() + conv.lin_l.bias
        if not with_self:
            expected = expected + x.detach() @ conv.lin_r.weight.t()
        out = call(conv, x, block)
        torch.testing.assert_close(out, expected)
        weight = torch.randn(24, 3, dtype=torch.double)
        conv.zero_grad()
        (out * weight).sum().backward()
        # The uncomputed rows that were never seen come back without a gradient as well.
        grad = mean.t() @ ((share * computed)[:, None] * (weight @ conv.lin_l.weight))
        if not with_self:
            grad = grad + weight @ conv.lin_r.weight
            torch.testing.assert_close(conv.lin_r.weight.grad, weight.t() @ x.detach())
        torch.testing.assert_close(x.grad, grad.detach())
        torch.testing.assert_close(conv.lin_l.weight.grad, weight.t() @ value)
        torch.testing.assert_close(conv.momentum.table.value, history)
        assert torch.equal(conv.momentum.table.seen, seen)
    assert bool((seen & ~computed).any())


def test_nodes_of_the_last_hop_are_not_written():
    conv = build()
    x = torch.randn(5, 4)
    edge_index = torch.tensor([[2, 3, 4, 3], [0, 0, 1, 1]])
    n_id, degree = torch.tensor([10, 20, 3, 4, 5]), torch.tensor([9, 5, 3, 0, 7])
    conv(x, edge_index, n_id=n_id, degree=degree)
    assert conv.momentum.table.seen.nonzero().view(-1).tolist() == [4, 10, 20]  # node 4 has no neighbours at all
    value, _ = table(conv)
    conv(x, edge_index[:, :2], n_id=n_id, degree=degree)
    assert torch.equal(conv.momentum.table.value[20], value[20])


def test_node_that_occurs_twice_in_a_batch():
    """As in disjoint samples: one update, with the mean of both."""
    conv = build(gamma=0.5)
    x = torch.randn(4, 4)
    edge_index = torch.tensor([[2, 3], [0, 1]])
    n_id, degree = torch.tensor([7, 7, 1, 2]), torch.tensor([2, 2, 1, 1])
    conv(x, edge_index, n_id=n_id, degree=degree, num_targets=2)
    torch.testing.assert_close(conv.momentum.table.value[7], (x[2] + x[3]) / 2)
    conv(2 * x, edge_index, n_id=n_id, degree=degree, num_targets=2)
    torch.testing.assert_close(conv.momentum.table.value[7], 1.5 * (x[2] + x[3]) / 2)


def test_initial_values_decay_at_the_theoretical_rate():
    """All neighbours: the distance to the exact mean shrinks by 1 − γ at each touch."""
    conv = build(gamma=0.2, table_dtype=torch.double).double()
    x, block = torch.randn(24, 4, dtype=torch.double), whole(loop_free(), 24)
    call(conv, torch.randn(24, 4, dtype=torch.double), block)
    exact = conv.convolution.aggregate(conv, x, block)
    start = conv.momentum.table.value - exact
    for step in range(1, 30):
        call(conv, x, block)
        torch.testing.assert_close(conv.momentum.table.value - exact, 0.8**step * start)


@pytest.mark.parametrize("with_self", [False, True])
def test_noise_falls_to_the_theoretical_level(with_self):
    """One neighbour of four at each touch: unbiased, and the variance becomes γ / (2 − γ) of that of a sample."""
    nodes, gamma = 1500, 0.2
    g = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    conv = SAGEConv(2, 2, num_nodes=5 * nodes, gamma=gamma, mean_with_self=with_self)
    x = torch.randn(5 * nodes, 2, generator=g)
    target = torch.arange(nodes)
    degree = torch.full((5 * nodes,), 4)
    neighbours = nodes + 4 * target[:, None] + torch.arange(4)
    exact = x[neighbours].mean(1)
    variance = x[neighbours].var(1, correction=0).mean()
    if with_self:
        exact, variance = (x[:nodes] + 4 * exact) / 5, variance * (4 / 5) ** 2
    for _ in range(60):
        source = neighbours[target, torch.randint(4, (nodes,), generator=g)]
        conv(x, torch.stack([source, target]), n_id=torch.arange(5 * nodes), degree=degree, num_targets=nodes)
    error = conv.momentum.table.value[:nodes] - exact
    assert error.mean().abs().item() < 0.02
    assert (error.square().mean() / variance).item() == pytest.approx(gamma / (2 - gamma), rel=0.1)


def test_a_pair_of_vectors():
    conv = SAGEConv((4, 6), 3, num_nodes=24)
    block = sampled(loop_free(), 24, 2)
    edges = block.edge_index[:, block.edge_index[1] < 8]
    x, own = torch.randn(24, 4), torch.randn(8, 6)
    out = conv((x, own), edges, n_id=block.n_id, degree=block.degree)
    torch.testing.assert_close(out, conv.eval()((x, own), edges))
    assert conv.momentum.table.seen[8:].logical_not().all()


def test_other_forms_of_edges():
    conv = build(num_nodes=None)
    x, edge_index = torch.randn(24, 4), loop_free()
    assert torch.equal(conv(x, edge_index.int()), conv(x, edge_index))
    assert torch.equal(conv(x, EdgeIndex(edge_index, sparse_size=(24, 24))), conv(x, edge_index))


X = torch.ones(5, 4)
EDGES = torch.tensor([[2, 3], [0, 1]])
GIVEN = {"n_id": torch.arange(5), "degree": torch.ones(5, dtype=torch.long)}


@pytest.mark.parametrize(
    ("x", "edge_index", "changed", "error", "message"),
    [
        (X, EDGES, {"n_id": None}, ValueError, "SAGEConv with feature momentum needs n_id in training"),
        (X, EDGES, {"degree": None}, ValueError, r"needs degree in training.*xgraph.sampling.in_degree\(data\)"),
        (X, EDGES, {"n_id": torch.arange(9)}, ValueError, r"each of the 5 nodes in x, got shape \[9\].*n_id\[: x.size"),
        (X, EDGES, {"degree": torch.ones(3)}, ValueError, r"degree must have one entry .* got shape \[3\]"),
        (
            X,
            EDGES,
            {"n_id": torch.arange(5, device="meta")},
            ValueError,
            "n_id must be on the same device as",
        ),
        (X, EDGES, {"degree": torch.zeros(5)}, ValueError, "degree must hold the true in-degrees, but it is 0"),
        (X, EDGES, {"n_id": torch.arange(5) + 20}, IndexError, r"n_id must be between 0 and 23.*num_nodes=24, got 24"),
        (X, EDGES, {"n_id": torch.ones(5)}, TypeError, "n_id must be a tensor of integers"),
        (X, EDGES, {"num_targets": 6}, ValueError, r"num_targets must be between 0 and 5"),
        (
            X,
            EDGES,
            {"num_targets": 1},
            IndexError,
            "target 1, but the targets are nodes 0 to 0",
        ),
        (X, EDGES + 3, {}, IndexError, "edge_index has source 6, but the sources are nodes 0 to 4"),
        (X, EDGES - 1, {}, IndexError, "edge_index has target -1"),
        (X, EDGES.t().reshape(4, 1), {}, ValueError, r"edge_index must have shape \[2, E\], got \[4, 1\]"),
        (X, EDGES.float(), {}, TypeError, "edge_index must be a tensor of integers, got torch.float32"),
        (X, to_torch_csc_tensor(EDGES, size=(5, 5)), {}, TypeError, r"got a sparse matrix: .*to_edge_index"),
        (X, None, {}, TypeError, "got NoneType"),
        (X[0], EDGES, {}, ValueError, r"x must have shape \[N, C\], or be a pair of such tensors, got \[4\]"),
        ((X, None), EDGES, {}, ValueError, "got NoneType"),
    ],
)
def test_bad_input(x, edge_index, changed, error, message):
    conv = build()
    with pytest.raises(error, match=message):
        conv(x, edge_index, **{**GIVEN, **changed})
    assert not conv.momentum.table.seen.any()


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((0, 3), {}, "in_channels must be at least 1, got 0"),
        ((3, 0), {}, "out_channels must be at least 1, got 0"),
        ((3, 3), {"aggr": "max"}, "SAGEConv with feature momentum needs aggr='mean' or 'sum', got 'max'"),
        ((3, 3), {"mean_with_self": True, "aggr": "sum"}, "mean_with_self needs aggr='mean'"),
        (((3, 4), 3), {"mean_with_self": True}, r"in_channels=\(3, 4\)"),
        ((3, 3), {"num_nodes": 0}, "num_nodes must be at least 1"),
        ((3, 3), {"num_nodes": 5, "gamma": 2}, r"must lie in \(0, 1\], got 2"),
        ((3, 3), {"num_nodes": 5, "table_storage": "disk"}, "storage must be one of device, pinned, host, mmap"),
    ],
)
def test_bad_arguments(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        SAGEConv(*arguments, **options)


def test_repr():
    assert repr(SAGEConv(4, 3)) == "SAGEConv(4, 3)"
    shown = "mean_with_self=True, momentum=FeatureMomentum(9, channels=4, gamma=0.1)"
    assert repr(SAGEConv(4, 3, num_nodes=9, mean_with_self=True)) == f"SAGEConv(4, 3, {shown})"
    assert repr(SAGEConv(4, 3, aggr="sum", root_weight=False)) == "SAGEConv(4, 3, aggr='sum', root_weight=False)"


def hetero():
    torch.manual_seed(0)
    x = {"a": torch.randn(4, 3), "b": torch.randn(9, 5)}
    edges = {
        ("a", "to", "b"): torch.tensor([[0, 1, 2, 3], [8, 7, 0, 8]]),
        ("b", "to", "a"): torch.tensor([[8, 7, 0, 8], [0, 1, 2, 3]]),
        ("a", "self", "a"): torch.tensor([[0, 1], [1, 2]]),
    }
    return x, edges


def in_hetero(conv, **options):
    from torch_geometric.nn import HeteroConv

    torch.manual_seed(0)
    sizes = {("a", "to", "b"): (3, 5), ("b", "to", "a"): (5, 3), ("a", "self", "a"): 3}
    return HeteroConv({kind: conv(size, 4, **options) for kind, size in sizes.items()})


def test_hetero_conv_gives_what_it_gives_with_pygs():
    from torch_geometric.nn import SAGEConv as PygSAGEConv

    x, edges = hetero()
    theirs, ours = in_hetero(PygSAGEConv), in_hetero(SAGEConv)
    ours.load_state_dict(theirs.state_dict())
    for kind, out in theirs(x, edges).items():
        torch.testing.assert_close(ours(x, edges)[kind], out)


def test_hetero_conv_with_tables():
    x, edges = hetero()
    layer = in_hetero(SAGEConv, num_nodes=20, gamma=0.5)
    plain = in_hetero(SAGEConv)
    plain.load_state_dict(layer.state_dict(), strict=False)
    n_id = {"a": torch.tensor([3, 1, 2, 0]), "b": torch.arange(10, 19)}
    degree = {kind: torch.bincount(ends[1], minlength=len(x[kind[2]])) for kind, ends in edges.items()}
    first = layer(x, edges, n_id_dict=n_id, degree_dict=degree)
    for kind, out in plain(x, edges).items():
        torch.testing.assert_close(first[kind], out)  # the first estimates are stored unchanged
    table = layer.convs[("a", "to", "b")].momentum.table
    assert table.seen.nonzero().flatten().tolist() == list(range(10, 19))
    torch.testing.assert_close(table.value[18], (x["a"][0] + x["a"][3]) / 2)
    x["a"] = x["a"] + 1
    layer(x, edges, n_id_dict=n_id, degree_dict=degree)
    torch.testing.assert_close(table.value[18], (x["a"][0] + x["a"][3]) / 2 - 0.5)
