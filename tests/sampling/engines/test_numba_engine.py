import itertools
import os
import pickle
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from math import comb
from multiprocessing.reduction import ForkingPickler

import pytest
import torch
from sampling_graphs import check, equal, hetero_data, random_graph
from scipy import stats
from torch_geometric.data import HeteroData
from torch_geometric.utils import k_hop_subgraph

from xgraph.sampling.engines import numba_batch, numba_engine
from xgraph.sampling.engines.numba_engine import NumbaEngine
from xgraph.sampling.engines.topology import EDGE, Graph
from xgraph.sampling.engines.torch_engine import TorchEngine

SEEDS = {"": torch.tensor([3, 0, 59, 17, 1])}


def star(*lists):
    """A graph where node i has the neighbours `lists[i]`."""
    pairs = [(src, dst) for dst, sources in enumerate(lists) for src in sources]
    size = 1 + max(max(pair) for pair in pairs)
    return Graph.from_data((torch.tensor(pairs).T, size))


def chosen(sampled):
    """The neighbours that each seed drew, in order."""
    result = {}
    source = sampled.node[""][sampled.row[EDGE]].tolist()
    for node, target in zip(source, sampled.col[EDGE].tolist(), strict=True):
        result.setdefault(target, []).append(node)
    return result


@pytest.mark.parametrize("fanouts", [[3], [4, 3], [15, 10, 5], [-1, 2], [2, -1], [0], [3, 0, 2], [0, 3], [100, 40]])
@pytest.mark.parametrize("options", [{}, {"replace": True}, {"disjoint": True}, {"replace": True, "disjoint": True}])
def test_samples_are_subgraphs(fanouts, options):
    graph = Graph.from_data(random_graph())
    for number in range(5):
        check(
            NumbaEngine(graph).sample(SEEDS, {EDGE: fanouts}, (number,), **options),
            graph,
            SEEDS,
            {EDGE: fanouts},
            **options,
        )


@pytest.mark.parametrize("disjoint", [False, True])
def test_heterogeneous_samples_are_subgraphs(disjoint):
    graph = Graph.from_data(hetero_data())
    fanouts = {name: [i % 3, 2 + i, (-1) ** i * (1 + i % 2)] for i, name in enumerate(graph.topologies)}
    fanouts = {name: [max(fanout, -1) for fanout in hops] for name, hops in fanouts.items()}
    seeds = {"venue": torch.tensor([7, 2]), "paper": torch.tensor([0, 9, 4])}
    sampled = NumbaEngine(graph).sample(seeds, fanouts, (0,), disjoint=disjoint)
    check(sampled, graph, seeds, fanouts, disjoint=disjoint)
    if disjoint:  # seeds are numbered across types
        assert sampled.batch["venue"][:2].tolist() == [0, 1]
        assert sampled.batch["paper"][:3].tolist() == [2, 3, 4]


@pytest.mark.parametrize("options", [{}, {"replace": True}, {"disjoint": True}, {"mode": "labor"}])
def test_result_does_not_depend_on_the_number_of_threads(options, monkeypatch):
    graph = Graph.from_data(random_graph(500, 20_000))
    seeds, fanouts = {"": torch.arange(100)}, {EDGE: [5, 4, -1]}
    before = torch.get_num_threads()
    alone = NumbaEngine(graph).sample(seeds, fanouts, (1,), **options)
    monkeypatch.setattr(numba_engine, "SPLIT", 50)
    try:
        torch.set_num_threads(3)
        equal(NumbaEngine(graph).sample(seeds, fanouts, (1,), **options), alone)
    finally:
        torch.set_num_threads(before)


