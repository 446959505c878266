"""A batch on a device that grows hop by hop; the host does not know its numbers of nodes and edges."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from xgraph.sampling.engines.relabel import claim_pairs, claim_seeds
from xgraph.sampling.engines.sampled import Draw, Sampled
from xgraph.sampling.engines.topology import EdgeType, Graph


class TorchBatch:
    """Nodes and edges found so far, padded with −1 to the largest possible number; counts stay on the device.

    All inputs are on the device, so that the work depends on the host only through shapes.

    Args:
        num_nodes: Number of nodes of the graph by type.
        seeds: Node ids by type, behind them −1 for nothing.
        counts: Number of seeds, by type of those that have any; int64 scalars.
        tables: Slots by node type (see `ClaimTable`); None: every seed has a subgraph
            of its own, and `seeds` has no padding.
        bases: First value of each table that is this batch's; int64 scalars.
        claim: Numbers nodes.

    Attributes:
        frontier: Nodes to expand in this hop, by type.
    """

    def __init__(
        self,
        num_nodes: Mapping[str, int],
        seeds: Mapping[str, Tensor],
        counts: Mapping[str, Tensor],
        tables: Mapping[str, Tensor] | None,
        bases: Mapping[str, Tensor],
        claim: Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]],
    ) -> None:
        self._num_nodes, self._tables, self._bases, self._claim = num_nodes, tables, bases, claim
        device = next(iter(bases.values())).device
        nothing = torch.empty(0, dtype=torch.int64, device=device)
        zero = torch.zeros((), dtype=torch.int64, device=device)
        self._node = {name: seeds.get(name, nothing) for name in num_nodes}
        self._num_seeds = {name: len(ids) for name, ids in self._node.items()}
        self.frontier = dict(self._node)
        self._begin = dict.fromkeys(num_nodes, zero)  # local id of the frontier's first node
        self._count = {name: counts.get(name, zero) for name in num_nodes}
        self._history = {name: [count] for name, count in self._count.items()}
        self._edges: dict[EdgeType, list[tuple[Tensor, Tensor, Tensor, Tensor]]] = {}
        self._batch: dict[str, Tensor] = {}
        if tables is None:
            first = 0
            for name in seeds:  # seeds are numbered across types, in the given order
                self._batch[name] = torch.arange(first, first + self._num_seeds[name], device=device)
                first += self._num_seeds[name]
            self._batch |= {name: nothing for name in num_nodes if name not in seeds}
            return
        for name, ids in self._node.items():
            claim_seeds(tables[name], ids, bases[name])

    def begin_hop(self) -> None:
        """Remember where the hop's new nodes begin."""
        self._start = dict(self._count)
        self._width = dict.fromkeys(self._num_nodes, 0)

    def expand(self, edge_type: EdgeType, source: Tensor, edge: Tensor, target: Tensor) -> None:
        """Number the sources of drawn edges and keep the edges."""
        src, _, dst = edge_type
        known, size = self._node[src], self._num_nodes[src]
        room = len(known) + len(source)
        col = torch.where(edge >= 0, target + self._begin[dst], -1)
        if self._tables is None:
            seed = self._batch[dst][col.clamp(min=0)]
            pair = torch.where(source >= 0, seed * size + source, -1)
            held = torch.where(known >= 0, self._batch[src] * size + known, -1)
            row, first, count = claim_pairs(held, pair, self._count[src])
            self._batch[src] = _extend(self._batch[src], room, row, first, seed)
        else:
            room = min(room, max(len(known), size + self._num_seeds[src]))
            row, first, count = self._claim(self._tables[src], source, self._bases[src], self._count[src])
        self._node[src] = _extend(known, room, row, first, source)
        self._width[src] += len(source)
        self._count[src] = count
        self._edges.setdefault(edge_type, []).append(_pack(row, col, edge))

    def end_hop(self) -> None:
        """Make the new nodes the frontier."""
        self._begin = self._start
        for name, node in self._node.items():
            width = min(self._width[name], len(node))
            position = self._begin[name] + torch.arange(width, device=node.device)
            inside = position < self._count[name]
            self.frontier[name] = torch.where(inside, node[torch.where(inside, position, 0)], -1)
            self._history[name].append(self._count[name])

    def end(self) -> "TorchBatch":
        """Collect all counts in one tensor."""
        counts = [count for history in self._history.values() for count in history]
        counts += [count for parts in self._edges.values() for *_, count in parts]
        self._counts = torch.stack(counts)
        return self

    def finish(self) -> Sampled:
        """Read all counts in one transfer and copy everything that is not padding."""
        read = iter(self._counts.tolist())
        totals = {name: [next(read) for _ in history] for name, history in self._history.items()}
        num_edges = {name: [next(read) for _ in parts] for name, parts in self._edges.items()}
        row, col, edge = (
            {name: _join([part[i] for part in parts], num_edges[name]) for name, parts in self._edges.items()}
            for i in range(3)
        )
        return Sampled(
            node={name: node[: totals[name][-1]].clone() for name, node in self._node.items()},
            row=row,
            col=col,
            edge=edge,
            batch=(
                {name: batch[: totals[name][-1]].clone() for name, batch in self._batch.items()}
                if self._tables is None
                else None
            ),
            num_sampled_nodes={
                name: [count - before for before, count in zip([0, *counts], counts, strict=False)]
                for name, counts in totals.items()
            },
            num_sampled_edges=num_edges,
        )


def capacities(graph: Graph, num_seeds: Mapping[str, int], hops: Sequence[Sequence[Draw]]) -> dict[str, int] | None:
    """Return the largest possible number of seeds and drawn edges of a batch, by type of their source."""
    total = {name: num_seeds.get(name, 0) for name in graph.num_nodes}
    width = dict(total)
    for hop in hops:
        drawn = dict.fromkeys(width, 0)
        for (src, _, dst), fanout, _ in hop:
            if fanout < 0:
                return None
            drawn[src] += width[dst] * fanout
        for name, size in drawn.items():
            total[name] += size
            width[name] = min(size, graph.num_nodes[name] + num_seeds.get(name, 0))
    return total


def _extend(known: Tensor, room: int, local: Tensor, first: Tensor, values: Tensor) -> Tensor:
    """Return `known` padded to `room` slots, with the values of first occurrences at their local ids."""
    out = known.new_full((room + 1,), -1)  # the last slot receives discarded values
    out[: len(known)] = known
    return out.scatter_(0, torch.where(first, local, room), values)[:room]


def _pack(row: Tensor, col: Tensor, edge: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Move the real edges to the front, and count them."""
    real = edge >= 0
    place = torch.where(real, torch.cumsum(real, 0) - 1, len(edge))
    packed = [part.new_empty(len(edge) + 1).scatter_(0, place, part) for part in (row, col, edge)]
    return packed[0], packed[1], packed[2], real.sum()


def _join(parts: list[Tensor], sizes: list[int]) -> Tensor:
    return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])
