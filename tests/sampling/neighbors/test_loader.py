import gc
import inspect
import threading
import warnings

import numpy as np
import pytest
import torch
from sampling_graphs import hetero_data, random_graph
from torch_geometric.data import Data, HeteroData
from torch_geometric.nn import GATConv, GCNConv, HeteroConv, SAGEConv
from torch_geometric.utils import trim_to_layer

from xgraph.sampling import DualSampler, NeighborLoader, NeighborSampler, in_degree
from xgraph.sampling.memory import storage
from xgraph.sampling.neighbors.pyg_arguments import INSTEAD

WORDS = ["device", "pinned", "host", "mmap"]
FANOUTS = [3, 2]


def graph(seed=0, num_features=7):
    edge_index, num_nodes = random_graph(seed=seed)
    rng = torch.Generator().manual_seed(seed)
    return Data(
        x=torch.rand(num_nodes, num_features, generator=rng),
        edge_index=edge_index,
        edge_attr=torch.rand(edge_index.shape[1], 2, generator=rng),
        y=torch.randint(0, 3, (num_nodes,), generator=rng),
        train_mask=torch.rand(num_nodes, generator=rng) < 0.5,
        pos=np.arange(num_nodes),
        label_index=torch.stack([torch.arange(num_nodes)] * 2),  # PyG joins *_index along the last dimension
        node_name=[f"n{i}" for i in range(num_nodes)],
        edge_weight=torch.rand(edge_index.shape[1], generator=rng),
        scale=torch.tensor(2.0),
        title="a graph",
    )


def equal(a, b):
    """Raise an error unless two batches are the same."""
    a, b = a.to_dict(), b.to_dict()

    def compare(left, right, where):
        assert type(left) is type(right), where
        if isinstance(left, dict):
            assert list(left) == list(right), where
            for key in left:
                compare(left[key], right[key], f"{where}.{key}")
        elif isinstance(left, torch.Tensor):
            assert left.dtype == right.dtype, where
            assert torch.equal(left, right), where
        else:
            assert left == right, where

    compare(a, b, "batch")


def test_attributes_match_the_whole_graph():
    data = graph()
    seeds = torch.arange(0, 60, 2)
    loader = NeighborLoader(data, FANOUTS, seeds, batch_size=8)
    met = []
    for batch in loader:
        assert type(batch) is Data
        met += batch.n_id[: batch.batch_size].tolist()
        n_id, e_id = batch.n_id, batch.e_id
        assert torch.equal(data.edge_index[:, e_id], n_id[batch.edge_index])
        for name in ("x", "y", "train_mask"):
            assert torch.equal(batch[name], data[name][n_id])
        for name in ("edge_attr", "edge_weight"):
            assert torch.equal(batch[name], data[name][e_id])
        assert batch.pos.tolist() == data.pos[n_id].tolist()
        assert torch.equal(batch.label_index, data.label_index[:, n_id])
        assert batch.node_name == [f"n{i}" for i in n_id.tolist()]
        assert torch.equal(batch.degree, in_degree(data)[n_id])
        assert torch.equal(seeds[batch.input_id], n_id[: batch.batch_size])
        assert (batch.scale, batch.title) == (2.0, "a graph")
        assert sum(batch.num_sampled_nodes) == batch.num_nodes == len(n_id)
        assert sum(batch.num_sampled_edges) == batch.num_edges == len(e_id)
        assert list(batch.to_dict())[: len(data.to_dict())] == list(data.to_dict())
        assert batch.is_node_attr("n_id")
        batch.validate()
    assert met == seeds.tolist()
    assert len(loader) == 4


