import copy

import pytest
import torch
from sampling_graphs import hetero_data, random_graph
from torch_geometric.data import Data

from xgraph.sampling import ClusterLoader, in_degree

HALOS = pytest.mark.parametrize("halo", ["none", "read", "batch", "all"])


def graph(num_nodes=60, num_edges=400, seed=0, is_sorted=False):
    edges, _ = random_graph(num_nodes, num_edges, seed)
    if is_sorted:
        edges = edges[:, edges[1].argsort(stable=True)]
    rng = torch.Generator().manual_seed(seed)
    return Data(
        x=torch.randn(num_nodes, 3, generator=rng),
        y=torch.arange(num_nodes),
        edge_index=edges,
        edge_attr=torch.arange(edges.size(1)).float(),
        name="a graph",
    )


def parts_of(num_nodes=60, num_parts=6, seed=1):
    return torch.randint(num_parts, (num_nodes,), generator=torch.Generator().manual_seed(seed))


def expected(edges, cluster, halo):
    """Halo and edges, computed edge by edge."""
    inside, pairs = set(cluster), list(zip(*edges.tolist(), strict=True))
    halo_nodes = {s for s, t in pairs if t in inside and s not in inside} if halo != "none" else set()
    chosen = set()
    for number, (s, t) in enumerate(pairs):
        within = t in inside and (s in inside or halo != "none")
        into = t in halo_nodes and ((halo in ("batch", "all") and s in inside) or (halo == "all" and s in halo_nodes))
        if within or into:
            chosen.add(number)
    return sorted(halo_nodes), chosen


