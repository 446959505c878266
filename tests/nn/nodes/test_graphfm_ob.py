import copy
import math

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from xgraph.estimators import CosineGamma
from xgraph.nn import GAT, GCN, GraphFMOB, GraphSAGE, GraphSAGEFM, input_aggregate
from xgraph.nn.convolutions.block import Block, count_self_loops, in_degree
from xgraph.sampling import ClusterLoader

MODELS = pytest.mark.parametrize("kind", [GraphSAGE, GCN, GAT])
NUM_NODES = 40


def graph(num_edges=160, channels=5, seed=0):
    """Directed, with parallel edges, a hub, nodes without edges, and one that only sends."""
    g = torch.Generator().manual_seed(seed)
    edges = torch.randint(NUM_NODES - 3, (2, num_edges), generator=g)
    edges[0, :20] = 4
    edges = torch.cat([edges[:, edges[0] != edges[1]], torch.tensor([[NUM_NODES - 1] * 2, [0, 9]])], 1)
    y = torch.randint(2, (NUM_NODES, 3), generator=g).float()
    return Data(x=torch.randn(NUM_NODES, channels, generator=g), edge_index=edges, y=y)


def parts_of(num_parts=4, seed=1):
    return torch.randint(num_parts, (NUM_NODES,), generator=torch.Generator().manual_seed(seed))


def make(kind=GraphSAGE, seed=0, **options):
    torch.manual_seed(seed)
    usual = {"hidden_channels": 8, "num_layers": 3, "dropout": 0.0, "norm": "layer"}
    return kind(3, 5, **{**usual, **options})


def loader(data=None, **options):
    data = graph() if data is None else data
    return ClusterLoader(data, parts_of(), **{"halo": "all", "prefetch": 0, **options})


def exact(model, data, number):
    """What a layer gives for the whole graph, before dropout; of a model without dropout and residuals."""
    size = data.x.size(0)
    degree = in_degree(data.edge_index[1], size)
    loops = count_self_loops(data.edge_index, degree)
    block = Block(data.edge_index, size, degree, torch.arange(size), loops if model.adds_self_loops else None)
    h = data.x
    with torch.no_grad():
        for layer in range(number + 1):
            h = model.layer(layer, h, block)
    return h


