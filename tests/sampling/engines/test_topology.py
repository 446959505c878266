import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch_geometric
from sampling_graphs import edge_indices, hetero_data, random_graph
from torch_geometric.data import Data, HeteroData
from torch_geometric.transforms import ToSparseTensor

from xgraph.sampling import in_degree
from xgraph.sampling.engines import topology
from xgraph.sampling.engines.topology import EDGE, Graph, Topology


def test_edges_are_sorted_by_target_in_stable_order():
    edge_index, num_nodes = random_graph()
    topology = Topology.from_edge_index(edge_index, num_nodes, num_nodes)
    for node in range(num_nodes):
        of_node = slice(int(topology.colptr[node]), int(topology.colptr[node + 1]))
        expected = (edge_index[1] == node).nonzero()[:, 0]
        assert torch.equal(topology.perm[of_node].long(), expected)
        assert torch.equal(topology.row[of_node].long(), edge_index[0, expected])
    assert topology.row.dtype == topology.perm.dtype == torch.int32
    assert torch.equal(topology.degree, torch.bincount(edge_index[1], minlength=num_nodes))
    assert topology.nbytes == 8 * (num_nodes + 1) + 8 * edge_index.shape[1]


def test_sorted_edges_need_no_permutation():
    edge_index, num_nodes = random_graph()
    edge_index = edge_index[:, edge_index[1].argsort(stable=True)]
    topology = Topology.from_edge_index(edge_index, num_nodes, num_nodes)
    assert topology.perm is None
    assert torch.equal(topology.row.long(), edge_index[0])


def test_row_and_perm_share_an_array_until_they_are_moved():
    topology = Topology.from_edge_index(*random_graph()[:1], 60, 60)
    assert topology.pairs is not None
    kept = topology.map(torch.clone, keep_pairs=True)
    assert kept.pairs is not None
    apart = topology.map(torch.clone)
    assert apart.pairs is None
    assert apart.row.is_contiguous()
    for other in (kept, apart, pickle.loads(pickle.dumps(topology))):
        assert torch.equal(other.row, topology.row)
        assert torch.equal(other.perm, topology.perm)
    assert topology.to("cpu") is topology


@pytest.mark.parametrize("make", [lambda e, n: (e, n), lambda e, n: Data(edge_index=e, num_nodes=n)])
def test_in_degree_counts_parallel_edges_and_isolated_nodes(make):
    edge_index, num_nodes = random_graph()
    expected = torch.tensor([int((edge_index[1] == node).sum()) for node in range(num_nodes)])
    assert torch.equal(in_degree(make(edge_index, num_nodes)), expected)
    assert torch.equal(in_degree(Graph.from_data((edge_index, num_nodes))), expected)
    assert (expected == 0).any()


def test_heterogeneous_graphs_by_edge_type():
    data = hetero_data()
    graph = Graph.from_data(data)
    assert graph.is_hetero
    assert graph.num_nodes == {"paper": 50, "author": 30, "venue": 8}
    assert Graph.from_data(graph) is graph
    for edge_type, edge_index in edge_indices(graph).items():
        assert torch.equal(edge_index, data[edge_type].edge_index)
        degree = torch.bincount(data[edge_type].edge_index[1], minlength=data[edge_type[2]].num_nodes)
        assert torch.equal(in_degree(data)[edge_type], degree)