def test_attributes_match_a_heterogeneous_graph():
    data = hetero_data()
    data["author"].name = [f"a{i}" for i in range(30)]
    data["paper", "cites", "paper"].weight = torch.rand(300)
    data.year = 1999
    degree = in_degree(data)
    for batch in NeighborLoader(data, FANOUTS, ("paper", torch.arange(20)), batch_size=6):
        assert type(batch) is HeteroData
        assert batch.node_types == data.node_types
        assert batch.edge_types == data.edge_types
        assert batch.year == 1999
        for kind in data.node_types:
            store = batch[kind]
            assert torch.equal(store.x, data[kind].x[store.n_id])
            assert store.num_nodes == len(store.n_id) == sum(store.num_sampled_nodes)
        assert batch["author"].name == [f"a{i}" for i in batch["author"].n_id.tolist()]
        for kind in data.edge_types:
            store, (src, _, dst) = batch[kind], kind
            ends = torch.stack([batch[src].n_id[store.edge_index[0]], batch[dst].n_id[store.edge_index[1]]])
            assert torch.equal(data[kind].edge_index[:, store.e_id], ends)
            assert torch.equal(store.edge_attr, data[kind].edge_attr[store.e_id])
            assert torch.equal(store.degree, degree[kind][batch[dst].n_id])
            assert sum(store.num_sampled_edges) == store.num_edges
        cites = "paper", "cites", "paper"
        assert torch.equal(batch[cites].weight, data[cites].weight[batch[cites].e_id])
        paper = batch["paper"]
        assert paper.input_id.tolist() == paper.n_id[: paper.batch_size].tolist()
        assert "batch_size" not in batch["author"]
        batch.validate()


def test_batches_match_the_neighbor_sampler():
    data = graph()
    loader = NeighborLoader(data, FANOUTS, batch_size=10, seed=3)
    sampler = NeighborSampler(data, FANOUTS, seed=3)
    for number, batch in enumerate(loader):
        positions = torch.arange(10 * number, min(10 * number + 10, 60))
        out = sampler.sample(positions, input_id=torch.cat([torch.tensor([0]), positions]))
        assert torch.equal(batch.n_id, out.node)
        assert torch.equal(batch.e_id, out.edge)
        assert torch.equal(batch.edge_index, torch.stack([out.row, out.col]))


def test_adjacency_matrix_is_left_out():
    data = graph()
    data.adj_t = torch.eye(60).to_sparse_csr()
    batch = next(iter(NeighborLoader(data, FANOUTS, batch_size=5)))
    assert "adj_t" not in batch
    assert batch.num_edges == len(batch.e_id)


def test_num_nodes_is_that_of_the_batch():
    data = Data(edge_index=torch.tensor([[1, 2], [0, 1]]), num_nodes=4)
    batch = next(iter(NeighborLoader(data, [1], torch.tensor([0]))))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert batch.num_nodes == 2
    assert batch["num_nodes"] == 2


def test_existing_degree_attribute_is_kept():
    data = graph()
    data.degree = torch.rand(60)
    batch = next(iter(NeighborLoader(data, FANOUTS, batch_size=5)))
    assert torch.equal(batch.degree, data.degree[batch.n_id])


def test_disjoint_subgraphs():
    for batch in NeighborLoader(graph(), FANOUTS, batch_size=5, disjoint=True):
        assert torch.equal(batch.batch[: batch.batch_size], torch.arange(batch.batch_size))
        assert torch.equal(batch.batch[batch.edge_index[0]], batch.batch[batch.edge_index[1]])
        assert len(batch.batch) == batch.num_nodes
    batch = next(iter(NeighborLoader(hetero_data(), FANOUTS, "paper", batch_size=5, disjoint=True)))
    assert len(batch["author"].batch) == batch["author"].num_nodes


@pytest.mark.parametrize("mode", ["uniform", "labor"])
@pytest.mark.parametrize(("prefetch", "word"), [(0, "mmap"), (1, "host"), (5, "pinned"), (5, "device")])
def test_batches_do_not_depend_on_prefetch_and_storage(prefetch, word, mode):
    data = graph()
    settings = {"batch_size": 8, "shuffle": True, "seed": 5, "mode": mode}
    expected = list(NeighborLoader(data, FANOUTS, prefetch=0, **settings))
    found = list(NeighborLoader(data, FANOUTS, prefetch=prefetch, storage=word, **settings))
    assert len(expected) == len(found) == 8
    for a, b in zip(expected, found, strict=True):
        equal(a, b)


