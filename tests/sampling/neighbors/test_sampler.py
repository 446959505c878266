import copy
import pickle

import numpy as np
import pytest
import torch
from sampling_graphs import hetero_data, random_graph
from torch import nn
from torch_geometric.data import Data
from torch_geometric.loader import LinkLoader, NodeLoader
from torch_geometric.nn import GraphSAGE, HeteroConv, SAGEConv
from torch_geometric.sampler import EdgeSamplerInput, NegativeSampling, NodeSamplerInput
from torch_geometric.utils import trim_to_layer

from xgraph.sampling import NeighborSampler, in_degree
from xgraph.sampling.engines.topology import EDGE, Graph


def node_data():
    edge_index, num_nodes = random_graph(200, 3000)
    data = Data(x=torch.randn(num_nodes, 4), edge_index=edge_index, edge_attr=torch.arange(3000), y=torch.arange(200))
    data.degree = in_degree(data)
    return data


def same_batches(first, second):
    first, second = list(first), list(second)
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        for left, right in zip(a.stores, b.stores, strict=True):
            assert list(left.keys()) == list(right.keys())
            for name in left.keys():  # noqa: SIM118 - a store is no dictionary
                if isinstance(left[name], torch.Tensor):
                    assert torch.equal(left[name], right[name]), name
                else:
                    assert left[name] == right[name], name


def test_node_loader_returns_subgraphs():
    data = node_data()
    mask = torch.rand(200) < 0.5
    loader = NodeLoader(data, node_sampler=NeighborSampler(data, [4, 3]), input_nodes=mask, batch_size=16)
    seen = []
    for batch in loader:
        seen += batch.n_id[: batch.batch_size].tolist()
        assert torch.equal(data.edge_index[:, batch.e_id], batch.n_id[batch.edge_index])
        assert torch.equal(batch.edge_attr, batch.e_id)
        assert torch.equal(batch.x, data.x[batch.n_id])
        assert torch.equal(batch.degree, torch.bincount(data.edge_index[1], minlength=200)[batch.n_id])
    assert seen == mask.nonzero()[:, 0].tolist()


def test_result_does_not_depend_on_workers_and_they_see_the_epoch():
    data = node_data()
    alone, several = NeighborSampler(data, [4, 3], seed=5), NeighborSampler(data, [4, 3], seed=5)
    kept = NodeLoader(data, node_sampler=alone, batch_size=64)
    workers = NodeLoader(data, node_sampler=several, batch_size=64, num_workers=2, persistent_workers=True)
    first = list(kept)
    same_batches(first, workers)
    same_batches(first, kept)
    alone.set_epoch(1)
    several.set_epoch(1)
    second = list(kept)
    same_batches(second, workers)
    assert not torch.equal(first[0].n_id, second[0].n_id)
    workers._iterator._shutdown_workers()  # otherwise the garbage collector waits 5 s for each of them in another test


@pytest.mark.parametrize("disjoint", [False, True])
@pytest.mark.parametrize("neg_sampling", [None, "binary", "triplet"])
def test_link_loader_returns_subgraphs(disjoint, neg_sampling):
    data = node_data()
    links = data.edge_index[:, :50]

    def loader(num_workers=0):
        sampler = NeighborSampler(data, [4, 3], disjoint=disjoint)
        return LinkLoader(
            data, sampler, edge_label_index=links, neg_sampling=neg_sampling, batch_size=16, num_workers=num_workers
        )

    batches = list(loader())
    torch.manual_seed(77)  # negative links depend on the sampler's seed only
    same_batches(batches, loader())
    same_batches(batches, loader(num_workers=2))
    for batch in batches:
        if neg_sampling == "triplet":
            ends = torch.stack([batch.n_id[batch.src_index], batch.n_id[batch.dst_pos_index]])
        else:
            ends = batch.n_id[batch.edge_label_index][:, : len(batch.input_id)]
        assert torch.equal(ends, links[:, batch.input_id])
        assert ("batch" in batch) == disjoint
        if disjoint:
            assert int(batch.batch.max()) < len(batch.input_id)


