"""What holds for `sage-fm`, `gcn-fm` and `gat-fm`."""

import copy

import pytest
import torch
from nn_graphs import graph, neighbourhood
from torch_geometric.data import Data

from xgraph.estimators import CosineGamma
from xgraph.nn import GAT, GATFM, GCN, GCNFM, MODELS, GraphSAGE, GraphSAGEFM, MomentumModel, input_aggregate, layerwise
from xgraph.nn.convolutions.block import in_degree
from xgraph.options import options_of
from xgraph.sampling import NeighborLoader

PAIRS = {"sage": (GraphSAGE, GraphSAGEFM), "gcn": (GCN, GCNFM), "gat": (GAT, GATFM)}
EACH = pytest.mark.parametrize("name", PAIRS)
LINEAR = pytest.mark.parametrize("name", ["sage", "gcn"])
NUM_NODES = 30


def build(name, tasks=3, channels=6, num_nodes=NUM_NODES, **options):
    torch.manual_seed(0)
    return PAIRS[name][1](tasks, channels, num_nodes, **{"hidden_channels": 8, "dropout": 0.0, **options})


def plain(name, model, **options):
    """The model without tables, with the same weights."""
    result = PAIRS[name][0](3, model.in_channels, **{"hidden_channels": 8, "dropout": 0.0, **options})
    result.load_state_dict({key: w for key, w in model.state_dict().items() if not key.startswith("tables.")})
    return result


def without_input(name):
    return {} if name == "gat" else {"exact_input": False}


def with_aggregates(model, data):
    data = copy.copy(data)
    data.x_aggr = input_aggregate(model, data.x, data.edge_index)
    return data


def neighbourhood_of(data, *args, **options):
    batch = neighbourhood(data, *args, **options)
    if "x_aggr" in data:
        batch.x_aggr = data.x_aggr[batch.n_id]
    return batch


@EACH
def test_first_batch_matches_the_model_without_tables(name):
    model = build(name, **without_input(name))
    twin = plain(name, model)
    batch = neighbourhood(graph(), [4, 1, 29], 2, 2)
    assert torch.equal(model(batch), twin(batch))
    twin(batch)
    assert not torch.equal(model(neighbourhood(graph(), [4, 1, 29], 2, 2, seed=1)), twin(batch)), "there is a history"
    assert MODELS[f"{name}-fm"] is PAIRS[name][1]


@EACH
def test_gamma_1_matches_the_model_without_tables(name):
    always = build(name, gamma=lambda epoch: 1.0, **without_input(name))
    never = build(name, gamma=1, **without_input(name))
    assert (len(always.tables), len(never.tables)) == (2, 0)
    twin = plain(name, never)
    for seed in range(3):
        batch = neighbourhood(graph(), [4, 1, 29, 6], 2, 1, seed=seed)
        outs = [model(batch) for model in (always, never, twin)]
        assert torch.equal(outs[0], outs[1])
        assert torch.equal(outs[0], outs[2])
        outs[0].square().sum().backward()
        outs[2].square().sum().backward()
    for key, weight in twin.named_parameters():
        torch.testing.assert_close(always.get_parameter(key).grad, weight.grad)