def test_a_graph_of_isolated_nodes():
    graph = Graph.from_data((torch.empty(2, 0, dtype=torch.int64), 3))
    assert graph.topologies[EDGE].degree.tolist() == [0, 0, 0]
    assert in_degree((torch.empty(2, 0, dtype=torch.int64), 3)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("use", [Graph.from_data, in_degree])
@pytest.mark.parametrize(
    ("edge_index", "error", "message"),
    [
        ([[0, 3], [1, 1]], IndexError, "edge_index must hold node ids from 0 to 2, got source 3 at edge 1"),
        ([[0, 1], [-1, 1]], IndexError, "edge_index must hold node ids from 0 to 2, got target -1 at edge 0"),
        ([[0.0, 1.0], [1.0, 1.0]], TypeError, "edge_index must hold integers, got a tensor of dtype torch.float32"),
        ([[True, True], [False, True]], TypeError, "edge_index must hold integers, got a tensor of dtype torch.bool"),
        ([[0, 1]], ValueError, r"edge_index must have shape \[2, E\], got \[1, 2\]"),
        ([0, 1], ValueError, r"edge_index must have shape \[2, E\], got \[2\]"),
    ],
)
def test_invalid_edges_are_rejected(use, edge_index, error, message):
    with pytest.raises(error, match=message):
        use((torch.tensor(edge_index), 3))
    if error is not ValueError:
        with pytest.raises(error, match=message):
            use(Data(x=torch.zeros(3, 1), edge_index=torch.tensor(edge_index)))


def test_graphs_without_edges_or_sizes_are_rejected():
    with pytest.raises(ValueError, match=r"data must have an edge_index, got none; .* \[2, 0\]"):
        Graph.from_data(Data(x=torch.zeros(3, 1)))
    data = HeteroData()
    data["a"].x = torch.zeros(3, 1)
    with pytest.raises(ValueError, match="at least one edge type, got none"):
        Graph.from_data(data)
    data["a", "to", "b"].edge_index = torch.zeros(2, 1, dtype=torch.int64)
    with pytest.raises(ValueError, match="must have the node type 'b', which its edge type"):
        Graph.from_data(data)
    data["b"].name = "no size"
    with pytest.raises(ValueError, match="num_nodes of type 'b' is unknown: set num_nodes"):
        Graph.from_data(data)
    data["b"].num_nodes = 1
    data["a", "of", "b"].weight = torch.zeros(1)
    with pytest.raises(ValueError, match=r"edge_index for every edge type, got none for \('a', 'of', 'b'\)"):
        Graph.from_data(data)
    with pytest.raises(TypeError, match=r"data must be Data, HeteroData or \(edge_index, num_nodes\), got list"):
        Graph.from_data([1])
    for size in (2.5, True):
        with pytest.raises(TypeError, match=f"num_nodes must be an integer, got {size}"):
            Graph.from_data((torch.zeros(2, 1, dtype=torch.int64), size))
    with pytest.raises(ValueError, match="num_nodes must be at least 0, got -3"):
        Graph.from_data((torch.zeros(2, 1, dtype=torch.int64), -3))
    with pytest.raises(TypeError, match="edge_index must be a tensor, got list"):
        Graph.from_data(([[0], [0]], 2))


@pytest.mark.parametrize("size", [np.int64(60), torch.tensor(60)])
def test_sizes_can_be_of_any_integer_type(size):
    edge_index, _ = random_graph()
    graph = Graph.from_data((edge_index, size))
    assert type(graph.num_nodes[""]) is int
    assert graph.num_nodes[""] == 60


def test_error_for_adj_t_says_how_to_convert_it():
    edge_index, num_nodes = random_graph()
    whole = Data(x=torch.zeros(num_nodes, 1), edge_index=edge_index)
    data = ToSparseTensor(layout=torch.sparse_csr)(whole.clone())
    with pytest.raises(
        ValueError, match=r"got only adj_t; convert it: data.edge_index = .*to_edge_index\(data.adj_t\)"
    ):
        Graph.from_data(data)
    data.edge_index = torch_geometric.utils.to_edge_index(data.adj_t)[0].flip(0)
    assert set(zip(*data.edge_index.tolist(), strict=True)) == set(zip(*edge_index.tolist(), strict=True))
    typed = hetero_data()
    name = "paper", "cites", "paper"
    typed[name].adj_t = torch.eye(50).to_sparse_csr()
    del typed[name].edge_index
    with pytest.raises(ValueError, match=r"got for \('paper', 'cites', 'paper'\) only adj_t; convert it"):
        Graph.from_data(typed)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.int16, torch.uint8])
@pytest.mark.parametrize("layout", ["rows", "columns", "sorted"])
@pytest.mark.parametrize("num_edges", [0, 1, 500])
def test_counting_sort_equals_sort(dtype, layout, num_edges):
    edge_index = random_graph()[0][:, :num_edges].to(dtype)
    if layout == "columns":
        edge_index = edge_index.T.contiguous().T
    elif layout == "sorted":
        edge_index = edge_index[:, edge_index[1].argsort(stable=True)]
    result = topology._counting_sort(edge_index, 60, 60)
    for a, b in zip(result, topology._sort(edge_index.long(), 60, 60), strict=True):
        assert (a is None) == (b is None)
        assert a is None or (a.dtype == b.dtype and torch.equal(a, b))


def test_ids_and_positions_can_differ_in_integer_type(monkeypatch):
    monkeypatch.setattr(topology, "narrow", lambda size: torch.int32 if size < 100 else torch.int64)
    edge_index, num_nodes = random_graph()
    result = Topology.from_edge_index(edge_index, num_nodes, num_nodes)
    assert (result.row.dtype, result.perm.dtype, result.pairs) == (torch.int32, torch.int64, None)
    monkeypatch.undo()
    expected = Topology.from_edge_index(edge_index, num_nodes, num_nodes)
    assert torch.equal(result.row, expected.row)
    assert torch.equal(result.perm, expected.perm.long())


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("sort", [topology._counting_sort, topology._sort])
def test_topology_shares_no_memory_with_the_edges(dtype, wide, sort, monkeypatch):
    if wide:
        monkeypatch.setattr(topology, "narrow", lambda size: torch.int64)
    edge_index = torch.tensor([[2, 1, 0], [0, 1, 2]], dtype=dtype)
    row = sort(edge_index, 3, 3)[1]
    edge_index.zero_()
    assert row.tolist() == [2, 1, 0]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks the system for the highest memory use")
def test_building_needs_little_extra_memory():
    """Measured in a separate process, whose peak memory is that of building; sorting would take 29 bytes per edge."""
    code = """
import pathlib, torch
from xgraph.sampling.engines.topology import Topology
def resident(name):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))
Topology.from_edge_index(torch.tensor([[0, 1], [1, 0]]), 2, 2)
edges = torch.randint(0, 1000, (2, 4_000_000))
before = resident("VmRSS")
pathlib.Path("/proc/self/clear_refs").write_text("5")  # reset the peak, which a process inherits
Topology.from_edge_index(edges, 1000, 1000)
print((resident("VmHWM") - before) / 4_000_000)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 12