def test_engine_can_be_used_by_several_threads():
    engine = NumbaEngine(Graph.from_data(random_graph(500, 20_000)))
    expected = [engine.sample({"": torch.arange(n)}, {EDGE: [5, 4]}, (n,)) for n in range(40)]
    with ThreadPoolExecutor(4) as pool:
        result = list(pool.map(lambda n: engine.sample({"": torch.arange(n)}, {EDGE: [5, 4]}, (n,)), range(40)))
    for a, b in zip(result, expected, strict=True):
        equal(a, b)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_forked_process_creates_its_own_threads(monkeypatch):
    engine = NumbaEngine(Graph.from_data(random_graph(500, 20_000)))
    monkeypatch.setattr(numba_engine, "SPLIT", 50)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        engine.sample({"": torch.arange(100)}, {EDGE: [5]}, (0,))
        child = os.fork()
        if child == 0:  # the alarm ends a deadlock
            import signal

            signal.alarm(60)
            engine.sample({"": torch.arange(100)}, {EDGE: [5]}, (0,))
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    finally:
        torch.set_num_threads(before)


def test_tables_are_not_pickled_and_reset_when_exhausted(monkeypatch):
    engine = NumbaEngine(Graph.from_data(random_graph(5000, 20_000)))
    expected = engine.sample(SEEDS, {EDGE: [3, 3]}, (0,))
    assert len(pickle.dumps(engine)) < engine.graph.nbytes + 4000
    equal(pickle.loads(pickle.dumps(engine)).sample(SEEDS, {EDGE: [3, 3]}, (0,)), expected)
    monkeypatch.setattr(numba_batch, "LARGEST", 6000)  # so that every batch or two clears the table
    for _ in range(200):
        equal(engine.sample(SEEDS, {EDGE: [3, 3]}, (0,)), expected)


@pytest.mark.parametrize(("degree", "fanout"), [(5, 1), (5, 2), (6, 3), (7, 6)])
def test_all_subsets_of_neighbours_are_equally_likely(degree, fanout):
    engine = NumbaEngine(star(range(1, degree + 1)))
    count = Counter()
    for number in range(6000):
        count[tuple(sorted(chosen(engine.sample({"": torch.tensor([0])}, {EDGE: [fanout]}, (number,)))[0]))] += 1
    expected = list(itertools.combinations(range(1, degree + 1), fanout))
    assert set(count) <= set(expected)
    assert stats.chisquare([count[key] for key in expected]).pvalue > 1e-3


def test_many_draws_of_a_long_list_are_uniform():
    """A fan-out large enough for hashing, and the words of many rows."""
    degree, fanout, num_seeds = 200, 40, 50
    engine = NumbaEngine(star(*[range(num_seeds, num_seeds + degree)] * num_seeds))
    inclusion, both = torch.zeros(degree), 0
    for number in range(60):
        sampled = engine.sample({"": torch.arange(num_seeds)}, {EDGE: [fanout]}, (number,))
        for nodes in chosen(sampled).values():
            assert len(set(nodes)) == fanout
            inclusion[torch.tensor(nodes) - num_seeds] += 1
            both += {num_seeds, num_seeds + 199} <= set(nodes)
    draws, share = 60 * num_seeds, fanout / degree
    # Inclusions have the variance of a binomial number, times (n - 1) / n as their sum is fixed.
    statistic = ((inclusion - draws * share) ** 2 / (draws * share * (1 - share))).sum() * (degree - 1) / degree
    assert stats.chi2.sf(float(statistic), degree - 1) > 1e-3
    pair = share * (fanout - 1) / (degree - 1)
    assert stats.binomtest(both, draws, pair).pvalue > 1e-3


def test_seeds_draw_independently():
    engine = NumbaEngine(star([2, 3, 4, 5], [2, 3, 4, 5]))
    count = Counter()
    for number in range(9000):
        result = chosen(engine.sample({"": torch.tensor([0, 1])}, {EDGE: [2]}, (number,)))
        count[tuple(sorted(result[0])), tuple(sorted(result[1]))] += 1
    assert len(count) == comb(4, 2) ** 2
    assert stats.chisquare(list(count.values())).pvalue > 1e-3