@HALOS
@pytest.mark.parametrize("is_sorted", [False, True])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_batches_hold_clusters_with_their_halo(halo, is_sorted, batch_size):
    data, parts = graph(is_sorted=is_sorted), parts_of()
    mask = torch.arange(60) % 3 == 0
    loader = ClusterLoader(data, parts, batch_size, halo=halo, input_nodes=mask)
    seen = []
    for number, batch in enumerate(loader):
        chosen = range(6)[number * batch_size : (number + 1) * batch_size]
        cluster = [int(node) for part in chosen for node in (parts == part).nonzero()]
        halo_nodes, edges = expected(data.edge_index, cluster, halo)
        assert (batch.batch_size, batch.n_id.tolist()) == (len(cluster), cluster + halo_nodes)
        assert len(batch.e_id) == len(edges)
        assert set(batch.e_id.tolist()) == edges
        assert torch.equal(batch.n_id[batch.edge_index], data.edge_index[:, batch.e_id])
        assert (batch.edge_index[1].diff() >= 0).all()
        assert batch.num_cluster_edges == int((batch.edge_index[1] < len(cluster)).sum())
        for name in ("x", "y"):
            assert torch.equal(batch[name], data[name][batch.n_id])
        assert torch.equal(batch.edge_attr, data.edge_attr[batch.e_id])
        assert torch.equal(batch.degree, in_degree(data)[batch.n_id])
        assert torch.equal(batch.input_mask, mask[batch.n_id[: batch.batch_size]])
        assert mask.nonzero()[batch.input_id, 0].tolist() == batch.n_id[: batch.batch_size][batch.input_mask].tolist()
        assert batch.name == "a graph"
        assert "num_sampled_nodes" not in batch
        assert batch.num_nodes == len(batch.n_id)
        seen += cluster
    assert number + 1 == len(loader) == -(-6 // batch_size)
    assert sorted(seen) == list(range(60))


def test_all_edges_into_the_cluster_are_included():
    data = graph()
    for batch in ClusterLoader(data, parts_of()):
        assert batch.num_cluster_edges == int(batch.degree[: batch.batch_size].sum())


def test_part_numbers_can_have_gaps():
    parts = torch.tensor([7, 3, 7, 10**12])
    data = Data(x=torch.eye(4), edge_index=torch.tensor([[0, 1, 2], [1, 2, 3]]))
    loader = ClusterLoader(data, parts, halo="none")
    assert [batch.n_id.tolist() for batch in loader] == [[1], [0, 2], [3]]


def test_input_nodes_as_ids_keep_their_positions():
    ids = torch.tensor([50, 2, 31])
    result = {}
    for batch in ClusterLoader(graph(), parts_of(), input_nodes=ids):
        nodes = batch.n_id[: batch.batch_size][batch.input_mask]
        result |= dict(zip(batch.input_id.tolist(), nodes.tolist(), strict=True))
    assert result == {0: 50, 1: 2, 2: 31}
    batch = next(iter(ClusterLoader(graph(), parts_of())))
    assert batch.input_mask.all()
    assert torch.equal(batch.input_id, batch.n_id[: batch.batch_size])


def same(first, second):
    assert first.keys() == second.keys()
    for name in first.keys():  # noqa: SIM118
        a, b = first[name], second[name]
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b, name


@pytest.mark.parametrize("options", [{"prefetch": 0}, {"storage": "mmap"}, {"storage": "host", "prefetch": 1}])
@HALOS
def test_batches_do_not_depend_on_prefetch_and_storage(options, halo):
    usual = ClusterLoader(graph(), parts_of(), 2, shuffle=True, halo=halo)
    other = ClusterLoader(graph(), parts_of(), 2, shuffle=True, halo=halo, **options)
    for first, second in zip(usual, other, strict=True):
        same(first, second)


def epoch(loader):
    return [batch.n_id[: batch.batch_size].tolist() for batch in loader]


def test_epochs_are_reshuffled_and_reproducible():
    def make(seed=3):
        return ClusterLoader(graph(), parts_of(), 2, shuffle=True, seed=seed)

    loader, again = make(), make()
    first, second = epoch(loader), epoch(loader)
    assert first != second
    assert [epoch(again), epoch(again)] == [first, second]
    assert epoch(make(4)) != first
    again.set_epoch(0)
    assert epoch(again) == first
    unshuffled = ClusterLoader(graph(), parts_of(), 2)
    assert epoch(unshuffled) == epoch(unshuffled)


@pytest.mark.parametrize("prefetch", [0, 2])
@pytest.mark.parametrize("handed_out", [0, 1, 2, 3])
def test_resumes_at_the_saved_position(prefetch, handed_out):
    def make():
        return ClusterLoader(graph(), parts_of(), 2, shuffle=True, prefetch=prefetch)

    loader, restored = make(), make()
    epoch(loader)
    batches = iter(loader)
    for _ in range(handed_out):
        next(batches)
    restored.load_state_dict(copy.deepcopy(loader.state_dict()))
    rest = [batch.n_id[: batch.batch_size].tolist() for batch in batches]
    following = epoch(loader)
    if handed_out == 0:  # the position is still the end of the first epoch
        assert epoch(restored) == rest
    elif rest:
        restored.set_epoch(1)
        assert epoch(restored) == rest
    assert epoch(restored) == following


def test_states_of_other_parts_are_rejected():
    state = ClusterLoader(graph(), parts_of()).state_dict()
    for other in (ClusterLoader(graph(), parts_of(seed=2)), ClusterLoader(graph(), parts_of(), shuffle=True)):
        with pytest.raises(ValueError, match="state was saved with"):
            other.load_state_dict(state)


def test_sparse_features_and_transform():
    data = graph()
    data.x = (data.x * (data.x > 0)).to_sparse_csr()
    dense = next(iter(ClusterLoader(data, parts_of())))
    assert torch.equal(dense.x, data.x.to_dense()[dense.n_id])
    sparse = next(iter(ClusterLoader(data, parts_of(), sparse=True, transform=lambda batch: (batch.x, 5))))
    assert sparse[0].layout == torch.sparse_csr
    assert torch.equal(sparse[0].to_dense(), dense.x)


def test_existing_degree_attribute_is_kept():
    data = graph()
    data.degree = torch.arange(60) * 2
    batch = next(iter(ClusterLoader(data, parts_of())))
    assert torch.equal(batch.degree, batch.n_id * 2)


def test_repr():
    loader = ClusterLoader(graph(), parts_of(), 2, halo="read")
    assert repr(loader) == "ClusterLoader(60 nodes in 6 parts, batch_size=2, halo='read', device=cpu, storage=device)"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"data": hetero_data()}, TypeError, "data must be PyG's Data, got HeteroData"),
        (
            {"parts": torch.zeros(59, dtype=torch.int64)},
            ValueError,
            r"one entry for each of 60 nodes, got shape \[59\]",
        ),
        ({"parts": torch.zeros(60)}, TypeError, "parts must be integers, got a tensor of dtype torch.float32"),
        ({"parts": torch.arange(60) - 1}, ValueError, "parts must not be negative, got -1 for node 0"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"halo": True}, ValueError, "halo must be one of none, read, batch, all, got True"),
        ({"input_nodes": [3, 3]}, ValueError, "input_nodes must not hold duplicates"),
        ({"input_nodes": [60]}, IndexError, "got 60"),
        ({"transform": 3}, TypeError, "transform must be callable with a batch, got int"),
        ({"prefetch": -1}, ValueError, "prefetch must be at least 0"),
        ({"storage": "cloud"}, ValueError, "storage must be one of"),
    ],
)
def test_invalid_arguments_are_rejected(arguments, error, message):
    with pytest.raises(error, match=message):
        ClusterLoader(**{"data": graph(), "parts": parts_of(), **arguments})