@pytest.mark.parametrize("word", WORDS)
def test_sparse_features_equal_dense_features(word):
    data = graph()
    data.x = (data.x - 0.7).clamp(min=0)
    sparse = data.clone()
    sparse.x = data.x.to_sparse_csr()
    settings = {"batch_size": 8, "storage": word}
    for a, b, c in zip(
        NeighborLoader(data, FANOUTS, **settings),
        NeighborLoader(sparse, FANOUTS, **settings),
        NeighborLoader(sparse, FANOUTS, sparse=True, **settings),
        strict=True,
    ):
        equal(a, b)
        assert c.x.layout == torch.sparse_csr
        assert torch.equal(c.x.to_dense(), a.x)
        assert c.num_nodes == a.num_nodes


def test_epochs_differ_and_are_reproducible():
    def epochs(loader, number):
        return [[b.n_id.tolist() for b in loader] for _ in range(number)]

    settings = {"batch_size": 8, "shuffle": True, "seed": 1}
    first = epochs(NeighborLoader(graph(), FANOUTS, **settings), 3)
    loader = NeighborLoader(graph(), FANOUTS, **settings)
    assert epochs(loader, 3) == first
    assert first[0] != first[1] != first[2]
    for epoch in range(3):
        assert sorted(sum((ids[:8] for ids in first[epoch][:-1]), first[epoch][-1][:4])) == list(range(60))
    loader.set_epoch(1)
    assert epochs(loader, 1) == first[1:2]
    assert loader.epoch == 1
    assert epochs(NeighborLoader(graph(), FANOUTS, **(settings | {"seed": 2})), 1) != first[:1]


def test_draws_differ_between_epochs_without_shuffling():
    loader = NeighborLoader(graph(), [1, 1], batch_size=60)
    assert next(iter(loader)).e_id.tolist() != next(iter(loader)).e_id.tolist()


def test_global_random_state_is_neither_used_nor_changed():
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    before = torch.get_rng_state()
    first = [b.n_id.tolist() for b in NeighborLoader(graph(), FANOUTS, batch_size=8, shuffle=True)]
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    assert [b.n_id.tolist() for b in NeighborLoader(graph(), FANOUTS, batch_size=8, shuffle=True)] == first


@pytest.mark.parametrize("prefetch", [0, 3])
@pytest.mark.parametrize("consumed", [0, 1, 3, 8])
def test_resumes_at_the_saved_position(prefetch, consumed):
    def make():
        return NeighborLoader(graph(), FANOUTS, batch_size=8, shuffle=True, prefetch=prefetch)

    loader, restored = make(), make()
    list(loader)
    iterator = iter(loader)
    for _ in range(consumed):
        next(iterator)
    state = loader.state_dict()
    assert all(isinstance(value, int) for value in state.values())
    if consumed == 0:
        expected = list(iterator)
    elif consumed == 8:
        list(iterator)
        expected = list(loader)
    else:
        expected = list(iterator)
    restored.load_state_dict(state)
    found = list(restored)
    assert len(found) == len(expected)
    for a, b in zip(expected, found, strict=True):
        equal(a, b)


def test_set_epoch_keeps_a_position_restored_within_that_epoch():
    loader = NeighborLoader(graph(), FANOUTS, batch_size=8)
    next(iter(loader))
    other = NeighborLoader(graph(), FANOUTS, batch_size=8)
    other.load_state_dict(loader.state_dict())
    other.set_epoch(0)
    assert len(list(other)) == 7
    other.set_epoch(0)
    assert len(list(other)) == 8


