"""Inputs and outputs of sampling engines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from xgraph.sampling.engines.hashing import Key, derive
from xgraph.sampling.engines.topology import EDGE, NODE, EdgeType, Graph

if TYPE_CHECKING:
    from torch_geometric.sampler import HeteroSamplerOutput, SamplerOutput

Mode = Literal["uniform", "labor"]


@dataclass
class Sampled:
    """A subgraph around seeds.

    The nodes of a type are in order of first occurrence: seeds, then by hop, edge type, target and draw. Edges are
    ordered by hop, target and draw. All ids are int64.

    Attributes:
        node: Ids in the graph, by node type.
        row: Sources of the edges as positions in `node`, by edge type.
        col: Targets.
        edge: Positions of the edges in the graph's ``edge_index``.
        batch: Which seed a node belongs to, by node type, if the subgraphs are disjoint.
        num_sampled_nodes: Number of seeds and of new nodes in each hop, by node type.
        num_sampled_edges: Number of edges in each hop, by edge type.
    """

    node: dict[str, Tensor]
    row: dict[EdgeType, Tensor]
    col: dict[EdgeType, Tensor]
    edge: dict[EdgeType, Tensor]
    batch: dict[str, Tensor] | None
    num_sampled_nodes: dict[str, list[int]]
    num_sampled_edges: dict[EdgeType, list[int]]

    def same_as(self, other: "Sampled") -> bool:
        """Return whether `other` is the same subgraph with the same numbering."""
        sizes = self.num_sampled_nodes, self.num_sampled_edges
        if sizes != (other.num_sampled_nodes, other.num_sampled_edges) or (self.batch is None) != (other.batch is None):
            return False
        pairs = [(self.node, other.node), (self.batch or {}, other.batch or {})]
        edges = [(self.row, other.row), (self.col, other.col), (self.edge, other.edge)]
        return all(torch.equal(part[name], twin[name]) for part, twin in pairs for name in part) and all(
            torch.equal(part[name], twin[name]) for part, twin in edges for name in part
        )

    def to_output(self) -> "SamplerOutput | HeteroSamplerOutput":
        """Convert to PyG's sampler output."""
        from torch_geometric.sampler import HeteroSamplerOutput, SamplerOutput

        if EDGE not in self.row:
            return HeteroSamplerOutput(
                node=self.node,
                row=self.row,
                col=self.col,
                edge=self.edge,
                batch=self.batch,
                num_sampled_nodes=self.num_sampled_nodes,
                num_sampled_edges=self.num_sampled_edges,
            )
        return SamplerOutput(
            node=self.node[NODE],
            row=self.row[EDGE],
            col=self.col[EDGE],
            edge=self.edge[EDGE],
            batch=None if self.batch is None else self.batch[NODE],
            num_sampled_nodes=self.num_sampled_nodes[NODE],
            num_sampled_edges=self.num_sampled_edges[EDGE],
        )


class Engine(Protocol):
    """Samples from one graph; all engines return the same result for the same arguments."""

    graph: Graph

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
        ...


class Draw(NamedTuple):
    """The settings of a hop's draws for the targets of one edge type.

    Attributes:
        edge_type: The edge type.
        fanout: Edges per target; −1: all.
        key: Sequence of the random words.
    """

    edge_type: EdgeType
    fanout: int
    key: Key


def plan(
    graph: Graph,
    fanouts: Mapping[EdgeType, Sequence[int]],
    stream: Sequence[int],
    *,
    replace: bool,
    mode: Mode,
    widest: int = 0,
) -> list[list[Draw]]:
    """Return the draws of a batch: for each hop, those of all edge types in the graph's order."""
    fanouts = bounded(graph, fanouts, replace, widest)
    return [
        [
            Draw(name, fanouts[name][hop], derive(*stream, *draw_key_numbers(graph, name, hop, mode)))
            for name in graph.topologies
        ]
        for hop in range(len(next(iter(fanouts.values()))))
    ]


def bounded(
    graph: Graph, fanouts: Mapping[EdgeType, Sequence[int]], replace: bool, widest: int = 0
) -> dict[EdgeType, list[int]]:
    """Limit fan-outs that exceed all degrees, which would waste time and memory."""
    bounds = {}
    for edge_type, hops in fanouts.items():
        highest = -1 if replace else graph.topologies[edge_type].max_degree
        most = highest if highest <= widest else -1
        bounds[edge_type] = [most if fanout >= highest >= 0 else fanout for fanout in hops]
    return bounds


def draw_key_numbers(graph: Graph, edge_type: EdgeType, hop: int, mode: Mode) -> tuple[int, ...]:
    """Return numbers that distinguish the draws of this hop and edge type from the others of a batch."""
    if mode == "labor":
        return hop, 1, list(graph.num_nodes).index(edge_type[0])
    return hop, 0, list(graph.topologies).index(edge_type)
