import importlib
from itertools import pairwise

import numpy as np
import pytest
import torch
from sampling_graphs import hetero_data, random_graph
from torch_geometric.data import Data

from xgraph.sampling import partition
from xgraph.sampling.clusters.numba_partition import sweep

METHODS = pytest.mark.parametrize("method", ["metis", "bfs"])
module = importlib.import_module("xgraph.sampling.clusters.partition")


def planted(num_blocks=10, block=40, within=400, between=40, seed=0):
    """Blocks of nodes with many edges within and few between them, in random order."""
    rng = np.random.default_rng(seed)
    first = np.arange(num_blocks).repeat(within)[None] * block + rng.integers(block, size=(2, num_blocks * within))
    edges = np.concatenate([first, rng.integers(num_blocks * block, size=(2, between))], 1)
    names = rng.permutation(num_blocks * block)
    return torch.from_numpy(names[edges]), num_blocks * block


def cut(edges, parts):
    return float((parts[edges[0]] != parts[edges[1]]).float().mean())


@METHODS
@pytest.mark.parametrize("num_parts", [1, 2, 7, 60])
def test_parts_are_balanced_and_not_empty(method, num_parts):
    edges, num_nodes = random_graph()
    parts = partition((edges, num_nodes), num_parts, method=method)
    assert (parts.shape, parts.dtype) == ((num_nodes,), torch.int64)
    sizes = parts.bincount()
    assert len(sizes) == num_parts
    assert sizes.min() > 0
    mean = num_nodes / num_parts
    if method == "bfs":
        assert sizes.max() <= max(np.ceil(mean) + 1, np.ceil(1.1 * mean))
        assert sizes.min() >= np.floor(0.9 * mean)


@METHODS
def test_planted_partition_is_recovered(method):
    edges, num_nodes = planted()
    parts = partition(Data(edge_index=edges, num_nodes=num_nodes), 10, method=method)
    assert cut(edges, parts) < 0.03  # planted: .009; at random: .9


@METHODS
def test_depends_on_the_seed_only(method):
    edges, num_nodes = random_graph(300, 2000)
    first, same, other = (partition((edges, num_nodes), 8, seed, method) for seed in (5, 5, 6))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


@METHODS
def test_directions_loops_and_parallel_edges_are_ignored(method):
    edges, num_nodes = random_graph(100, 300)
    loops = torch.arange(100).expand(2, -1)
    more = torch.cat([edges.flip(0), loops, edges, edges], 1)
    expected = partition((edges, num_nodes), 5, method=method)
    assert torch.equal(partition((more, num_nodes), 5, method=method), expected)
    assert torch.equal(partition((more.int(), num_nodes), 5, method=method), expected)


@METHODS
def test_graph_without_edges(method):
    sizes = partition((torch.empty(2, 0, dtype=torch.int64), 12), 4, method=method).bincount()
    assert sizes.min() > 0
    assert len(sizes) == 4


def test_metis_leaves_no_part_empty():
    """METIS by itself leaves some of these parts empty."""
    for seed in range(60):
        rng = np.random.default_rng(seed)
        num_nodes = int(rng.integers(20, 60))
        edges = torch.from_numpy(rng.integers(num_nodes, size=(2, int(rng.integers(4 * num_nodes)))))
        num_parts = int(rng.integers(num_nodes * 3 // 4, num_nodes + 1))
        sizes = partition((edges, num_nodes), num_parts, method="metis").bincount(minlength=num_parts)
        assert sizes.min() > 0


def slow_sweep(neighbors, order, part, least, most):
    """A reference for `sweep` on lists of neighbours."""
    for node in order:
        size = np.bincount(part)
        own = part[node]
        if size[own] <= least:
            continue
        size[own] -= 1
        score = np.bincount(part[neighbors[node]], minlength=len(size)) * (1 - size / most)
        candidates = [part[other] for other in neighbors[node] if score[part[other]] == score.max()]
        if score.max() > score[own]:
            part[node] = candidates[0]
    return part


@pytest.mark.parametrize("seed", range(3))
def test_sweep_moves_nodes_to_their_neighbours(seed):
    edges, num_nodes = random_graph(80, 400, seed)
    begin, neighbor = module._undirected(edges, num_nodes)
    neighbors = [neighbor[a:b] for a, b in pairwise(begin)]
    for node, result in enumerate(neighbors):
        both = torch.cat([edges[1, edges[0] == node], edges[0, edges[1] == node]]).numpy()
        assert result.tolist() == sorted(set(both.tolist()) - {node})
    rng = np.random.default_rng(seed)
    part, order = rng.permutation(num_nodes) % 6, rng.permutation(num_nodes)
    expected = slow_sweep(neighbors, order, part.copy(), 10, 15)
    result = part.copy()
    moved = sweep(begin, neighbor, order, result, np.bincount(result), 10, 15, np.zeros(6, np.int64))
    assert result.tolist() == expected.tolist()
    assert moved == (result != part).sum() > 0


def test_missing_pymetis_is_reported(monkeypatch):
    edges, num_nodes = random_graph()
    bfs, metis = (partition((edges, num_nodes), 5, method=method) for method in ("bfs", "metis"))
    assert torch.equal(partition((edges, num_nodes), 5), metis)
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert torch.equal(partition((edges, num_nodes), 5), bfs)
    with pytest.raises(ValueError, match=r'method="metis" requires pymetis: pip install xgraph-pyg\[metis\]'):
        partition((edges, num_nodes), 5, method="metis")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_parts": 0}, ValueError, "num_parts must be at least 1, got 0"),
        ({"num_parts": 61}, ValueError, "num_parts must be at most 60, the number of nodes, got 61"),
        ({"num_parts": 2.5}, TypeError, "num_parts must be an integer, got 2.5"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
        ({"method": "louvain"}, ValueError, "method must be one of auto, metis, bfs, got 'louvain'"),
        ({"data": torch.zeros(2, 3)}, TypeError, "data must be Data, HeteroData or"),
        ({"data": hetero_data()}, TypeError, "data must be Data or .* with node types"),
        (
            {"data": (torch.tensor([[0], [9]]), 3)},
            IndexError,
            "edge_index must hold node ids from 0 to 2, got target 9",
        ),
    ],
)
def test_invalid_arguments_are_rejected(arguments, error, message):
    with pytest.raises(error, match=message):
        partition(**{"data": random_graph(), "num_parts": 3, **arguments})