def test_states_of_other_loaders_are_rejected():
    loader = NeighborLoader(graph(), FANOUTS, batch_size=8)
    with pytest.raises(ValueError, match="state was saved with seed = 1, but this NeighborLoader has seed = 0"):
        loader.load_state_dict(NeighborLoader(graph(), FANOUTS, batch_size=8, seed=1).state_dict())
    with pytest.raises(ValueError, match="num_batches = 60, but this NeighborLoader has num_batches = 8"):
        loader.load_state_dict(NeighborLoader(graph(), FANOUTS).state_dict())
    with pytest.raises(ValueError, match="missing epoch, batch"):
        loader.load_state_dict({"seed": 0, "num_input_nodes": 60, "num_batches": 8})
    with pytest.raises(TypeError, match="state of NeighborLoader must be the result of"):
        loader.load_state_dict([])
    with pytest.raises(ValueError, match=r"state\['epoch'\] must be at least 0, got -1"):
        loader.load_state_dict(loader.state_dict() | {"epoch": -1})


@pytest.mark.parametrize("prefetch", [0, 2])
def test_two_loops_can_run_at_the_same_time(prefetch):
    def make():
        return NeighborLoader(graph(), FANOUTS, batch_size=8, shuffle=True, prefetch=prefetch)

    expected = make()
    first, second = list(expected), list(expected)
    loader = make()
    one, other = iter(loader), iter(loader)
    for a, b in zip(first, second, strict=True):
        equal(next(one), a)
        equal(next(other), b)


@pytest.mark.parametrize("how", ["break", "error", "drop"])
def test_leaving_a_loop_early_stops_the_thread(how):
    loader = NeighborLoader(graph(), FANOUTS, batch_size=2, prefetch=4)

    def loop():
        for _ in loader:
            if how == "error":
                raise RuntimeError("in the loop")
            break

    if how == "error":
        with pytest.raises(RuntimeError, match="in the loop"):
            loop()
    elif how == "break":
        loop()
    else:
        iterator = iter(loader)
        next(iterator)
        del iterator
    gc.collect()
    assert not [t for t in threading.enumerate() if t.name.startswith("xgraph-prefetch")]
    assert len(list(loader)) == 30


@pytest.mark.parametrize("prefetch", [0, 2])
def test_errors_in_transform_are_raised_in_the_loop(prefetch):
    def transform(batch):
        raise ZeroDivisionError("transform")

    with pytest.raises(ZeroDivisionError, match="transform"):
        list(NeighborLoader(graph(), FANOUTS, prefetch=prefetch, transform=transform))


def test_transform_is_applied_to_batches():
    def transform(batch):
        batch.double = batch.x * 2
        return batch

    for batch in NeighborLoader(graph(), FANOUTS, batch_size=20, transform=transform):
        assert torch.equal(batch.double, batch.x * 2)


@pytest.mark.parametrize(("drop_last", "sizes"), [(False, [25, 25, 10]), (True, [25, 25])])
def test_last_batch_can_be_dropped(drop_last, sizes):
    loader = NeighborLoader(graph(), FANOUTS, batch_size=25, drop_last=drop_last)
    assert [batch.batch_size for batch in loader] == sizes
    assert len(loader) == len(sizes)


def test_dual_sampler_defines_the_batches():
    data = graph()
    nodes = torch.arange(5, 60)
    labels = (torch.arange(55) % 11 == 0).float()  # 5 positives
    settings = {"batch_size": 10, "sampling_rate": 0.2, "seed": 4}
    loader = NeighborLoader(data, FANOUTS, nodes, batch_sampler=DualSampler(labels, **settings))
    expected = DualSampler(labels, **settings)
    assert len(loader) == len(expected)
    for epoch in range(2):
        for positions, batch in zip(expected.batches(epoch), loader, strict=True):
            assert batch.batch_size == 10
            assert batch.input_id.tolist() == positions.tolist()
            assert torch.equal(batch.n_id[:10], nodes[torch.from_numpy(positions)])
            assert labels[batch.input_id].sum() == 2
    loader.set_epoch(0)
    assert next(iter(loader)).input_id.tolist() == next(expected.batches(0)).tolist()


