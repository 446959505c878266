"""What holds for `sage`, `gcn` and `gat`."""

import copy

import pytest
import torch
from nn_graphs import block_of, graph, neighbourhood
from torch_geometric.data import Data

from xgraph.nn import GAT, GCN, MODELS, GraphSAGE
from xgraph.options import options_of

NODE_MODELS = {"sage": GraphSAGE, "gcn": GCN, "gat": GAT}
EACH = pytest.mark.parametrize("name", NODE_MODELS)


def build(name, tasks=3, channels=6, **options):
    torch.manual_seed(0)
    return NODE_MODELS[name](tasks, channels, **{"hidden_channels": 8, **options})


def with_statistics(model, data):
    """The model with running statistics that are not those of a new one, in evaluation mode."""
    model.train()
    model(data)
    return model.eval()


@EACH
def test_shapes(name):
    data = graph()
    model = build(name, num_layers=3)
    assert model(data).shape == (30, 3)
    assert model(neighbourhood(data, [4, 1, 29], 3, 2)).shape == (3, 3)
    assert model.embed(neighbourhood(data, [4, 1, 29], 3, 2)).shape == (3, 8)
    assert MODELS[name] is NODE_MODELS[name]
    assert MODELS[name].kind == "node"


@EACH
@pytest.mark.parametrize(
    ("jk", "residual", "channels"), [("last", False, 6), ("last", True, 20), ("sum", True, 6), ("sum", False, 20)]
)
def test_a_batch_with_all_neighbours_equals_the_whole_graph(name, jk, residual, channels):
    data = graph(channels=channels)
    model = with_statistics(build(name, channels=channels, num_layers=3, jk=jk, residual=residual), data)
    seeds = [7, 0, 29, 12]
    for hops in (3, 4):  # a hop more than needed does no harm
        torch.testing.assert_close(model(neighbourhood(data, seeds, hops)), model(data)[seeds])


@EACH
def test_source_nodes_do_not_affect_batch_norm_statistics(name):
    """In training a sampled batch with all neighbours normalises a layer by the nodes that it computes."""
    data = graph()
    seeds = [7, 0, 12]
    model = build(name, num_layers=1, dropout=0.0).train()
    batch = neighbourhood(data, seeds, 1)
    whole = build(name, num_layers=1, dropout=0.0, norm="none").eval()
    whole.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith("norms")})
    raw = whole.convolve(0, data.x, block_of(data))[seeds]
    model(batch)
    torch.testing.assert_close(model.norms[0].running_mean, 0.1 * raw.mean(0))


@EACH
@pytest.mark.parametrize("channels", [6, 20])
def test_sparse_features_give_the_same_result(name, channels):
    data = graph(channels=channels)
    data.x = data.x * (data.x > 0.7)
    sparse = copy.copy(data)
    sparse.x = data.x.to_sparse_csr()
    model = build(name, channels=channels, dropout=0.0)
    outs = model(data), model(sparse)
    torch.testing.assert_close(*outs)
    grads = []
    for out in outs:
        model.zero_grad()
        out.square().sum().backward()
        grads.append({name: w.grad.clone() for name, w in model.named_parameters()})
    for key, grad in grads[0].items():
        torch.testing.assert_close(grads[1][key], grad)


@pytest.mark.parametrize("channels", [6, 20])
def test_sage_matches_pyg(channels):
    data = graph(channels=channels)
    model = build("sage", channels=channels)
    torch.testing.assert_close(model.convolve(0, data.x, block_of(data)), model.convs[0](data.x, data.edge_index))


@pytest.mark.parametrize("name", ["gcn", "gat"])
def test_convolutions_that_add_self_loops_match_pyg(name):
    data = graph()  # it has self-loops, one node two of them
    model = build(name).double()
    data.x = data.x.double()
    expected = model.convs[0](data.x, data.edge_index)
    torch.testing.assert_close(model.convolve(0, data.x, block_of(data)), expected)


def test_gcn_matches_the_formula():
    data = graph()
    model = build("gcn").double()
    data.x = data.x.double()
    adjacency = torch.zeros(30, 30, dtype=torch.float64)
    adjacency.index_put_(
        (data.edge_index[1], data.edge_index[0]), torch.ones(120, dtype=torch.float64), accumulate=True
    )
    adjacency.fill_diagonal_(0)
    root = (adjacency.sum(1) + 1).rsqrt()
    expected = root[:, None] * (adjacency + torch.eye(30)) * root @ (data.x @ model.convs[0].lin.weight.T)
    torch.testing.assert_close(model.convolve(0, data.x, block_of(data)), expected)


