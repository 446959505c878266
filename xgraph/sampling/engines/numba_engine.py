"""Neighbour sampling on the CPU with compiled loops."""

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xgraph.sampling.engines import numba_draws as draws
from xgraph.sampling.engines.hashing import Key
from xgraph.sampling.engines.numba_batch import Edges, Nodes, Slots
from xgraph.sampling.engines.pool import Pool
from xgraph.sampling.engines.sampled import Mode, Sampled, plan
from xgraph.sampling.engines.topology import EdgeType, Graph, Topology

SPLIT = 16_384  # smaller hops use a single thread, because distributing the work would take longer

_pools: dict[int, ThreadPoolExecutor] = {}


class NumbaEngine:
    """Samples with numba; large hops use as many threads as torch."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._workspaces: Pool[dict[str, Slots]] = Pool(dict)
        # On Linux, the C library returns large freed arrays to the system, and the next batch then faults in its pages
        # one by one, which takes 50 % longer. The size limit rises to the largest array ever freed, up to 32 MiB.
        np.empty(2**25 - 2**16, np.uint8)

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave out the tables, which are as large as the graph but hold no information between batches."""
        return type(self), (self.graph,)

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
        with self._workspaces.borrow() as slots:
            # Not cached: when tensors are sent to another process, torch moves them to shared memory.
            arrays = {name: _as_arrays(topology) for name, topology in self.graph.topologies.items()}
            nodes = self._start(seeds, None if disjoint else slots)
            edges = {name: Edges() for name in arrays}
            for hop in plan(self.graph, fanouts, stream, replace=replace, mode=mode):
                for edge_type, fanout, key in hop:
                    src, _, dst = edge_type
                    _draw(*arrays[edge_type], nodes[dst], edges[edge_type], fanout, replace, mode == "labor", key)
                    nodes[src].number(edges[edge_type], nodes[dst])
                for part in nodes.values():
                    part.end_hop()
            return Sampled(
                node={name: torch.from_numpy(part.finish()) for name, part in nodes.items()},
                row={name: torch.from_numpy(part.row) for name, part in edges.items()},
                col={name: torch.from_numpy(part.col) for name, part in edges.items()},
                edge={name: torch.from_numpy(part.edge) for name, part in edges.items()},
                batch={name: torch.from_numpy(part.seeds()) for name, part in nodes.items()} if disjoint else None,
                num_sampled_nodes={name: part.sizes for name, part in nodes.items()},
                num_sampled_edges={name: part.sizes for name, part in edges.items()},
            )

    def _start(self, seeds: Mapping[str, Tensor], slots: dict[str, Slots] | None) -> dict[str, Nodes]:
        """Return the nodes of every type; seeds are numbered across types, in the given order."""
        if slots is not None and not slots:
            slots.update((name, Slots(size)) for name, size in self.graph.num_nodes.items())
        ids = {name: part.cpu().contiguous().numpy() for name, part in seeds.items()}
        ids |= {name: np.empty(0, np.int64) for name in self.graph.num_nodes if name not in ids}
        nodes, first, total = {}, 0, sum(map(len, ids.values()))
        for name, part in ids.items():
            nodes[name] = Nodes(self.graph.num_nodes[name], part, None if slots is None else slots[name], first, total)
            first += len(part)
        return {name: nodes[name] for name in self.graph.num_nodes}


def _draw(
    colptr: Any, row: Any, perm: Any, targets: Nodes, edges: Edges, fanout: int, replace: bool, labor: bool, key: Key
) -> None:
    """Append the edges of the frontier to `edges`, with their sources as node ids."""
    nodes = targets.frontier
    if not len(nodes) or not fanout:
        edges.grow(0)
        return
    expected = fanout if fanout > 0 and not labor else max(len(row) // (len(colptr) - 1), fanout)
    parts = min(torch.get_num_threads(), 1 + len(nodes) * expected // SPLIT)
    bounds = [len(nodes) * i // parts for i in range(parts + 1)]
    shares = list(itertools.pairwise(bounds))
    start: NDArray[np.int64] = np.empty(len(nodes), np.int64)
    degree = np.empty_like(start)

    def count(share: tuple[int, int]) -> int:
        return int(draws.count_edges(colptr, nodes, *share, fanout, replace, start, degree))

    sizes = _in_threads(count, shares)
    before = len(edges.row)
    edges.grow(sum(sizes))
    offsets = [before + sum(sizes[:i]) for i in range(parts)]

    k0, k1 = key

    def draw(share: tuple[tuple[int, int], int]) -> None:
        (low, high), out = share
        lists: Any = (row, perm, start, degree, low, high, targets.begin, edges.row, edges.col, edges.edge, out)
        if fanout < 0:
            draws.draw_all(*lists)
        elif labor:
            draws.draw_labor(fanout, k0, k1, *lists)
        else:
            draws.draw_uniform(fanout, replace, k0, k1, *lists)

    _in_threads(draw, list(zip(shares, offsets, strict=True)))


def _in_threads(function: Callable[[Any], Any], shares: list[Any]) -> list[Any]:
    """Call `function` for every share of the work, the first one in this thread."""
    if len(shares) == 1:
        return [function(shares[0])]
    # Threads do not survive a fork, so each worker process creates its own.
    process = os.getpid()
    pool = _pools.get(process) or _pools.setdefault(process, ThreadPoolExecutor(os.cpu_count(), "xgraph-sampling"))
    others = [pool.submit(function, share) for share in shares[1:]]
    return [function(shares[0]), *(other.result() for other in others)]


def _as_arrays(topology: Topology) -> tuple[Any, Any, Any]:
    perm = np.empty(0, np.int32) if topology.perm is None else topology.perm.numpy()
    return topology.colptr.numpy(), topology.row.numpy(), perm