def test_negative_links_do_not_change_the_global_generator():
    data = node_data()
    inputs = EdgeSamplerInput(torch.arange(3), data.edge_index[0, :3], data.edge_index[1, :3])
    before = torch.random.get_rng_state()
    NeighborSampler(data, [2]).sample_from_edges(inputs, NegativeSampling("binary"))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_heterogeneous_loaders():
    data = hetero_data()
    fanouts = {name: [3, 2] for name in data.edge_types}
    loader = NodeLoader(data, node_sampler=NeighborSampler(data, fanouts), input_nodes=("paper", None), batch_size=20)
    for batch in loader:
        for name in data.node_types:
            assert torch.equal(batch[name].x[:, 0].long(), batch[name].n_id)
        for src, name, dst in data.edge_types:
            store, whole = batch[src, name, dst], data[src, name, dst]
            assert torch.equal(store.edge_attr, store.e_id)
            row, col = store.edge_index
            assert torch.equal(
                torch.stack([batch[src].n_id[row], batch[dst].n_id[col]]), whole.edge_index[:, store.e_id]
            )
    links = (("author", "writes", "paper"), data["author", "writes", "paper"].edge_index)
    for disjoint in (False, True):
        sampler = NeighborSampler(data, [3, 2], disjoint=disjoint)
        for batch in LinkLoader(data, sampler, edge_label_index=links, neg_sampling="binary", batch_size=50):
            src, dst = batch["author", "writes", "paper"].edge_label_index
            ends = torch.stack([batch["author"].n_id[src], batch["paper"].n_id[dst]])[:, :50]
            assert torch.equal(ends, links[1][:, batch["author", "writes", "paper"].input_id])


def test_trim_to_layer_gives_the_same_output_for_seeds():
    data = node_data()
    model = GraphSAGE(4, 8, num_layers=2).eval()
    batch = next(iter(NodeLoader(data, node_sampler=NeighborSampler(data, [4, 3]), batch_size=16)))
    whole = model(batch.x, batch.edge_index)[:16]
    trimmed = model(
        batch.x,
        batch.edge_index,
        num_sampled_nodes_per_hop=batch.num_sampled_nodes,
        num_sampled_edges_per_hop=batch.num_sampled_edges,
    )
    assert torch.allclose(whole, trimmed[:16], atol=1e-6)


def test_trim_to_layer_gives_the_same_output_for_typed_seeds():
    data = hetero_data()
    convs = nn.ModuleList(HeteroConv({name: SAGEConv((1, 1), 1) for name in data.edge_types}) for _ in range(2)).eval()
    loader = NodeLoader(data, node_sampler=NeighborSampler(data, [3, 2]), input_nodes=("paper", None), batch_size=16)
    batch = next(iter(loader))
    results = []
    for trim in (False, True):
        x, edges = batch.x_dict, batch.edge_index_dict
        for layer, conv in enumerate(convs):
            if trim:
                counts = batch.num_sampled_nodes_dict, batch.num_sampled_edges_dict
                x, edges, _ = trim_to_layer(layer, *counts, x, edges)
            x = conv(x, edges)
        results.append(x["paper"][:16])
    assert torch.allclose(*results, atol=1e-6)


def test_draws_depend_on_seed_epoch_and_input_id():
    graph = Graph.from_data(random_graph(200, 3000))
    seeds = torch.arange(40)

    def nodes(seed=0, epoch=0, input_id=None, seeds=seeds):
        sampler = NeighborSampler(graph, [3], seed=seed)
        sampler.set_epoch(epoch)
        assert sampler.epoch == epoch
        return sampler.sample(seeds, input_id).row.tolist(), sampler.sample(seeds, input_id).node.tolist()

    reference = nodes()
    assert nodes() == reference
    assert nodes(input_id=seeds) == reference
    assert nodes(seeds=seeds.int()) == nodes(seeds=seeds.tolist()) == nodes(seeds=seeds.numpy()) == reference
    assert nodes(seeds=torch.arange(200) < 40) == reference
    for other in (nodes(seed=1), nodes(epoch=1), nodes(input_id=torch.tensor([7]))):
        assert other != reference


def test_copies_and_pickles_sample_the_same():
    sampler = NeighborSampler(random_graph(), [3, 3], seed=1)
    sampler.set_epoch(4)
    expected = sampler.sample([1, 2, 3])
    for other in (copy.deepcopy(sampler), pickle.loads(pickle.dumps(sampler))):
        result = other.sample([1, 2, 3])
        assert torch.equal(result.node, expected.node)
        assert torch.equal(result.edge, expected.edge)
        other.set_epoch(5)
        assert other._epoch.is_shared()
    assert sampler.epoch == 4


@pytest.mark.parametrize("storage", ["device", "pinned", "host", "mmap"])
def test_result_does_not_depend_on_the_storage(storage):
    expected = NeighborSampler(random_graph(), [3, 3]).sample([1, 2, 3])
    result = NeighborSampler(random_graph(), [3, 3], storage=storage).sample([1, 2, 3])
    assert torch.equal(result.node, expected.node)
    assert torch.equal(result.edge, expected.edge)