@pytest.mark.parametrize(("name", "options"), [("sage", {}), ("sage", {"mean_with_self": True}), ("gcn", {})])
def test_mean_over_samples_is_unbiased(name, options):
    data = graph(num_edges=240)
    model = build(name, **options).eval()
    whole = model.convolve(0, data.x, block_of(data))[:5]
    outs = []
    for seed in range(200):
        batch = neighbourhood(data, range(5), 1, fan_out=3, seed=seed)
        block = block_of(batch)._replace(num_targets=5, degree=batch.degree, loops=batch.self_loops)
        outs.append(model.convolve(0, batch.x, block))
    result = torch.stack(outs)
    error = result.std(0) / len(outs) ** 0.5
    assert ((result.mean(0) - whole).abs() < 5 * error + 1e-5).all()


@EACH
@pytest.mark.parametrize("dtype", [torch.float64, torch.uint8])
def test_features_of_a_different_dtype(name, dtype):
    data = graph()
    data.x = (10 * data.x).round().abs()
    model = build(name).eval()
    expected = model(data)
    data.x = data.x.to(dtype)
    torch.testing.assert_close(model(data), expected)


@EACH
def test_a_graph_without_edges(name):
    data = Data(x=torch.randn(4, 6), edge_index=torch.empty(2, 0, dtype=torch.long))
    out = build(name)(data)
    out.sum().backward()
    assert out.isfinite().all()


@EACH
def test_reset_reinitialises(name):
    model = build(name)
    before = copy.deepcopy(model.state_dict())
    model(graph())
    model.reset_parameters()
    weights = [key for key, value in model.state_dict().items() if value.dim() > 1]
    assert all(not torch.equal(before[key], model.state_dict()[key]) for key in weights)
    assert (model.norms[0].running_mean == 0).all()
    head = model.head.mlp[0].weight.clone()
    model.head.reset_parameters()
    assert not torch.equal(head, model.head.mlp[0].weight)


@EACH
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_norms(name, norm):
    model = build(name, norm=norm)
    out = model(graph())
    out.square().mean().backward()
    assert all(w.grad is not None and w.grad.isfinite().all() for w in model.parameters())


@EACH
def test_repr_shows_the_options(name):
    text = repr(build(name, jk="sum"))
    assert text.startswith(NODE_MODELS[name].__name__)
    for option in options_of(NODE_MODELS[name]):
        assert f"{option.name}=" in text
    assert "3, in_channels=6" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tasks": 0}, "num_tasks must be at least 1, got 0"),
        ({"channels": 0}, "in_channels must be at least 1, got 0"),
        ({"hidden_channels": 0}, "hidden_channels must be at least 1, got 0"),
        ({"num_layers": 0}, "num_layers must be at least 1, got 0"),
        ({"dropout": 1.0}, "dropout must be in"),
        ({"norm": "instance"}, "norm must be one of none, batch, layer, got 'instance'"),
        ({"jk": "max"}, "jk must be one of last, sum, got 'max'"),
        ({"heads": 3}, "hidden_channels must be a multiple of heads = 3, got 8"),
        ({"heads": 0}, "heads must be at least 1, got 0"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        build("gat", **options)


@EACH
def test_bad_batches(name):
    data = graph()
    model = build(name)
    with pytest.raises(ValueError, match="the batch has no x"):
        model(Data(edge_index=data.edge_index))
    with pytest.raises(ValueError, match=r"x must have shape \[N, 6\], got \[30, 7\]"):
        model(graph(channels=7))
    with pytest.raises(ValueError, match=r"edge_index must have shape \[2, E\], got \[3, 4\]"):
        model(Data(x=data.x, edge_index=torch.zeros(3, 4, dtype=torch.long)))
    with pytest.raises(ValueError, match="sampled with 1 hops, but the model has num_layers=2"):
        model(neighbourhood(data, [1], 1))


def test_which_models_need_degrees_in_a_sampled_batch():
    batch = neighbourhood(graph(), [1, 2], 2, 2)
    del batch.degree
    for name, options in (("gcn", {}), ("gat", {}), ("sage", {"mean_with_self": True})):
        model = build(name, **options)
        with pytest.raises(ValueError, match=f"has no degree, which {type(model).__name__} needs"):
            model(batch)
    assert build("sage")(batch).shape == (2, 3)


@pytest.mark.parametrize("channels", [6, 20])
def test_sage_with_mean_with_self(channels):
    data = graph(channels=channels)
    model = build("sage", channels=channels, mean_with_self=True)
    conv = model.convs[0]
    adjacency = torch.eye(30)
    adjacency.index_put_((data.edge_index[1], data.edge_index[0]), torch.ones(120), accumulate=True)
    mean = adjacency @ data.x / adjacency.sum(1, keepdim=True)
    torch.testing.assert_close(model.convolve(0, data.x, block_of(data)), mean @ conv.lin_l.weight.T + conv.lin_l.bias)
    assert [name for name, _ in conv.named_parameters()] == ["lin_l.weight", "lin_l.bias"]