def test_repeated_seeds_have_separate_rows():
    batch = next(iter(NeighborLoader(graph(), FANOUTS, batch_sampler=[[3, 3, 1]])))
    assert batch.n_id[:3].tolist() == [3, 3, 1]
    assert batch.batch_size == 3
    assert torch.equal(batch.x[0], batch.x[1])


def test_resuming_with_a_dual_sampler():
    labels = (torch.arange(60) % 11 == 0).float()

    def make():
        return NeighborLoader(graph(), FANOUTS, batch_sampler=DualSampler(labels, batch_size=10), prefetch=3)

    loader, restored = make(), make()
    iterator = iter(loader)
    next(iterator), next(iterator)
    restored.load_state_dict(loader.state_dict())
    for a, b in zip(iterator, restored, strict=True):
        equal(a, b)


def test_with_batches_shares_the_graph():
    data = graph()
    train = NeighborLoader(data, FANOUTS, data.train_mask, batch_size=4, shuffle=True, seed=2)
    valid = train.with_batches(~data.train_mask, batch_size=16)
    assert valid.neighbor_sampler is train.neighbor_sampler
    assert len(train.input_nodes) + len(valid.input_nodes) == 60
    fresh = NeighborLoader(data, FANOUTS, ~data.train_mask, batch_size=16, seed=2)
    list(train)
    for a, b in zip(fresh, valid, strict=True):
        equal(a, b)
    assert train.epoch == 0
    assert next(iter(train)).batch_size == 4


class Net(torch.nn.Module):
    def __init__(self, kind, trim=False):
        super().__init__()
        torch.manual_seed(0)
        self.convs = torch.nn.ModuleList([kind(7, 8), kind(8, 3)])
        self.trim = trim

    def forward(self, x, edge_index, nodes=None, edges=None):
        for layer, conv in enumerate(self.convs):
            if self.trim and nodes is not None:
                x, edge_index, _ = trim_to_layer(layer, nodes, edges, x, edge_index)
            x = conv(x, edge_index)
            x = x.relu() if layer == 0 else x
        return x


def gcn(inputs, outputs):
    # Normalisation uses degrees of the whole graph, which a batch does not have, so it is switched off.
    return GCNConv(inputs, outputs, normalize=False)


