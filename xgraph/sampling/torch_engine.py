"""Neighbour sampling in torch operations, for GPUs; on the CPU the twin that tests compare with."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from xgraph.sampling.draws import every_edge, pick, pick_smallest
from xgraph.sampling.hashing import Key, derive
from xgraph.sampling.relabel import ClaimTable, claim
from xgraph.sampling.sampled import Mode, Sampled, bounded, draw_key_numbers
from xgraph.sampling.topology import EdgeType, Graph, Topology
from xgraph.sampling.torch_batch import TorchBatch

__all__ = ["TorchEngine", "claim", "pick"]

WIDEST = 128  # columns up to which arrays are padded for lists that are all shorter than the fan-out

Pick = Callable[[Tensor, Tensor, Tensor, int, Key, bool], tuple[Tensor, Tensor]]
Claim = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]


class TorchEngine:
    """Samples in torch operations, on the device of the graph.

    A hop with a fan-out from 0 in mode "uniform" never waits for the device: arrays have the size of the largest
    possible result, with −1 for nothing, and all counts are read at once at the end. A fan-out of −1, or one that no
    node reaches if some have more than 128 edges, and mode "labor" read one number per hop.

    Args:
        graph: Topologies.
        device: Where to compute; the device of the topologies if None.
        pick: Draws edges; by default :func:`pick`.
        claim: Numbers nodes; by default :func:`xgraph.sampling.relabel.claim`.
    """

    def __init__(
        self, graph: Graph, *, device: torch.device | str | None = None, pick: Pick = pick, claim: Claim = claim
    ) -> None:
        self.graph = graph
        first = next(iter(graph.topologies.values()))
        self.device = first.colptr.device if device is None else torch.device(device)
        self._pick = pick
        self._claim = claim
        self._free: list[dict[str, ClaimTable]] = []  # tables that no thread is using

    def __getstate__(self) -> dict[str, object]:
        """Tables are not kept: they are as large as the graph has nodes, and hold nothing."""
        return {**self.__dict__, "_free": []}

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
        """Sample neighbours of neighbours of seeds.

        Args:
            seeds: Valid node ids by type, int64.
            fanouts: By edge type, how many edges per target in each hop; −1: all.
            stream: Numbers that the draws depend on.
            replace: Whether to draw with replacement.
            disjoint: Whether every seed gets a subgraph of its own.
            mode: "uniform" or "labor".
        """
        try:
            tables = self._free.pop()
        except IndexError:
            tables = {}
        fanouts = bounded(self.graph, fanouts, replace, widest=WIDEST)
        found = TorchBatch(self.graph, self.device, seeds, fanouts, None if disjoint else tables, self._claim)
        for hop in range(len(next(iter(fanouts.values())))):
            found.begin_hop()
            for edge_type, topology in self.graph.topologies.items():
                fanout = fanouts[edge_type][hop]
                key = derive(*stream, *draw_key_numbers(self.graph, edge_type, hop, mode))
                nodes = found.frontier[edge_type[2]]
                found.expand(edge_type, *self._draw(topology, nodes, fanout, key, replace, mode))
            found.end_hop()
        sampled = found.finish()
        # Only now has the device ended its work on the tables; another thread may use them on another stream. After
        # an error it may still be at it, so they are left to torch, which knows when their memory is free.
        self._free.append(tables)
        return sampled

    def _draw(
        self, topology: Topology, nodes: Tensor, fanout: int, key: Key, replace: bool, mode: Mode
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