def state(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def equal(first, second):
    assert first.keys() == second.keys()
    return all(torch.equal(first[name], second[name]) for name in first)


@MODELS
@pytest.mark.parametrize("options", [{}, {"norm": "batch", "residual": True, "jk": "sum", "dropout": 0.5}])
@pytest.mark.parametrize("gamma", [0, 0.3])
def test_single_part_matches_the_whole_graph(kind, options, gamma):
    data = graph()
    plain, other = make(kind, **options), GraphFMOB(make(kind, **options), NUM_NODES, gamma)
    (batch,) = ClusterLoader(data, torch.zeros(NUM_NODES, dtype=torch.int64))
    for given in (batch, data):
        results = []
        for model in (plain, other):
            torch.manual_seed(7)
            model.zero_grad()
            logits = model(given)
            torch.nn.functional.binary_cross_entropy_with_logits(logits, given.y).backward()
            results.append((logits, [p.grad for p in model.parameters()]))
        assert torch.equal(results[0][0], results[1][0])
        assert all(torch.equal(a, b) for a, b in zip(results[0][1], results[1][1], strict=True))
    assert equal(state(plain), state(other.model))
    assert other.tables["0"].table.seen.all()


@MODELS
@pytest.mark.parametrize("halo", ["read", "all"])
def test_tables_become_exact_without_momentum(kind, halo):
    """With frozen weights: the first layer's in one epoch, the next one's in two, and then the logits are."""
    data = graph()
    model = make(kind)
    train = GraphFMOB(model, NUM_NODES, gamma=0)
    batches = list(loader(data, halo=halo))
    logits = model(data).detach()
    for epoch in range(3):
        right = [torch.allclose(train(b), logits[b.n_id[: b.batch_size]], atol=1e-5) for b in batches]
        assert all(right) == (epoch == 2)
        tables = [train.tables[name].table.value for name in "01"]
        assert torch.allclose(tables[0], exact(model, data, 0), atol=1e-5)
        assert torch.allclose(tables[1], exact(model, data, 1), atol=1e-5) == (epoch >= 1)


def sage_by_hand(model, number, x, edges, targets):
    """A layer of GraphSAGE without normalisation, in NumPy, for some targets."""
    conv = model.convs[number]
    left, bias, right = (w.detach().numpy() for w in (conv.lin_l.weight, conv.lin_l.bias, conv.lin_r.weight))
    out = []
    for target in targets:
        sources = [s for s, t in edges if t == target]
        mean = np.mean([x[s] for s in sources], 0) if sources else np.zeros_like(x[target])
        out.append(np.maximum(left @ mean + bias + right @ x[target], 0))
    return np.array(out)


@pytest.mark.parametrize("halo", ["read", "batch", "all"])
def test_momentum_matches_a_manual_computation(halo):
    data = graph()
    data.x = data.x.double()
    model = make(norm="none", num_layers=2).double()
    train = GraphFMOB(model, NUM_NODES, 0.3).double()
    table, known = np.zeros((NUM_NODES, 8)), np.zeros(NUM_NODES, bool)
    batches = list(loader(data, halo=halo))
    estimated = 0
    for batch in batches * 2:
        size, edges = batch.batch_size, list(zip(*batch.edge_index.tolist(), strict=True))
        h = sage_by_hand(model, 0, batch.x.numpy(), edges, range(len(batch.x)))
        for position, node in enumerate(batch.n_id.tolist()):
            has_edges = any(t == position for _, t in edges) or batch.degree[position] == 0
            if position >= size and has_edges:
                h[position] = (0.7 * table[node] + 0.3 * h[position]) if known[node] else h[position]
                estimated += int(batch.degree[position] > 0)
            elif position >= size and known[node]:
                h[position] = table[node]
            if position < size or has_edges:
                table[node], known[node] = h[position], True
        expected = sage_by_hand(model, 1, h, edges, range(size))
        np.testing.assert_allclose(train.embed(batch).detach().numpy(), expected, atol=1e-12)
        np.testing.assert_allclose(train.tables["0"].table.value.numpy(), table, atol=1e-12)
        assert train.tables["0"].table.seen.tolist() == known.tolist()
    assert (estimated > 0) == (halo != "read")


def test_gcn_estimates_are_rescaled_by_the_true_degrees():
    data = graph()
    model = make(GCN, norm="none", num_layers=2)
    train = GraphFMOB(model, NUM_NODES, 1.0)
    batch = next(iter(loader(data, halo="batch")))
    train(batch)
    degree = batch.degree.double()
    conv = model.convs[0]
    h = batch.x.double() @ conv.lin.weight.double().T
    row, col = batch.edge_index
    for node in range(batch.batch_size, len(batch.n_id)):
        sources = row[col == node]
        if not len(sources):
            continue
        weight = degree[node] / len(sources) / ((degree[node] + 1) * (degree[sources] + 1)).sqrt()
        expected = ((weight[:, None] * h[sources]).sum(0) + h[node] / (degree[node] + 1) + conv.bias).relu()
        torch.testing.assert_close(
            train.tables["0"].table.value[batch.n_id[node]].double(), expected, atol=1e-5, rtol=1e-5
        )


@pytest.mark.parametrize("gradient", ["scaled", "straight_through"])
def test_gradients(gradient):
    """Those of the step as it is written, or with the estimate's not scaled; what was in the table gets none."""
    data = graph()
    data.x = data.x.double()
    model = make(norm="none", num_layers=2).double()
    train = GraphFMOB(model, NUM_NODES, 0.25, gradient=gradient).double()
    batches = list(loader(data))
    for batch in batches[:3]:
        train(batch)
    batch, size = batches[1], batches[1].batch_size
    halo = batch.n_id[size:]
    table = train.tables["0"].table
    old, seen = table.value[halo].clone(), table.seen[halo].clone()
    assert seen.any()
    train.embed(batch).square().sum().backward()
    result = [p.grad for p in model.convs.parameters()]
    model.zero_grad()
    block = Block(batch.edge_index, len(batch.x), batch.degree, batch.n_id)
    h = model.layer(0, batch.x, block)
    known = (in_degree(batch.edge_index[1], len(batch.x)) > 0)[size:] | (batch.degree[size:] == 0)
    moved = 0.75 * old + 0.25 * h[size:]
    if gradient == "straight_through":
        moved = moved.detach() + h[size:] - h[size:].detach()
    beside = torch.where(known[:, None], torch.where(seen[:, None], moved, h[size:]), old)
    beside = torch.where((seen | known)[:, None], beside, h[size:].detach())
    inner = block._replace(edge_index=batch.edge_index[:, : batch.num_cluster_edges], num_targets=size)
    model.layer(1, torch.cat([h[:size], beside]), inner).square().sum().backward()
    for a, b in zip(result, model.convs.parameters(), strict=True):
        torch.testing.assert_close(a, b.grad, rtol=1e-9, atol=1e-10)


def test_unseen_halo_nodes_are_zero_without_momentum():
    model = make(norm="none", num_layers=2)
    batch = next(iter(loader()))
    train = GraphFMOB(model, NUM_NODES, 0)
    embedding = train.embed(batch)
    size = batch.batch_size
    inner = Block(batch.edge_index[:, : batch.num_cluster_edges], size, batch.degree, batch.n_id)
    h = torch.cat([model.layer(0, batch.x, inner), torch.zeros(len(batch.x) - size, 8)])
    torch.testing.assert_close(embedding, model.layer(1, h, inner))
    assert train.tables["0"].table.seen.nonzero()[:, 0].tolist() == sorted(batch.n_id[:size].tolist())


def test_tables_hold_embeddings_before_dropout():
    model = make(dropout=0.5, norm="none", num_layers=2)
    train = GraphFMOB(model, NUM_NODES, 0)
    for batch in loader():
        train(batch)
    without = make(norm="none", num_layers=2)
    torch.testing.assert_close(train.tables["0"].table.value, exact(without, graph(), 0))


def test_batch_norm_statistics_come_from_the_cluster_only():
    batch = next(iter(loader()))
    result = []
    for gamma in (0, 0.5):
        model = make(norm="batch", num_layers=2)
        GraphFMOB(model, NUM_NODES, gamma)(batch)
        result.append((model.norms[0].running_mean, model.norms[0].running_var))
        assert model.norms[0].training
        assert not torch.equal(model.norms[0].running_mean, torch.zeros(8))
    assert torch.equal(result[0][0], result[1][0])
    assert torch.equal(result[0][1], result[1][1])


@pytest.mark.parametrize("gamma", [0, 0.3])
def test_evaluation_does_not_write(gamma):
    train = GraphFMOB(make(norm="batch"), NUM_NODES, gamma)
    batches = list(loader())
    train(batches[0])
    before = state(train)
    train.eval()
    logits = [train(batch) for batch in batches]
    assert equal(state(train), before)
    assert torch.equal(train(batches[1]), logits[1])
    data = graph()
    assert torch.equal(train(data), train.model(data))
    train.tables["0"].reset_parameters()
    assert not torch.equal(train(batches[1]), logits[1])


def test_residual_and_jumping_knowledge_with_a_halo():
    """In two layers by hand: a halo node's residual is what it had before."""
    model = make(norm="none", residual=True, jk="sum")
    train = GraphFMOB(model, NUM_NODES, 0)
    batches = list(loader())
    for batch in batches:
        train(batch)
    batch, size = batches[0], batches[0].batch_size
    inner = Block(batch.edge_index[:, : batch.num_cluster_edges], size, batch.degree, batch.n_id)
    tables = [train.tables[name].table.value.clone() for name in "01"]
    result = train.embed(batch)
    h1 = torch.cat([model.layer(0, batch.x, inner), tables[0][batch.n_id[size:]]])
    second = model.layer(1, h1, inner)
    h2 = torch.cat([second, tables[1][batch.n_id[size:]] + h1[size:]])
    torch.testing.assert_close(result, h1[:size] + second + model.layer(2, h2, inner))


def test_exact_input():
    """Two layers are exact for every batch, and need no table."""
    data = graph()
    model = make(GraphSAGEFM, num_layers=2)
    data.x_aggr = input_aggregate(model, data.x, data.edge_index)
    train = GraphFMOB(model, NUM_NODES)
    assert len(train.tables) == 0
    expected = model.eval()(data)
    for batch in loader(data, halo="read"):
        torch.testing.assert_close(train.train()(batch), expected[batch.n_id[: batch.batch_size]], atol=1e-5, rtol=1e-5)
    assert list(GraphFMOB(make(GraphSAGEFM), NUM_NODES).tables) == ["1"]
    with pytest.raises(ValueError, match="the batch has no x_aggr"):
        train(next(iter(loader())))


def test_sparse_features():
    data = graph()
    data.x = data.x * (data.x > 0)
    dense = [GraphFMOB(make(), NUM_NODES)(batch) for batch in loader(data)]
    data.x = data.x.to_sparse_csr()
    for batch, expected in zip(loader(data, sparse=True), dense, strict=True):
        assert batch.x.layout == torch.sparse_csr
        torch.testing.assert_close(GraphFMOB(make(), NUM_NODES)(batch), expected, atol=1e-5, rtol=1e-5)


def test_batches_without_num_cluster_edges():
    """The edges may come in any order."""
    batch = next(iter(loader()))
    first = GraphFMOB(make(), NUM_NODES)(batch)
    order = torch.randperm(batch.num_edges, generator=torch.Generator().manual_seed(0))
    other = Data(batch.x, batch.edge_index[:, order], n_id=batch.n_id, degree=batch.degree, batch_size=batch.batch_size)
    torch.testing.assert_close(GraphFMOB(make(), NUM_NODES)(other), first, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("options", [{}, {"dtype": torch.bfloat16}, {"storage": "mmap"}, {"storage": "pinned"}])
def test_state(options):
    batches = list(loader())
    train = GraphFMOB(make(), NUM_NODES, **options)
    for batch in batches:
        train(batch)
    other = GraphFMOB(make(seed=5), NUM_NODES, **options)
    other.load_state_dict(copy.deepcopy(train.state_dict()))
    twin = copy.deepcopy(train)
    expected = train(batches[0])
    for same in (other, twin):
        assert torch.equal(same(batches[0]), expected)
        assert equal(state(same), state(train))
    twin.reset_parameters()
    assert not twin.tables["0"].table.seen.any()
    assert train.tables["0"].table.seen.any()
    assert train.tables["0"].table.value.dtype == options.get("dtype", torch.float32)


def test_tables_can_be_left_out_of_checkpoints():
    train = GraphFMOB(make(), NUM_NODES, in_checkpoint=False)
    assert not any(name.startswith("tables") for name in train.state_dict())
    other = GraphFMOB(make(), NUM_NODES + 1)
    with pytest.raises(RuntimeError, match=f"belongs to a graph with {NUM_NODES} nodes, but num_nodes={NUM_NODES + 1}"):
        other.load_state_dict(GraphFMOB(make(), NUM_NODES).state_dict())


def test_two_layers_never_share_a_table():
    tables = [table.table.value.data_ptr() for table in GraphFMOB(make(num_layers=4), NUM_NODES).tables.values()]
    assert len(set(tables)) == 3


def test_schedules():
    train = GraphFMOB(make(), NUM_NODES, CosineGamma(10, 0.2))
    train.set_epoch(5)
    assert all(math.isclose(table.gamma, 0.6) for table in train.tables.values())


def changed(**attributes):
    batch = next(iter(loader()))
    for name, value in attributes.items():
        setattr(batch, name, value(batch) if callable(value) else value)
    return batch


@pytest.mark.parametrize(
    ("attributes", "error", "message"),
    [
        ({"n_id": None}, ValueError, "the batch has no n_id: use xgraph.sampling.ClusterLoader"),
        ({"degree": None}, ValueError, "the batch has no degree"),
        ({"n_id": lambda b: b.n_id[1:]}, ValueError, r"n_id must have one entry for each of \d+ nodes"),
        ({"n_id": lambda b: b.n_id + 30}, IndexError, "tables have num_nodes=40.*if the graph has grown"),
        ({"n_id": lambda b: b.n_id - 30}, IndexError, "n_id must be between 0 and 39"),
        (
            {"n_id": lambda b: b.n_id * 0},
            ValueError,
            "n_id must not contain duplicates, but node 0",
        ),
        ({"batch_size": lambda b: b.batch_size + 1}, ValueError, r"the batch must have all \d+ edges into its first"),
        ({"x": None}, ValueError, "the batch has no x"),
    ],
)
def test_invalid_batches_are_rejected(attributes, error, message):
    train = GraphFMOB(make(), NUM_NODES)
    before = state(train)
    with pytest.raises(error, match=message):
        train(changed(**attributes))
    assert equal(state(train), before)


def test_batch_without_halo_is_rejected():
    with pytest.raises(ValueError, match="use xgraph.sampling.ClusterLoader with a halo"):
        GraphFMOB(make(), NUM_NODES)(next(iter(loader(halo="none"))))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"model": torch.nn.Linear(2, 2)}, TypeError, "model must be a NodeModel such as GraphSAGE, got Linear"),
        ({"model": make(GraphSAGEFM, num_nodes=NUM_NODES)}, ValueError, "model must not have tables of its own"),
        ({"gamma": -0.1}, ValueError, "got -0.1"),
        ({"gamma": 1.1}, ValueError, "got 1.1"),
        ({"num_nodes": 0}, ValueError, "num_items|num_nodes"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        GraphFMOB(**{"model": make(), "num_nodes": NUM_NODES, **arguments})