def test_hops_draw_independently():
    """In disjoint subgraphs of a cycle: first and second hop of the same node."""
    engine = NumbaEngine(star([0, 1, 2], [3], [3]))
    count = Counter()
    for number in range(6000):
        sampled = engine.sample({"": torch.tensor([0, 0])}, {EDGE: [1]}, (number,))
        count[tuple(sampled.node[""][sampled.row[EDGE]].tolist())] += 1
    assert len(count) == 9
    assert stats.chisquare(list(count.values())).pvalue > 1e-3


def test_with_replacement_all_sequences_are_equally_likely():
    engine = NumbaEngine(star([1, 2, 3]))
    count = Counter()
    for number in range(5400):
        count[tuple(chosen(engine.sample({"": torch.tensor([0])}, {EDGE: [3]}, (number,), replace=True))[0])] += 1
    assert len(count) == 27
    assert stats.chisquare(list(count.values())).pvalue > 1e-3


def test_parallel_edges_are_different_edges():
    engine = NumbaEngine(star([1, 1, 1, 2]))
    count = Counter()
    for number in range(4000):
        sampled = engine.sample({"": torch.tensor([0])}, {EDGE: [2]}, (number,))
        count[tuple(sorted(sampled.edge[EDGE].tolist()))] += 1
    assert len(count) == comb(4, 2)
    assert stats.chisquare(list(count.values())).pvalue > 1e-3


@pytest.mark.parametrize("num_hops", [1, 2, 3])
def test_sampling_all_neighbours_gives_the_k_hop_subgraph(num_hops):
    edge_index, num_nodes = random_graph(200, 300)
    seeds = torch.tensor([5, 0, 199])
    sampled = NumbaEngine(Graph.from_data((edge_index, num_nodes))).sample({"": seeds}, {EDGE: [-1] * num_hops}, (0,))
    nodes, _, _, _ = k_hop_subgraph(seeds, num_hops, edge_index, num_nodes=num_nodes)
    assert torch.equal(sampled.node[""].sort().values, nodes)
    inner = k_hop_subgraph(seeds, num_hops - 1, edge_index, num_nodes=num_nodes)[0] if num_hops > 1 else seeds
    edges = torch.isin(edge_index[1], inner).nonzero()[:, 0]  # every edge into a node that was expanded
    assert torch.equal(sampled.edge[EDGE].sort().values, edges)


def test_no_seeds_isolated_nodes_and_self_loops():
    engine = NumbaEngine(star([0, 1], [], []))
    nothing = engine.sample({"": torch.empty(0, dtype=torch.int64)}, {EDGE: [3, 3]}, (0,))
    assert nothing.num_sampled_nodes == {"": [0, 0, 0]}
    assert nothing.num_sampled_edges == {EDGE: [0, 0]}
    alone = engine.sample({"": torch.tensor([1])}, {EDGE: [3, 3]}, (0,))
    assert alone.node[""].tolist() == [1]
    loop = engine.sample({"": torch.tensor([0])}, {EDGE: [3, 3]}, (0,))
    assert loop.node[""].tolist() == [0, 1]
    assert (loop.row[EDGE].tolist(), loop.col[EDGE].tolist()) == ([0, 1], [0, 0])
    empty = NumbaEngine(Graph.from_data((torch.empty(2, 0, dtype=torch.int64), 3)))
    assert empty.sample({"": torch.tensor([2, 0])}, {EDGE: [-1, 2]}, (0,)).node[""].tolist() == [2, 0]


@pytest.mark.parametrize("disjoint", [False, True])
def test_repeated_seeds_are_repeated_nodes(disjoint):
    graph = Graph.from_data(random_graph())
    seeds = {"": torch.tensor([3, 5, 3])}
    sampled = NumbaEngine(graph).sample(seeds, {EDGE: [2, 2]}, (0,), disjoint=disjoint)
    check(sampled, graph, seeds, {EDGE: [2, 2]}, disjoint=disjoint)
    if not disjoint:
        assert 2 not in sampled.row[EDGE]  # edges start at the first occurrence
        assert len(sampled.node[""].unique()) == len(sampled.node[""]) - 1


