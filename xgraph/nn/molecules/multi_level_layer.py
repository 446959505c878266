"""One layer of messages between bonds, atoms, clusters of atoms and whole molecules."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xgraph.nn.layers.dropout import Dropout
from xgraph.nn.layers.norm import BatchNorm
from xgraph.nn.layers.reset import reset_parameters
from xgraph.nn.molecules.clusters import Clusters
from xgraph.nn.molecules.readout import Pool, readout, sum_rows


class Levels(NamedTuple):
    """The hidden vectors of each level.

    Args:
        edge: Vectors of the edges, that is, directions of bonds. Shape ``[E, C]``.
        atom: Vectors of the atoms. Shape ``[N, C]``.
        cluster: Vectors of the ring systems and chains. Shape ``[M, C]``.
        whole: Vectors of the molecules. Shape ``[B, C]``.
    """

    edge: Tensor
    atom: Tensor
    cluster: Tensor
    whole: Tensor


class Update(nn.Module):
    r"""Update of one level: :math:`\mathrm{BN}(W' \, \mathrm{dropout}(\mathrm{ReLU}(W [a_1, …, a_k] + b)))`."""

    def __init__(self, channels: int, num_inputs: int, dropout: float) -> None:
        super().__init__()
        self.inputs = nn.Linear(num_inputs * channels, channels)
        self.rest = nn.Sequential(
            nn.ReLU(inplace=True),
            Dropout(dropout),
            nn.Linear(channels, channels, bias=False),
            BatchNorm(channels),
        )

    def reset_parameters(self) -> None:
        """Reinitialise all weights."""
        self.inputs.reset_parameters()
        reset_parameters(self.rest)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return new vectors, ``[n, C]``."""
        out: Tensor = self.rest(self.inputs(torch.cat(inputs, dim=1)))
        return out


class MultiLevelLayer(nn.Module):
    """One layer of `MLMPNN`, which documents the equations."""

    def __init__(self, channels: int, dropout: float, pool: Pool) -> None:
        super().__init__()
        self.pool: Pool = pool
        self.edge = Update(channels, 4, dropout)
        self.received = nn.Linear(2 * channels, channels)
        self.atom = Update(channels, 3, dropout)
        self.inside = nn.Linear(channels, channels)
        self.around = nn.Linear(channels, channels)
        self.cluster = Update(channels, 4, dropout)
        self.whole = Update(channels, 4, dropout)

    def reset_parameters(self) -> None:
        """Reinitialise all weights."""
        reset_parameters(self)

    def forward(self, levels: Levels, edge_index: Tensor, clusters: Clusters, graph: Tensor) -> Levels:
        """Return the new vectors of all levels."""
        edge, atom, cluster, whole = levels
        source, target = edge_index[0], edge_index[1]
        num_atoms, num_clusters, num_graphs = atom.size(0), cluster.size(0), whole.size(0)

        edge = self._new_edges(levels, edge_index, graph)

        neighbors = sum_rows(atom.index_select(0, source), target, num_atoms)
        bonds = sum_rows(edge, target, num_atoms)
        message = self.received(torch.cat([neighbors, bonds], dim=1)).relu_()
        atom = self.atom(atom, message, whole.index_select(0, graph))

        inside = self.inside(sum_rows(atom, clusters.of_atom, num_clusters)).relu_()
        joined = cluster.index_select(0, clusters.edge_index[0])
        around = self.around(sum_rows(joined, clusters.edge_index[1], num_clusters)).relu_()
        cluster = self.cluster(cluster, inside, around, whole.index_select(0, clusters.graph))

        edges = readout(edge, graph.index_select(0, source), num_graphs, self.pool)
        atoms = readout(atom, graph, num_graphs, self.pool)
        parts = readout(cluster, clusters.graph, num_graphs, self.pool)
        return Levels(edge, atom, cluster, self.whole(whole, edges, atoms, parts))

    def _new_edges(self, levels: Levels, edge_index: Tensor, graph: Tensor) -> Tensor:
        """Update the edges from [edge, source, target, molecule], without building the concatenation."""
        of_edge, of_source, of_target, of_whole = self.edge.inputs.weight.chunk(4, dim=1)
        wide = F.linear(levels.whole, of_whole, self.edge.inputs.bias).index_select(0, graph)
        at_source, at_target = wide + F.linear(levels.atom, of_source), F.linear(levels.atom, of_target)
        ends = at_source.index_select(0, edge_index[0]) + at_target.index_select(0, edge_index[1])
        out: Tensor = self.edge.rest(F.linear(levels.edge, of_edge) + ends)
        return out