def test_labor_and_replacement_reach_the_engine():
    edges = random_graph(200, 3000)
    uniform, labor = (NeighborSampler(edges, [3], mode=mode).sample(range(100)) for mode in ("uniform", "labor"))
    assert len(labor.node) < len(uniform.node)
    again = NeighborSampler(edges, [300], replace=True).sample([1])
    assert len(again.edge) == 300


def test_repr():
    sampler = NeighborSampler(random_graph(), [3, -1], seed=2)
    assert repr(sampler) == (
        "NeighborSampler(num_neighbors=[3, -1], replace=False, disjoint=False, mode='uniform', seed=2, device='cpu')"
    )
    assert "('paper', 'cites', 'paper'): [2]" in repr(NeighborSampler(hetero_data(), [2]))
    assert sampler.edge_permutation is None
    assert sampler.num_neighbors == {EDGE: [3, -1]}
    names = {"__".join(name): [1] for name in hetero_data().edge_types}
    assert len(NeighborSampler(hetero_data(), names).num_neighbors) == 6


@pytest.mark.parametrize(
    ("fanouts", "error", "message"),
    [
        ([], ValueError, "num_neighbors must have at least one hop"),
        ([3, -2], ValueError, "num_neighbors must hold numbers of 0 or more, or -1 for all neighbours, got -2"),
        ([2.5], TypeError, "num_neighbors must hold integers, got 2.5"),
        (3, TypeError, "num_neighbors must be a list with one number per hop, got 3"),
        ({3, 2}, TypeError, "num_neighbors must be a list with one number per hop, got {"),
        (frozenset([3]), TypeError, "num_neighbors must be a list with one number per hop, got frozenset"),
        ("3,2", TypeError, "num_neighbors must be a list with one number per hop, got '3,2'"),
        ({EDGE: [3]}, ValueError, "num_neighbors must be a list for a graph without edge types"),
    ],
)
def test_invalid_fanouts_are_rejected(fanouts, error, message):
    with pytest.raises(error, match=message):
        NeighborSampler(random_graph(), fanouts)


def test_invalid_fanouts_by_type_are_rejected():
    data = hetero_data()
    fanouts = {name: [3, 2] for name in data.edge_types}
    with pytest.raises(ValueError, match=r"must hold every edge type, got none for \('author', 'writes', 'paper'\)"):
        NeighborSampler(data, {name: hops for name, hops in fanouts.items() if name[1] != "writes"})
    with pytest.raises(ValueError, match="num_neighbors must only hold edge types of the graph, .*, got 'writes'"):
        NeighborSampler(data, {**fanouts, "writes": [3, 2]})
    with pytest.raises(ValueError, match="must have the same number of hops for every edge type, got"):
        NeighborSampler(data, {**fanouts, ("paper", "cites", "paper"): [3]})


@pytest.mark.parametrize(
    ("seeds", "error", "message"),
    [
        ([0, 60], IndexError, "seeds must be node ids from 0 to 59, got 60 at position 1"),
        ([0, -1], IndexError, "seeds must be node ids from 0 to 59, got -1 at position 1"),
        ([0.5], TypeError, "seeds must be integers or a mask, got a tensor of dtype torch.float64"),
        (torch.ones(3), TypeError, "seeds must be integers or a mask, got a tensor of dtype torch.float32"),
        (
            torch.ones(59, dtype=torch.bool),
            ValueError,
            "seeds must have one entry for each of 60 nodes if a mask, got 59",
        ),
        (np.zeros((2, 2), int), ValueError, r"seeds must have shape \[n\], got \[2, 2\]"),
        ("paper", TypeError, "seeds must be integers or a mask, got 'paper'"),
        (("paper", [1]), ValueError, "the graph has no node types"),
        ({"paper": [1]}, ValueError, "the graph has no node types"),
    ],
)
def test_invalid_seeds_are_rejected(seeds, error, message):
    sampler = NeighborSampler(random_graph(), [2])
    with pytest.raises(error, match=message):
        sampler.sample(seeds)


def test_invalid_seeds_by_type_are_rejected():
    sampler = NeighborSampler(hetero_data(), [2])
    with pytest.raises(ValueError, match=r"seeds must be \(node_type, ids\) or a dictionary"):
        sampler.sample([1])
    with pytest.raises(ValueError, match="one of the node types .*, got 'reader'"):
        sampler.sample(("reader", [1]))
    with pytest.raises(IndexError, match="seeds must be node ids from 0 to 7, got 8 at position 0"):
        sampler.sample({"venue": [8]})