def test_labor_targets_share_random_numbers():
    """For two partially overlapping lists, all rankings of the neighbours are equally likely."""
    lists = [2, 3, 4, 5], [4, 5, 6]
    engine = NumbaEngine(star(*lists))
    expected, count = Counter(), Counter()
    for ranking in itertools.permutations(range(2, 7)):
        expected[tuple(tuple(sorted(sorted(part, key=ranking.index)[:2])) for part in lists)] += 1
    for number in range(8000):
        result = chosen(engine.sample({"": torch.tensor([0, 1])}, {EDGE: [2]}, (number,), mode="labor"))
        count[tuple(result[0]), tuple(result[1])] += 1
    assert set(count) <= set(expected)
    total = sum(expected.values())
    observed = [count[key] for key in expected]
    assert stats.chisquare(observed, [8000 * ways / total for ways in expected.values()]).pvalue > 1e-3


def test_labor_samples_are_subgraphs_with_fewer_nodes():
    graph = Graph.from_data(random_graph(2000, 60_000))
    seeds, fanouts = {"": torch.arange(200)}, {EDGE: [5, 5]}
    labor = NumbaEngine(graph).sample(seeds, fanouts, (0,), mode="labor")
    check(labor, graph, seeds, fanouts)
    assert len(labor.node[""]) < 0.9 * len(NumbaEngine(graph).sample(seeds, fanouts, (0,)).node[""])


def test_labor_shares_random_numbers_between_edge_types_with_the_same_source():
    data = hetero_data()
    data["paper", "cites_too", "paper"].edge_index = data["paper", "cites", "paper"].edge_index
    graph = Graph.from_data(data)
    fanouts = {name: [2 if name[1].startswith("cites") else 0] for name in graph.topologies}
    sampled = NumbaEngine(graph).sample({"paper": torch.arange(50)}, fanouts, (0,), mode="labor")
    assert torch.equal(sampled.edge["paper", "cites", "paper"], sampled.edge["paper", "cites_too", "paper"])


def test_sampling_works_after_the_graph_was_sent_to_another_process():
    """Sending moves the tensors to shared memory, so arrays that were created from them before lose their memory."""
    engine = NumbaEngine(Graph.from_data(random_graph(5000, 200_000)))
    seeds = {"": torch.arange(500)}
    expected = engine.sample(seeds, {EDGE: [10, 10]}, (0,))
    ForkingPickler.dumps(engine.graph)
    assert engine.graph.topologies[EDGE].colptr.is_shared()
    kept = [torch.full((400_000,), -1) for _ in range(10)]  # reuses the freed memory
    equal(engine.sample(seeds, {EDGE: [10, 10]}, (0,)), expected)
    del kept


def test_edge_types_with_the_same_edges_draw_independently():
    edge_index = torch.stack([torch.arange(3).repeat(200), torch.arange(200).repeat_interleave(3)])
    data = HeteroData()
    data["a"].num_nodes, data["b"].num_nodes = 3, 200
    for name in ("one", "other"):
        data["a", name, "b"].edge_index = edge_index
    graph = Graph.from_data(data)
    fanouts = {name: [1] for name in graph.topologies}
    count = Counter()
    for number in range(30):
        sampled = NumbaEngine(graph).sample({"b": torch.arange(200)}, fanouts, (number,))
        count.update(zip(*(sampled.node["a"][row].tolist() for row in sampled.row.values()), strict=True))
    assert len(count) == 9
    assert stats.chisquare(list(count.values())).pvalue > 1e-3


def test_hops_of_disjoint_subgraphs_draw_independently():
    """A seed draws the same number from lists of the same length in both hops."""
    engine = NumbaEngine(star([1, 2, 3, 4], *[[5, 6, 7, 8]] * 4))
    count = Counter()
    for number in range(40):
        seeds = torch.zeros(200, dtype=torch.int64)
        sampled = engine.sample({"": seeds}, {EDGE: [1, 1]}, (number,), disjoint=True)
        first, second = sampled.node[""][sampled.row[EDGE]].view(2, 200).tolist()
        count.update(zip(first, second, strict=True))
    assert len(count) == 16
    assert stats.chisquare(list(count.values())).pvalue > 1e-3


