"""Neighbour sampling with torch operations, for GPUs; on the CPU, a reference for tests."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from xgraph.sampling.engines.draws import every_edge, pick, pick_smallest
from xgraph.sampling.engines.hashing import Keys
from xgraph.sampling.engines.pool import Pool
from xgraph.sampling.engines.recorded import Launches, Recorder
from xgraph.sampling.engines.relabel import ClaimTable, claim
from xgraph.sampling.engines.sampled import Draw, Mode, Sampled, plan
from xgraph.sampling.engines.topology import EdgeType, Graph, Topology
from xgraph.sampling.engines.torch_batch import TorchBatch, capacities

__all__ = ["TorchEngine", "claim", "pick"]

WIDEST = 128  # largest number of columns for padding if all degrees are below the fan-out
RECORDED = 2**21  # record launches up to this many seeds and edges; beyond, the work itself takes longer

Pick = Callable[[Tensor, Tensor, Tensor, int, Keys, bool], tuple[Tensor, Tensor]]
Claim = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]


class TorchEngine:
    """Samples with torch operations, on the device of the graph."""

    def __init__(
        self, graph: Graph, *, device: torch.device | str | None = None, pick: Pick = pick, claim: Claim = claim
    ) -> None:
        self.graph = graph
        first = next(iter(graph.topologies.values()))
        self.device = first.colptr.device if device is None else torch.device(device)
        self._pick = pick
        self._claim = claim
        # Leave out the tables, which are as large as the graph but hold no information between batches.
        self._workspaces = Pool(partial(_Workspace, self.device))

    def sample(
        self,
        seeds: Mapping[str, Tensor],
        fanouts: Mapping[EdgeType, Sequence[int]],
        stream: Sequence[int],
        *,
        replace: bool = False,
        disjoint: bool = False,
        mode: Mode = "uniform",
    ) -> Sampled:
        """Sample the multi-hop neighbourhood of seeds."""
        hops = plan(self.graph, fanouts, stream, replace=replace, mode=mode, widest=WIDEST)
        sizes = {name: len(ids) for name, ids in seeds.items()}
        capacity = capacities(self.graph, sizes, hops)
        words = [word for hop in hops for draw in hop for word in draw.key]
        # The device has finished with the tables only after the counts have been read; then another thread may use
        # them on another stream. After an error the device may still be busy, so torch frees them when it is done.
        with self._workspaces.borrow() as space:
            tables = None if disjoint else space.tables_of(self.graph)

            def numbers() -> Tensor:
                bases = [0] * len(self.graph.num_nodes)
                if tables is not None:
                    bases = [t.start(None if capacity is None else capacity[name]) for name, t in tables.items()]
                return torch.cat([torch.tensor([*words, *bases, *sizes.values()]), *(s.cpu() for s in seeds.values())])

            def batch(numbers: Tensor) -> TorchBatch:
                return self._batch(numbers, sizes, hops, tables, replace, mode)

            kind = None
            if capacity is not None and sum(capacity.values()) <= RECORDED and mode == "uniform" and not disjoint:
                drawn = tuple(tuple((draw.edge_type, draw.fanout) for draw in hop) for hop in hops)
                kind = tuple(sizes.items()), drawn, replace
            return space.recorder(kind, batch, numbers, TorchBatch.finish, Sampled.same_as)

    def _batch(
        self,
        numbers: Tensor,
        sizes: Mapping[str, int],
        hops: Sequence[Sequence[Draw]],
        tables: Mapping[str, ClaimTable] | None,
        replace: bool,
        mode: Mode,
    ) -> TorchBatch:
        """Sample, without reading the results."""
        parts = [2 * sum(map(len, hops)), len(self.graph.num_nodes), len(sizes), *sizes.values()]
        words, bases, counts, *seeds = torch.split(numbers, parts)
        word = iter(words)
        batch = TorchBatch(
            self.graph.num_nodes,
            dict(zip(sizes, seeds, strict=True)),
            dict(zip(sizes, counts, strict=True)),
            None if tables is None else {name: table.slots for name, table in tables.items()},
            dict(zip(self.graph.num_nodes, bases, strict=True)),
            self._claim,
        )
        for hop in hops:
            batch.begin_hop()
            for edge_type, fanout, _ in hop:
                key = next(word), next(word)
                nodes = batch.frontier[edge_type[2]]
                draws = self._draw(self.graph.topologies[edge_type], nodes, fanout, key, replace, mode)
                batch.expand(edge_type, *draws)
            batch.end_hop()
        return batch.end()

    def _draw(
        self, topology: Topology, nodes: Tensor, fanout: int, key: Keys, replace: bool, mode: Mode
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return source, edge and position of the target in `nodes`, of shape ``[m]`` each."""
        colptr, row, perm = topology.colptr, topology.row, topology.perm
        if fanout == 0 or not nodes.numel() or not row.numel():
            nothing = torch.empty(0, dtype=torch.int64, device=self.device)
            return nothing, nothing, nothing
        if fanout < 0:
            target, edge = every_edge(colptr, nodes)
            source = row[edge].long()
        else:
            if mode == "labor":
                source, edge = pick_smallest(colptr, row, nodes, fanout, key)
            else:
                source, edge = self._pick(colptr, row, nodes, fanout, key, replace)
            source, edge = source.flatten(), edge.flatten()
            target = torch.arange(len(nodes), device=self.device).repeat_interleave(fanout, output_size=len(edge))
        if perm is not None:
            edge = torch.where(edge >= 0, perm[edge.clamp(min=0)].long(), -1)
        return source, edge, target


class _Workspace:
    """Resources of one sampling thread: tables by node type, and recorded launches."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._tables: dict[str, ClaimTable] = {}
        record = Launches if device.type == "cuda" else None
        self.recorder: Recorder[TorchBatch, Sampled] = Recorder(device, record)

    def tables_of(self, graph: Graph) -> dict[str, ClaimTable]:
        """Return the tables, which are created on first use."""
        for name, size in graph.num_nodes.items():
            if name not in self._tables:
                self._tables[name] = ClaimTable(size, self._device)
        return self._tables