@pytest.mark.parametrize("trim", [False, True])
@pytest.mark.parametrize("kind", [SAGEConv, GATConv, gcn], ids=["sage", "gat", "gcn"])
def test_sampling_all_neighbours_gives_the_full_graph_output(kind, trim):
    data = graph()
    # GATConv replaces existing self-loops with its own inside the layer, so trimming does not affect them.
    model = Net(kind, trim).eval()
    with torch.no_grad():
        expected = model(data.x, data.edge_index)
        for batch in NeighborLoader(data, [-1, -1], batch_size=7, shuffle=True):
            out = model(batch.x, batch.edge_index, batch.num_sampled_nodes, batch.num_sampled_edges)
            seeds = batch.n_id[: batch.batch_size]
            torch.testing.assert_close(out[: batch.batch_size], expected[seeds], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", [SAGEConv, GATConv, GCNConv])
def test_models_train_on_batches(kind):
    data = graph()
    model = Net(kind)
    for batch in NeighborLoader(data, FANOUTS, data.train_mask, batch_size=8):
        out = model(batch.x, batch.edge_index)[: batch.batch_size]
        torch.nn.functional.cross_entropy(out, batch.y[: batch.batch_size]).backward()
    assert all(p.grad is not None for p in model.parameters())


def test_heterogeneous_models_give_the_full_graph_output():
    data = hetero_data()

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            sizes = ((1, 4), (4, 2))
            self.convs = torch.nn.ModuleList(
                HeteroConv({kind: SAGEConv((i, i), o) for kind in data.edge_types}) for i, o in sizes
            )

        def forward(self, x, edge_index):
            for conv in self.convs:
                x = {name: value.tanh() for name, value in conv(x, edge_index).items()}
            return x["paper"]

    model = Model().eval()
    with torch.no_grad():
        expected = model(data.x_dict, data.edge_index_dict)
        for batch in NeighborLoader(data, [-1, -1], "paper", batch_size=9):
            out = model(batch.x_dict, batch.edge_index_dict)[: batch["paper"].batch_size]
            torch.testing.assert_close(out, expected[batch["paper"].n_id[: len(out)]], atol=1e-5, rtol=1e-5)


def test_fan_outs_by_edge_type():
    data = hetero_data()
    fanouts = {kind: [2, 1] if kind[2] == "paper" else [0, 0] for kind in data.edge_types}
    for batch in NeighborLoader(data, fanouts, "paper", batch_size=10):
        for kind in data.edge_types:
            assert (batch[kind].num_edges > 0) == (kind[2] == "paper")


def test_changing_the_graph_later_has_no_effect():
    data = graph()
    loader = NeighborLoader(data, FANOUTS, batch_size=60)
    x = data.x
    data.x = None
    data.edge_index = None
    batch = next(iter(loader))
    assert torch.equal(batch.x, x[batch.n_id])


def test_repr():
    text = repr(NeighborLoader(graph(), FANOUTS, batch_size=8, storage="mmap"))
    assert text.startswith("NeighborLoader(60 input nodes, batch_size=8, NeighborSampler(")
    assert text.endswith("device=cpu, storage=mmap)")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"input_nodes": torch.ones(59, dtype=torch.bool)}, ValueError, "one entry for each of 60 nodes"),
        ({"input_nodes": torch.tensor([60])}, IndexError, "input_nodes must be node ids from 0 to 59, got 60"),
        ({"input_nodes": torch.tensor([0.5])}, TypeError, "input_nodes must be integers or a mask"),
        ({"input_nodes": torch.tensor([], dtype=torch.int64)}, ValueError, "input_nodes must hold at least one node"),
        ({"input_nodes": ("paper", None)}, (TypeError, ValueError), "input_nodes"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"batch_size": 1.5}, TypeError, "batch_size must be an integer, got 1.5"),
        ({"prefetch": -1}, ValueError, "prefetch must be at least 0, got -1"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"storage": "disk"}, ValueError, "storage must be one of device, pinned, host, mmap, got 'disk'"),
        ({"device": "tpu"}, ValueError, "device must be 'cpu' or 'cuda', got 'tpu'"),
        ({"mode": "other"}, ValueError, "mode must be"),
        ({"num_neighbors": []}, ValueError, "num_neighbors must have at least one hop"),
        ({"num_neighbors": [-2]}, ValueError, "num_neighbors must hold numbers of 0 or more, or -1"),
        ({"num_neighbors": None}, TypeError, "num_neighbors must be a list"),
        ({"transform": 3}, TypeError, "transform must be callable with a batch, got int"),
        ({"batch_sampler": [[0]], "batch_size": 4}, ValueError, "batch_sampler cannot be combined with batch_size"),
        ({"batch_sampler": [[0]], "shuffle": True}, ValueError, "batch_sampler cannot be combined with"),
        ({"batch_sampler": iter([[0]])}, TypeError, "batch_sampler must have a length and yield lists of positions"),
        ({"num_workers": 2}, TypeError, "does not support PyG's argument num_workers: a thread prepares .* prefetch=2"),
        ({"subgraph_type": "induced"}, TypeError, "PyG's argument subgraph_type: subgraphs are always directional"),
        ({"time_attr": "time"}, TypeError, "PyG's argument time_attr: temporal sampling is not supported"),
        ({"batchsize": 2}, TypeError, "got an unexpected keyword argument 'batchsize'"),
        ({"num_neighbors": {3, 2}}, TypeError, "num_neighbors must be a list"),
    ],
)
def test_invalid_arguments_are_rejected(arguments, error, message):
    with pytest.raises(error, match=message):
        NeighborLoader(graph(), **({"num_neighbors": FANOUTS} | arguments))


