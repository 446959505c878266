import pickle

import pytest
import torch
from sampling_graphs import check, equal, hetero_data, random_graph
from torch.fx.experimental.proxy_tensor import make_fx

from xgraph.sampling import NeighborSampler
from xgraph.sampling.engines import relabel
from xgraph.sampling.engines.draws import pick
from xgraph.sampling.engines.hashing import derive, randint
from xgraph.sampling.engines.numba_engine import NumbaEngine
from xgraph.sampling.engines.recorded import Recorder
from xgraph.sampling.engines.relabel import ClaimTable, claim, claim_pairs, claim_seeds
from xgraph.sampling.engines.sampled import bounded, draw_key_numbers, plan
from xgraph.sampling.engines.topology import EDGE, Graph, Topology
from xgraph.sampling.engines.torch_batch import TorchBatch, capacities
from xgraph.sampling.engines.torch_engine import WIDEST, TorchEngine
from xgraph.sampling.memory.prefetch import tensors_in

OPTIONS = [
    {"replace": replace, "disjoint": disjoint, "mode": mode}
    for replace in (False, True)
    for disjoint in (False, True)
    for mode in ("uniform", "labor")
    if not (replace and mode == "labor")
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("sort", [False, True])
def test_engines_agree(options, sort):
    edge_index, num_nodes = random_graph()
    if sort:
        edge_index = edge_index[:, edge_index[1].argsort(stable=True)]
    graph = Graph.from_data((edge_index, num_nodes))
    torch_engine, numba_engine = TorchEngine(graph), NumbaEngine(graph)
    for number, fanouts in enumerate(([3, 4, 2], [-1, 2], [2, -1], [50, 40], [0, 3], [3, 0], [-1, -1], [1])):
        for seeds in ([5, 3, 5, 9], range(num_nodes), [], [59]):
            given = {"": torch.tensor(list(seeds), dtype=torch.int64)}
            result = torch_engine.sample(given, {EDGE: fanouts}, (number, 1), **options)
            equal(result, numba_engine.sample(given, {EDGE: fanouts}, (number, 1), **options))
            if options["mode"] == "uniform":
                kept = {name: options[name] for name in ("replace", "disjoint")}
                check(result, graph, given, {EDGE: fanouts}, **kept)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_engines_agree_on_heterogeneous_graphs(options):
    graph = Graph.from_data(hetero_data())
    torch_engine, numba_engine = TorchEngine(graph), NumbaEngine(graph)
    names = list(graph.topologies)
    cases = [dict.fromkeys(names, hops) for hops in ([3, 4, 2], [-1, 40])]
    cases.append({name: [i % 3, 2 + i, -1 if i == 2 else i] for i, name in enumerate(names)})
    for number, fanouts in enumerate(cases):
        for seeds in ({"paper": [1, 1, 40]}, {"venue": [7], "author": [3, 4]}, {"author": []}):
            given = {name: torch.tensor(ids, dtype=torch.int64) for name, ids in seeds.items()}
            equal(
                torch_engine.sample(given, fanouts, (number,), **options),
                numba_engine.sample(given, fanouts, (number,), **options),
            )


def test_int64_ids_give_the_same_samples():
    graph = Graph.from_data(random_graph())
    topology = graph.topologies[EDGE]
    wide = Topology(topology.colptr, topology.row.long(), topology.perm.long(), topology.num_src, topology.num_dst)
    for engine in (TorchEngine, NumbaEngine):
        equal(
            engine(Graph(graph.num_nodes, {EDGE: wide})).sample({"": torch.arange(9)}, {EDGE: [3, 3]}, (0,)),
            engine(graph).sample({"": torch.arange(9)}, {EDGE: [3, 3]}, (0,)),
        )


def test_engine_accepts_other_functions_for_the_inner_steps():
    called = set()

    def my_pick(*args):
        called.add("pick")
        return pick(*args)

    def my_claim(*args):
        called.add("claim")
        return claim(*args)

    graph = Graph.from_data(random_graph())
    engine = TorchEngine(graph, pick=my_pick, claim=my_claim)
    equal(
        engine.sample({"": torch.arange(9)}, {EDGE: [3, 3]}, (0,)),
        TorchEngine(graph).sample({"": torch.arange(9)}, {EDGE: [3, 3]}, (0,)),
    )
    assert called == {"pick", "claim"}


def test_tables_are_not_pickled_and_reset_when_exhausted(monkeypatch):
    engine = TorchEngine(Graph.from_data(random_graph(5000, 20_000)))
    expected = engine.sample({"": torch.arange(9)}, {EDGE: [3, 3]}, (0,))
    assert len(pickle.dumps(engine)) < engine.graph.nbytes + 4000
    equal(pickle.loads(pickle.dumps(engine)).sample({"": torch.arange(9)}, {EDGE: [3, 3]}, (0,)), expected)
    monkeypatch.setattr(relabel, "LARGEST", 400)
    engine = TorchEngine(engine.graph)
    for fanouts in ([3, 3], [-1, 1]) * 20:
        result = engine.sample({"": torch.arange(9)}, {EDGE: fanouts}, (0,))
        if fanouts == [3, 3]:
            equal(result, expected)


def test_pick_matches_floyds_algorithm():
    """Compared with a plain loop over sets."""
    edge_index, num_nodes = random_graph()
    topology = Topology.from_edge_index(edge_index, num_nodes, num_nodes)
    nodes = torch.tensor([4, -1, 0, 59, 7, -1])
    for fanout in (1, 3, 8):
        key = derive(1, fanout)
        source, edge = pick(topology.colptr, topology.row, nodes, fanout, key, False)
        for i, node in enumerate(nodes.tolist()):
            begin, end = topology.colptr[node : node + 2].tolist() if node >= 0 else (0, 0)
            degree = end - begin
            expected = list(range(degree))
            if degree > fanout:
                expected = []
                for j in range(fanout):
                    last = degree - fanout + j
                    drawn = int(randint(torch.tensor(i * fanout + j), key, torch.tensor(last + 1)))
                    expected.append(last if drawn in expected else drawn)
            expected = [begin + offset for offset in expected] + [-1] * (fanout - len(expected))
            assert edge[i].tolist() == expected
            assert source[i].tolist() == [int(topology.row[e]) if e >= 0 else -1 for e in expected]


def test_claim_numbers_in_order_of_first_occurrence():
    table = ClaimTable(10, torch.device("cpu"))
    for _ in range(3):  # stale values of earlier rounds must not matter
        base = table.start(20)
        claim_seeds(table.slots, torch.tensor([4, 7, 4]), base)
        count = torch.tensor(3)
        local, first, count = claim(table.slots, torch.tensor([7, 9, -1, 2, 9, 4, 2]), base, count)
        assert local.tolist() == [1, 3, -1, 4, 3, 0, 4]
        assert first.tolist() == [False, True, False, True, False, False, False]
        assert int(count) == 5
        local, first, count = claim(table.slots, torch.tensor([0, 2, -1]), base, count)
        assert (local.tolist(), first.tolist(), int(count)) == ([5, 4, -1], [True, False, False], 6)
        local, first, count = claim(table.slots, torch.empty(0, dtype=torch.int64), base, count)
        assert (local.tolist(), first.tolist(), int(count)) == ([], [], 6)


def test_claim_pairs_numbers_in_order_of_first_occurrence():
    known = torch.tensor([40, 7, -1, -1])
    local, first, count = claim_pairs(known, torch.tensor([7, 90, -1, 20, 90, 40]), torch.tensor(2))
    assert (local.tolist(), int(count)) == ([1, 2, -1, 3, 2, 0], 4)
    assert first.tolist() == [False, True, False, True, False, False]
    local, first, count = claim_pairs(known, known[:0], torch.tensor(2))
    assert (local.tolist(), first.tolist(), int(count)) == ([], [], 2)


def test_no_batch_exceeds_the_capacities():
    graph = Graph.from_data(hetero_data())
    fanouts = {name: [3, 2] for name in graph.topologies}
    hops = plan(graph, fanouts, (0,), replace=False, mode="uniform", widest=WIDEST)
    bound = capacities(graph, {"paper": 5, "venue": 1}, hops)
    seeds = {"paper": torch.arange(5), "venue": torch.tensor([0])}
    sampled = NumbaEngine(graph).sample(seeds, fanouts, (0,))
    for name, node in sampled.node.items():
        drawn = sum(len(edge) for edge_type, edge in sampled.edge.items() if edge_type[0] == name)
        assert len(node) <= len(seeds.get(name, [])) + drawn <= bound[name]
    hops = plan(graph, {name: [3, -1] for name in graph.topologies}, (0,), replace=False, mode="uniform")
    assert capacities(graph, dict.fromkeys(graph.num_nodes, 1), hops) is None


@pytest.mark.parametrize("options", [o for o in OPTIONS if not o["replace"]], ids=str)
def test_huge_fan_out_takes_all_neighbours(options):
    graph = Graph.from_data(random_graph())
    seeds = {"": torch.tensor([3, 0, 59])}
    expected = NumbaEngine(graph).sample(seeds, {EDGE: [-1, -1]}, (0,), **options)
    equal(TorchEngine(graph).sample(seeds, {EDGE: [10**9, 10**9]}, (0,), **options), expected)


def test_fan_outs_are_bounded_by_the_degrees():
    graph = Graph.from_data(random_graph())
    highest = graph.topologies[EDGE].max_degree
    assert highest == int(graph.topologies[EDGE].degree.max())
    given = {EDGE: [-1, 0, 2, highest - 1, highest, 10**9]}
    assert bounded(graph, given, True) == given
    assert bounded(graph, given, False) == {EDGE: [-1, 0, 2, highest - 1, -1, -1]}
    assert bounded(graph, given, False, widest=500) == {EDGE: [-1, 0, 2, highest - 1, highest, highest]}
    edgeless = Graph.from_data((torch.empty(2, 0, dtype=torch.int64), 0))
    assert bounded(edgeless, {EDGE: [0, 3, -1]}, False) == {EDGE: [0, 0, -1]}


class Traced:
    """Stands in for a CUDA graph: repeats the operations of one call with other numbers and everything else unchanged.

    Values that the host read in that call are kept as they were, as in a CUDA graph, and so are places of results.
    """

    def __init__(self, function, numbers):
        self.batch = None

        def tensors(given):
            self.batch = function(given)
            return [*self.batch._node.values(), *tensors_in(self.batch._edges), self.batch._counts]

        self.graph = make_fx(tensors)(numbers.clone())
        self.places = None
        self.runs = 0

    def run(self, numbers):
        self.runs += 1
        result = self.graph(numbers)
        if self.places is None:
            self.places = result
        for place, part in zip(self.places, result, strict=True):
            place.copy_(part)
        parts = iter(self.places)
        self.batch._node = {name: next(parts) for name in self.batch._node}
        self.batch._edges = {
            name: [tuple(next(parts) for _ in hop) for hop in hops] for name, hops in self.batch._edges.items()
        }
        self.batch._counts = next(parts)
        return self.batch

    def end(self):
        pass


@pytest.mark.parametrize(
    ("make", "hops", "replace"),
    [(random_graph, [3, 4, 2], False), (random_graph, [3, 2], True), (hetero_data, [3], False)],
)
def test_replays_are_correct_for_other_seeds_and_keys(make, hops, replace):
    graph = Graph.from_data(make())
    engine, numba_engine = TorchEngine(graph), NumbaEngine(graph)
    name = next(iter(graph.num_nodes))
    fanouts = dict.fromkeys(graph.topologies, hops)
    rng = torch.Generator().manual_seed(0)
    recorded = []

    def record(*args):
        recorded.append(Traced(*args))
        return recorded[-1]

    with engine._workspaces.borrow() as space:
        space.recorder = Recorder(torch.device("cpu"), record)
    kept = []
    for number, size in enumerate((7, 7, 7, 7, 3, 7, 7, 7)):
        seeds = {name: torch.randint(graph.num_nodes[name], (size,), generator=rng)}
        result = engine.sample(seeds, fanouts, (number,), replace=replace)
        kept.append((result, numba_engine.sample(seeds, fanouts, (number,), replace=replace)))
    assert len(engine._workspaces) == 1
    assert [launches.runs for launches in recorded] == [5]
    for result, expected in kept:  # later batches do not change earlier ones
        equal(result, expected)


def test_inputs_of_a_batch_can_be_overwritten_in_place():
    """There can also be fewer seeds than the recorded number."""
    graph = Graph.from_data(random_graph())
    engine, tables = TorchEngine(graph), {"": ClaimTable(60, torch.device("cpu"))}
    fanouts = {EDGE: [4, 3]}
    numbers = torch.empty(4 + 1 + 1 + 6, dtype=torch.int64)
    for number, seeds in enumerate(([5, 3, 5, 9, 0, 59], [1, 2, 3], [8, 7, 6, 5], [], [9, 9, 9, 9, 9, 9])):
        hops = plan(graph, fanouts, (number,), replace=False, mode="uniform")
        padded = seeds + [-1] * (6 - len(seeds))
        words = [word for (draw,) in hops for word in draw.key]
        numbers.copy_(torch.tensor([*words, tables[""].start(200), len(seeds), *padded]))
        static = [[draw._replace(key=None) for draw in hop] for hop in hops]
        result = engine._batch(numbers, {"": 6}, static, tables, False, "uniform").finish()
        given = {"": torch.tensor(seeds, dtype=torch.int64)}
        equal(result, engine.sample(given, fanouts, (number,)))


@pytest.mark.parametrize("options", [{"mode": "labor"}, {"disjoint": True}, {"fanouts": [3, -1]}, {"seeds": 2**21}])
def test_synchronising_or_large_work_is_not_recorded(options):
    graph = Graph.from_data(random_graph())
    engine = TorchEngine(graph)
    kinds = []
    with engine._workspaces.borrow() as space:
        space.recorder = lambda kind, function, numbers, finish, same: kinds.append(kind)
    seeds = {"": torch.zeros(options.pop("seeds", 3), dtype=torch.int64)}
    engine.sample(seeds, {EDGE: options.pop("fanouts", [3, 1])}, (0,), **options)
    engine.sample({"": torch.arange(3)}, {EDGE: [3, 1]}, (0,))
    assert kinds[0] is None
    assert kinds[1] is not None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_gpu_results_are_the_same_with_and_without_recording():
    graph = Graph.from_data(random_graph(5000, 100_000))
    numba_engine = NumbaEngine(graph)
    sampler = NeighborSampler(graph, [5, 4, 3], device="cuda")
    for number, size in enumerate([100] * 6 + [37] + [100] * 3):
        seeds = {"": torch.arange(number, number + size)}
        result = sampler._engine.sample(seeds, {EDGE: [5, 4, 3]}, (number,))
        expected = numba_engine.sample(seeds, {EDGE: [5, 4, 3]}, (number,))
        result.node, result.row, result.col, result.edge = (
            {name: part.cpu() for name, part in parts.items()}
            for parts in (result.node, result.row, result.col, result.edge)
        )
        equal(result, expected)
    with sampler._engine._workspaces.borrow() as space:
        assert space.recorder._checked


def test_tables_are_released_only_when_the_device_has_finished(monkeypatch):
    """Reading the counts in `finish` waits for the device; only then may another thread use the tables."""
    engine = TorchEngine(Graph.from_data(random_graph()))
    free = []
    finish = TorchBatch.finish
    monkeypatch.setattr(TorchBatch, "finish", lambda batch: (free.append(len(engine._workspaces)), finish(batch))[1])
    for _ in range(2):
        engine.sample({"": torch.arange(3)}, {EDGE: [2]}, (0,))
    assert free == [0, 0]
    assert len(engine._workspaces) == 1


def test_engine_remains_usable_after_an_error(monkeypatch):
    engine = TorchEngine(Graph.from_data(random_graph()))
    expected = engine.sample({"": torch.arange(3)}, {EDGE: [2, 2]}, (0,))
    with monkeypatch.context() as patch:
        patch.setattr(TorchBatch, "finish", lambda batch: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            engine.sample({"": torch.arange(5)}, {EDGE: [2, 2]}, (0,))
    equal(engine.sample({"": torch.arange(3)}, {EDGE: [2, 2]}, (0,)), expected)


def test_every_hop_and_edge_type_has_its_own_key():
    data = hetero_data()
    graph = Graph.from_data(data)
    hops = range(4)
    for mode in ("uniform", "labor"):
        keys = {}
        for hop in hops:
            for name in graph.topologies:
                keys.setdefault(derive(0, *draw_key_numbers(graph, name, hop, mode)), set()).add((hop, name))
        if mode == "uniform":
            assert len(keys) == len(hops) * len(graph.topologies)
        else:  # edge types with the same source share a key
            assert len(keys) == len(hops) * len(graph.num_nodes)
            assert all(len({(hop, name[0]) for hop, name in result}) == 1 for result in keys.values())