def test_labor_hops_use_different_random_numbers():
    """All nodes have the same ten neighbours: all targets of a hop choose the same one, and hops choose differently."""
    lists = [range(10)] * 10
    engine = NumbaEngine(star(*lists))
    agree = 0
    for number in range(400):
        sampled = engine.sample({"": torch.tensor([0])}, {EDGE: [1, 1]}, (number,), mode="labor", disjoint=True)
        chosen_nodes = sampled.node[""][sampled.row[EDGE]].tolist()
        if len(chosen_nodes) == 2:
            agree += chosen_nodes[0] == chosen_nodes[1]
    assert stats.binomtest(agree, 360, 0.1).pvalue > 1e-3


@pytest.mark.parametrize("options", [{}, {"disjoint": True}, {"mode": "labor"}], ids=str)
def test_cost_of_a_huge_fan_out_is_bounded_by_the_edges(options):
    graph = Graph.from_data(random_graph())
    expected = NumbaEngine(graph).sample(SEEDS, {EDGE: [-1, -1]}, (0,), **options)
    equal(NumbaEngine(graph).sample(SEEDS, {EDGE: [10**9, 10**12]}, (0,), **options), expected)


def test_large_fan_outs_draw_the_same_with_one_high_degree_node():
    """Words are only drawn for the long list; compared with the torch functions, which draw all of them."""
    lists = [[1, 2]] * 30 + [range(1000)] + [[3]] * 30
    graph = star(*lists)
    seeds = {"": torch.arange(61)}
    for fanout in (33, 100, 999, 1000):
        sampled = NumbaEngine(graph).sample(seeds, {EDGE: [fanout]}, (1,))
        equal(sampled, TorchEngine(graph).sample(seeds, {EDGE: [fanout]}, (1,)))


@pytest.mark.parametrize("fanout", [1, 2, 20, 300, 999])
def test_labor_takes_the_smallest_numbers_for_any_degree(fanout):
    """Compared with the torch functions, which sort: long and short lists, and parallel edges with equal numbers."""
    lists = [range(2500), [1, 2], [*range(10)] * 250, [7] * 1000, [*range(400)] * 2, [], [*range(1023), 3]] * 12
    graph = star(*lists)
    seeds = {"": torch.arange(len(lists))}
    for number in range(3):
        sampled = NumbaEngine(graph).sample(seeds, {EDGE: [fanout]}, (number,), mode="labor")
        equal(sampled, TorchEngine(graph).sample(seeds, {EDGE: [fanout]}, (number,), mode="labor"))


@pytest.mark.parametrize("num_seeds", [1, 50, 400])
def test_disjoint_subgraphs_share_no_nodes_for_any_number_of_seeds(num_seeds):
    graph = Graph.from_data(random_graph(300, 6000))
    seeds = {"": torch.arange(num_seeds) % 7}
    for fanouts in ([6, 5, 4], [1, -1, 2]):
        sampled = NumbaEngine(graph).sample(seeds, {EDGE: fanouts}, (1,), disjoint=True)
        equal(sampled, TorchEngine(graph).sample(seeds, {EDGE: fanouts}, (1,), disjoint=True))


def test_samples_hold_no_extra_memory():
    """Saving or sending a tensor includes its whole memory."""
    graph = Graph.from_data(random_graph(500, 20_000))
    for disjoint in (False, True):
        for engine in (NumbaEngine(graph), TorchEngine(graph)):
            sampled = engine.sample({"": torch.arange(9)}, {EDGE: [20, 20]}, (0,), disjoint=disjoint)
            parts = [sampled.node[""], sampled.row[EDGE], sampled.col[EDGE], sampled.edge[EDGE]]
            for part in [*parts, *(sampled.batch or {}).values()]:
                assert part.untyped_storage().nbytes() == part.nbytes