def test_invalid_data_is_rejected():
    with pytest.raises(TypeError, match="data must be PyG's Data or HeteroData, got Tensor"):
        NeighborLoader(torch.rand(3), FANOUTS)
    with pytest.raises(ValueError, match="edge_index"):
        NeighborLoader(Data(x=torch.rand(3, 2)), FANOUTS)
    with pytest.raises(IndexError, match="got source 7 at edge 0"):
        NeighborLoader(Data(x=torch.rand(3, 2), edge_index=torch.tensor([[7], [0]])), FANOUTS)
    with pytest.raises(TypeError, match="edge_index must hold integers"):
        NeighborLoader(Data(x=torch.rand(3, 2), edge_index=torch.tensor([[1.0], [0.0]])), FANOUTS)
    with pytest.raises(TypeError, match="or a pair of a node type and ids or a mask"):
        NeighborLoader(hetero_data(), FANOUTS)


def test_positions_out_of_range_raise_in_the_loop():
    loader = NeighborLoader(graph(), FANOUTS, torch.tensor([4, 5]), batch_sampler=[[0, 1], [2]])
    with pytest.raises(IndexError, match="batch_sampler must yield positions from 0 to 1 in input_nodes, got 2"):
        list(loader)


def test_missing_gpu_is_reported(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for word in WORDS:
        with pytest.raises(ValueError, match="got 'cuda': torch finds no usable GPU"):
            NeighborLoader(graph(), FANOUTS, device="cuda", storage=word)


def test_graph_too_large_for_the_gpu_is_rejected(monkeypatch):
    data = graph()
    size = 60 * (7 * 4 + 8 + 1 + 8 + 16) + 500 * (2 * 4 + 4)  # its attributes alone
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(storage, "free_memory", lambda device: size if device.type == "cuda" else 2**40)
    message = (
        r'not enough memory on the GPU \(cuda:0\) for the graph and its attributes: .*; use storage="pinned" or "host"'
    )
    with pytest.raises(ValueError, match=message):
        NeighborLoader(data, FANOUTS, device="cuda")


@pytest.mark.parametrize("name", INSTEAD)
def test_unsupported_pyg_arguments_are_rejected_with_a_hint(name):
    assert name not in inspect.signature(NeighborLoader.__init__).parameters
    with pytest.raises(TypeError, match=f"does not support PyG's argument {name}: "):
        NeighborLoader(graph(), FANOUTS, **{name: None})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("x", torch.zeros(61, 2), "x must have one entry for each of 60 nodes or 500 edges, got 61"),
        ("y", torch.zeros(59), "y must have one entry for each of 60 nodes or 500 edges, got 59"),
        ("y", [0] * 59, "y must have one entry for each of 60 nodes or 500 edges, got 59"),
        ("y", np.zeros((1, 60)), "y must have one entry for each of 60 nodes or 500 edges, got 1"),
        ("valid_mask", torch.ones(40, dtype=torch.bool), "valid_mask must have one entry .*, got 40"),
        ("edge_attr", torch.zeros(499, 3), "edge_attr must have one entry for each of 60 nodes or 500 edges, got 499"),
        ("edge_weight", torch.zeros(2), "edge_weight must have one entry .*, got 2"),
    ],
)
def test_attributes_of_the_wrong_length_are_rejected(name, value, message):
    data = graph()
    data.num_nodes = 60
    data[name] = value
    with pytest.raises(ValueError, match=message):
        NeighborLoader(data, FANOUTS)