@pytest.mark.parametrize("exact_input", [False, True])
@pytest.mark.parametrize("with_self", [False, True])
def test_sage_matches_a_loop_over_nodes(exact_input, with_self):
    """Several batches by the formulas, node by node, in float64."""
    data = graph()
    data.x = data.x.double()
    gamma = 0.3
    model = build(
        "sage", gamma=gamma, norm="none", num_layers=3, exact_input=exact_input, mean_with_self=with_self
    ).double()
    data = with_aggregates(model, data)
    degree = in_degree(data.edge_index[1], NUM_NODES).tolist()
    tables = [{}, {}, {}]
    for step in range(5):
        batch = neighbourhood_of(data, [(3 * step + i) % NUM_NODES for i in range(6)], 3, 2, seed=step)
        ids = batch.n_id.tolist()
        h = {node: batch.x[i] for i, node in enumerate(ids)}
        for layer, conv in enumerate(model.convs):
            count = sum(batch.num_sampled_nodes[: 3 - layer])
            edges = batch.edge_index[:, : sum(batch.num_sampled_edges[: 3 - layer])].tolist()
            new = {}
            for v in ids[:count]:
                around = [ids[s] for s, t in zip(*edges, strict=True) if ids[t] == v]
                if layer == 0 and exact_input:
                    mean = data.x_aggr[v]
                else:
                    mean = torch.stack([h[u] for u in around]).mean(0) if around else torch.zeros_like(h[v])
                    if with_self:
                        mean = (h[v] + degree[v] * mean) / (degree[v] + 1)
                    old = tables[layer].get(v, mean)
                    mean = tables[layer][v] = (1 - gamma) * old + gamma * mean
                out = mean @ conv.lin_l.weight.T + conv.lin_l.bias
                new[v] = (out if with_self else out + h[v] @ conv.lin_r.weight.T).relu()
            h = new
        expected = model.head(torch.stack([h[v] for v in ids[: batch.batch_size]]))
        torch.testing.assert_close(model(batch), expected)
    for layer, rows in enumerate(tables):
        if layer or not exact_input:
            table = model.tables[str(layer)].table
            assert sorted(rows) == table.seen.nonzero().view(-1).tolist(), "nodes of the last hop are left alone"
            for node, row in rows.items():
                torch.testing.assert_close(table.value[node].double(), row.detach(), rtol=1e-5, atol=1e-5)
    assert ("0" in model.tables) == (not exact_input)


@LINEAR
@pytest.mark.parametrize(
    ("options", "num_layers", "sparse"),
    [({}, 1, False), ({}, 2, True), ({"norm": "layer"}, 2, False), ({"jk": "sum", "residual": True}, 3, True)],
)
def test_exact_input_needs_one_hop_fewer(name, options, num_layers, sparse):
    data = graph(channels=9)
    data.x = data.x * (data.x > 0)
    model = build(name, channels=9, num_layers=num_layers, gamma=0.5, **options)
    twin = plain(name, model, num_layers=num_layers, **options)
    data = with_aggregates(model, data)
    seeds = [7, 0, 29, 12]
    for training in (False, True):
        model.train(training)
        twin.train(training)
        for hops in range(num_layers - 1, num_layers + 2):
            model.reset_parameters()
            model.load_state_dict(twin.state_dict(), strict=False)
            other = copy.deepcopy(twin)
            batch = neighbourhood_of(data, seeds, hops)
            if sparse:
                batch.x, batch.x_aggr = batch.x.to_sparse_csr(), batch.x_aggr.to_sparse_csr()
            expected = other(neighbourhood(data, seeds, num_layers))
            torch.testing.assert_close(model(batch), expected, rtol=1e-4, atol=1e-5)
            for norm, same in zip(model.norms, other.norms, strict=True):
                if options.get("norm") != "layer":
                    torch.testing.assert_close(norm.running_mean, same.running_mean)