def test_other_invalid_arguments_are_rejected():
    edges = random_graph()
    with pytest.raises(ValueError, match='mode must be "uniform" or "labor", got'):
        NeighborSampler(edges, [2], mode="ladies")
    with pytest.raises(ValueError, match='replace must be False with mode="labor"'):
        NeighborSampler(edges, [2], mode="labor", replace=True)
    with pytest.raises(ValueError, match="seed must be at least 0"):
        NeighborSampler(edges, [2], seed=-1)
    with pytest.raises(ValueError, match="epoch must be at least 0"):
        NeighborSampler(edges, [2]).set_epoch(-1)
    times = NodeSamplerInput(None, torch.arange(2), time=torch.arange(2))
    with pytest.raises(ValueError, match="temporal sampling is not supported"):
        NeighborSampler(edges, [2]).sample_from_nodes(times)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_missing_gpu_is_reported():
    with pytest.raises(ValueError, match="got 'cuda': torch finds no usable GPU"):
        NeighborSampler(random_graph(), [2], device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("storage", ["device", "pinned", "host"])
@pytest.mark.parametrize("options", [{}, {"replace": True}, {"disjoint": True}, {"mode": "labor"}], ids=str)
def test_gpu_samples_the_same(storage, options):
    for data, seeds in ((random_graph(2000, 60_000), range(100)), (hetero_data(), ("paper", range(20)))):
        for fanouts in ([5, 4, 3], [-1, 2], [40]):
            expected = NeighborSampler(data, fanouts, **options).sample(seeds)
            result = NeighborSampler(data, fanouts, device="cuda", storage=storage, **options).sample(seeds)
            assert result.num_sampled_nodes == expected.num_sampled_nodes
            assert result.num_sampled_edges == expected.num_sampled_edges
            for part in ("node", "row", "col", "edge"):
                left, right = getattr(result, part), getattr(expected, part)
                pairs = [(left[name], right[name]) for name in right] if isinstance(right, dict) else [(left, right)]
                for a, b in pairs:
                    assert torch.equal(a.cpu(), b)


def test_negative_links_do_not_change_gpu_generators(monkeypatch):
    """They would not be restored, and a model's dropout would repeat."""
    data = node_data()
    inputs = EdgeSamplerInput(torch.arange(3), data.edge_index[0, :3], data.edge_index[1, :3])

    def seeded(seed):
        raise AssertionError("the GPUs were seeded")

    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded)
    for neg_sampling in (None, NegativeSampling("binary")):
        NeighborSampler(data, [2]).sample_from_edges(inputs, neg_sampling)


def test_generators_are_unchanged_without_negative_links(monkeypatch):
    data = node_data()
    inputs = EdgeSamplerInput(torch.arange(3), data.edge_index[0, :3], data.edge_index[1, :3])
    monkeypatch.setattr(torch, "set_rng_state", None)
    NeighborSampler(data, [2]).sample_from_edges(inputs)


def test_pyg_loaders_repeat_an_epoch_until_set_epoch():
    data = node_data()
    sampler = NeighborSampler(data, [4, 3])
    loader = LinkLoader(data, sampler, data.edge_index[:, :50], neg_sampling="binary", batch_size=50)
    first, again = next(iter(loader)), next(iter(loader))
    assert torch.equal(first.e_id, again.e_id)
    sampler.set_epoch(1)
    other = next(iter(loader))
    links = [batch.n_id[batch.edge_label_index][:, 50:].tolist() for batch in (first, again, other)]
    assert links[0] == links[1] != links[2]


def test_input_ids_can_be_any_integers():
    sampler = NeighborSampler(random_graph(), [2])
    expected = sampler.sample([1, 2], torch.tensor([5, 6]))
    for given in ([5, 6], (5, 6), np.array([5, 6]), torch.tensor([5, 6], dtype=torch.int32)):
        assert torch.equal(sampler.sample([1, 2], given).edge, expected.edge)
    for wrong in ([0.5], ["a"], torch.tensor([True])):
        with pytest.raises(TypeError, match="input_id must be integers, got"):
            sampler.sample([1, 2], wrong)


def test_huge_fan_out_takes_all_neighbours():
    edges = random_graph()
    for mode in ("uniform", "labor"):
        expected = NeighborSampler(edges, [-1, -1], mode=mode).sample([1, 2])
        sampler = NeighborSampler(edges, [10**9, 10**15], mode=mode)
        assert torch.equal(sampler.sample([1, 2]).edge, expected.edge)
        assert sampler.num_neighbors == {EDGE: [10**9, 10**15]}


def test_invalid_epochs_are_rejected():
    sampler = NeighborSampler(random_graph(), [2])
    sampler.set_epoch(2**63 - 1)
    assert sampler.epoch == 2**63 - 1
    with pytest.raises(ValueError, match="epoch must be at most 9223372036854775807, got 18446744073709551616"):
        sampler.set_epoch(2**64)