def test_attributes_of_the_wrong_length_are_rejected_in_heterogeneous_graphs():
    data = hetero_data()
    data["paper"].y = torch.zeros(49)
    with pytest.raises(ValueError, match="y of 'paper' must have one entry for each of 50 nodes, got 49"):
        NeighborLoader(data, FANOUTS, "paper")
    data["paper"].y = torch.zeros(50)
    data["paper", "cites", "paper"].edge_attr = torch.zeros(50)
    message = r"edge_attr of \('paper', 'cites', 'paper'\) must have one entry for each of 300 edges, got 50"
    with pytest.raises(ValueError, match=message):
        NeighborLoader(data, FANOUTS, "paper")


def test_graph_level_attributes_are_passed_on():
    data = graph()
    data.y, data.classes, data.edge_label = torch.tensor(1.0), ["a", "b"], torch.arange(7)
    batch = next(iter(NeighborLoader(data, FANOUTS)))
    assert (batch.y, batch.classes, len(batch.edge_label)) == (1.0, ["a", "b"], 7)


def test_later_changes_of_edges_have_no_effect():
    for edge_index in (torch.tensor([[2, 0, 1], [0, 1, 2]]), torch.tensor([[2, 0, 1], [0, 1, 2]], dtype=torch.int32)):
        loader = NeighborLoader(Data(x=torch.eye(3), edge_index=edge_index), [1], torch.tensor([0]))
        edge_index.zero_()
        assert next(iter(loader)).n_id.tolist() == [0, 2]


def test_invalid_epochs_are_rejected():
    with pytest.raises(ValueError, match="epoch must be at most 9223372036854775807"):
        NeighborLoader(graph(), FANOUTS).set_epoch(2**64)


def test_batch_samplers_with_invalid_positions_are_rejected():
    with pytest.raises(TypeError, match=r"batch_sampler must yield lists of integers, got \['a'\]"):
        list(NeighborLoader(graph(), FANOUTS, batch_sampler=[["a"]]))


def test_buffers_are_kept_for_the_batches_in_use():
    for prefetch in (0, 3):
        loader = NeighborLoader(graph(), FANOUTS, prefetch=prefetch)
        assert loader._attributes._buffers.most == prefetch + 2
        assert loader._attributes._nodes[None]["x"].value._buffers.most == prefetch + 2


def test_degrees_are_looked_up_on_the_device_of_the_graph(monkeypatch):
    """The ids of the batch may already be on the GPU, and using them would force a synchronisation."""
    loader = NeighborLoader(graph(), FANOUTS, batch_size=20, prefetch=0)
    make = loader._attributes.batch

    def batch_elsewhere(sampled):
        batch = make(sampled)
        batch.n_id = batch.n_id.to("meta")
        return batch

    monkeypatch.setattr(loader._attributes, "batch", batch_elsewhere)
    for batch, expected in zip(loader, NeighborLoader(graph(), FANOUTS, batch_size=20), strict=True):
        assert torch.equal(batch.degree, expected.degree)


def test_gpu_work_is_recorded_before_the_first_batch(monkeypatch):
    edge_index, num_nodes = random_graph()
    loader = NeighborLoader(Data(edge_index=edge_index, num_nodes=num_nodes), [2], batch_size=20, prefetch=0)
    sampler, sizes = loader.neighbor_sampler, []
    sample = type(sampler).sample
    monkeypatch.setattr(
        sampler, "sample", lambda seeds, *args, **kw: (sizes.append(len(seeds)), sample(sampler, seeds, *args, **kw))[1]
    )
    assert len(list(loader)) == 3
    assert sizes == [20, 20, 20]
    monkeypatch.setattr(sampler, "device", torch.device("cuda"))
    sizes.clear()
    with_others = loader.with_batches(torch.arange(10), batch_size=20)
    for _ in range(2):
        assert len(list(with_others)) == 1
    assert sizes == [10, 10, 10, 10]  # twice to record, and one batch in each loop