@EACH
def test_evaluation_is_exact_and_does_not_write(name):
    data = graph()
    model = build(name, num_layers=3)
    full = data if name == "gat" else with_aggregates(model, data)
    for seed in range(3):
        model(neighbourhood_of(full, [1, 2, 3, 4], 3, 2, seed=seed))
    before = copy.deepcopy(model.state_dict())
    twin = plain(name, model, num_layers=3).eval()
    with torch.no_grad():
        expected = twin(data)
    torch.testing.assert_close(layerwise(model, data.x, data.edge_index), expected, rtol=1e-5, atol=1e-5)
    assert model.training
    model.eval()
    for batch in (data, full):
        torch.testing.assert_close(model(batch), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(model(neighbourhood(data, [5, 6], 3)), expected[[5, 6]], rtol=1e-5, atol=1e-5)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


@EACH
def test_training_on_the_whole_graph_needs_no_further_attributes(name):
    data = graph()
    model = build(name, gamma=0.5)
    twin = plain(name, model)
    torch.testing.assert_close(model(data), twin(data))
    torch.testing.assert_close(model(data), twin(data))
    seen = model.tables["1"].table.seen
    assert int(seen.sum()) > 20


@EACH
def test_layers_have_separate_tables(name):
    model = build(name, num_layers=4)
    assert list(model.tables) == (["0", "1", "2", "3"] if name == "gat" else ["1", "2", "3"])
    places = [table.table.value.data_ptr() for table in model.tables.values()]
    assert len(set(places)) == len(places)
    other = copy.deepcopy(model)
    model(with_aggregates(model, graph()) if name != "gat" else graph())
    assert all(table.table.seen.any() for table in model.tables.values())
    assert not any(table.table.seen.any() for table in other.tables.values())


@EACH
def test_weights_are_interchangeable_with_the_plain_model(name):
    model, twin = build(name), PAIRS[name][0](3, 6, hidden_channels=8)
    own = {key for key in model.state_dict() if not key.startswith("tables.")}
    assert own == set(twin.state_dict())
    missing, unexpected = model.load_state_dict(twin.state_dict(), strict=False)
    assert all(key.startswith("tables.") for key in missing)
    assert not unexpected
    out = build(name, table_in_checkpoint=False)
    assert set(out.state_dict()) == own
    none = build(name, num_nodes=None)
    assert set(none.state_dict()) == own


@EACH
def test_training_needs_the_number_of_nodes(name):
    model = build(name, num_nodes=None)
    for batch in (graph(), neighbourhood(graph(), [1, 2], 2)):
        with pytest.raises(ValueError, match="FM needs tables for training: create it with num_nodes="):
            model.train()(batch)
        assert model.eval()(batch).isfinite().all()
    assert build(name, num_nodes=None, gamma=1)(graph()).isfinite().all()


@EACH
def test_training_resumes_from_a_state_dict(name):
    data = graph()
    model = build(name, gamma=CosineGamma(4, gamma_min=0.1))
    data = data if name == "gat" else with_aggregates(model, data)
    batches = [neighbourhood_of(data, range(10), 2, 2, seed=seed) for seed in range(4)]
    for epoch, batch in enumerate(batches[:2]):
        model.set_epoch(epoch)
        model(batch)
    other = build(name, gamma=CosineGamma(4, gamma_min=0.1))
    other.load_state_dict(model.state_dict())
    assert other.tables["1"].gamma == model.tables["1"].gamma < 1
    for batch in batches[2:]:
        assert torch.equal(model(batch), other(batch))
    assert not torch.equal(model(batches[0]), build(name)(batches[0]))


@EACH
def test_both_gradients(name):
    """The same batch twice leaves the values as they are: "scaled" is γ times the plain gradient on the table's path,
    so that along γ it lies on a line, with the plain one at 1."""
    data = graph()

    def gradient_of(gradient, gamma):
        model = build(name, gamma=gamma, gradient=gradient, num_layers=1 if name == "gat" else 2, norm="none")
        batch = neighbourhood_of(data if name == "gat" else with_aggregates(model, data), [1, 2, 3], 2, 2)
        model(batch)
        model.zero_grad()
        model(batch).square().sum().backward()
        return next(w.grad for key, w in model.convs[0].named_parameters() if w.dim() == 2)

    whole = gradient_of("straight_through", 1)
    torch.testing.assert_close(gradient_of("straight_through", 0.25), whole)
    half, quarter = gradient_of("scaled", 0.5), gradient_of("scaled", 0.25)
    torch.testing.assert_close(half + 2 * (half - quarter), whole)
    assert not torch.allclose(half, whole, rtol=0.05)


@EACH
@pytest.mark.parametrize(("storage", "dtype"), [("device", "bfloat16"), ("pinned", "float16"), ("mmap", "bfloat16")])
def test_narrow_tables_in_other_storage(name, storage, dtype):
    model = build(name, table_storage=storage, table_dtype=dtype, **without_input(name))
    wide = build(name, **without_input(name))
    for seed in range(3):
        batch = neighbourhood(graph(), range(8), 2, 2, seed=seed)
        torch.testing.assert_close(model(batch), wide(batch), rtol=0.1, atol=0.1)
    assert model.tables["1"].table.value.dtype == getattr(torch, dtype)


@EACH
def test_reset_clears_the_tables(name):
    model = build(name)
    model(graph())
    weight = model.convs[0].state_dict()
    weight = {key: value.clone() for key, value in weight.items() if "weight" in key}
    model.reset_parameters()
    assert not any(table.table.seen.any() for table in model.tables.values())
    assert all(not torch.equal(value, model.convs[0].state_dict()[key]) for key, value in weight.items())


def test_accepts_batches_of_loaders():
    from torch_geometric.loader import NodeLoader

    from xgraph.sampling import NeighborSampler
    from xgraph.sampling import in_degree as degree_of

    data = graph(num_edges=300)
    model = build("sage", num_layers=3)
    data = with_aggregates(model, data)
    for batch in NeighborLoader(data, [2, 2], batch_size=10):
        model(batch).sum().backward()
        assert torch.equal(batch.x_aggr, data.x_aggr[batch.n_id])
    data.degree = degree_of(data)
    for batch in NodeLoader(data, NeighborSampler(data, [2, 2]), batch_size=10):
        assert model(batch).shape == (10, 3)
    assert int(model.tables["2"].table.seen.sum()) == NUM_NODES


def test_untrimmed_batch():
    """Nodes of the last hop are computed at no layer that knows nothing of their neighbours."""
    data = graph(num_edges=300)
    model = build("sage", norm="none")
    batch = neighbourhood_of(with_aggregates(model, data), [3, 4], 1, 2)
    trimmed = model(batch)
    model.reset_parameters()
    other = build("sage", norm="none")
    del batch.num_sampled_nodes, batch.num_sampled_edges
    torch.testing.assert_close(other(batch), trimmed)
    assert other.tables["1"].table.seen.nonzero().view(-1).tolist() == [3, 4]


def test_options():
    names = {name: [option.name for option in options_of(cls)] for name, cls in MODELS.items() if "-fm" in name}
    for name, result in names.items():
        assert result[0] == "hidden_channels"
        assert {"gamma", "gradient", "table_dtype", "table_storage", "table_in_checkpoint", "jk"} <= set(result)
        assert ("exact_input" in result) == (name != "gat-fm")
        assert "num_nodes" not in result
        assert ("heads" in result) == (name == "gat-fm")
        assert issubclass(MODELS[name], MomentumModel)
        text = repr(build(name.removesuffix("-fm")))
        assert all(f"{option}=" in text for option in [*result, "num_nodes"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gamma": 0}, r"gamma is the weight of the new value and must lie in \(0, 1\], got 0"),
        ({"gradient": "none"}, "gradient must be one of straight_through, scaled, got 'none'"),
        ({"table_dtype": "int8"}, "table_dtype must be one of float32, bfloat16, float16, got 'int8'"),
        ({"table_storage": "tape"}, "table_storage must be one of device, pinned, host, mmap, got 'tape'"),
        ({"num_nodes": 0}, "0"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        build("sage", **options)


@EACH
def test_bad_batches(name):
    data = graph()
    model = build(name)
    kind = PAIRS[name][1].__name__
    data = data if name == "gat" else with_aggregates(model, data)

    def batch(**changes):
        result = neighbourhood_of(data, [1, 2], 2, 2)
        for key, value in changes.items():
            result[key] = value
        return result

    with pytest.raises(ValueError, match=f"the batch has no n_id, which {kind} needs in training"):
        model(batch(n_id=None))
    with pytest.raises(ValueError, match=f"sampled batch has no degree, which {kind} needs"):
        model(batch(degree=None))
    with pytest.raises(ValueError, match="n_id must have one entry for each of the 9 nodes"):
        model(batch(n_id=torch.arange(2)))
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(IndexError, match="num_nodes=30"):
        model(batch(n_id=batch().n_id + 29))
    small = Data(x=data.x[:20], edge_index=data.edge_index[:, (data.edge_index < 20).all(0)])
    with pytest.raises(ValueError, match=r"no n_id.*num_nodes=30 nodes \(if the graph has grown, create a new model"):
        model(small)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items() if "tables" in key)
    if name == "gat":
        with pytest.raises(ValueError, match="sampled with 1 hops, but the model has num_layers=2$"):
            model(neighbourhood(data, [1], 1))
        return
    with pytest.raises(ValueError, match=f"no x_aggr, which {kind} needs in training: set data.x_aggr = xgraph.nn.inp"):
        model(batch(x_aggr=None))
    with pytest.raises(ValueError, match=r"x_aggr must have the shape of x, \[\d+, 6\], got \[\d+, 5\]"):
        model(batch(x_aggr=batch().x_aggr[:, :5]))
    with pytest.raises(ValueError, match="sampled with 0 hops, but the model has num_layers=2 and x_aggr, and needs 1"):
        model(neighbourhood_of(data, [1], 0))
    assert model.eval()(batch(n_id=None)).shape == (2, 3)
    with pytest.raises(ValueError, match="sampled with 1 hops, but the model has num_layers=2$"):
        model(neighbourhood(data, [1], 1))
