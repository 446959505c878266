"""Multi-level message passing neural network (ML-MPNN)."""

from typing import Any

from torch import Tensor, nn

from xgraph.checks import MOST_LAYERS, integer
from xgraph.nn.molecules.clusters import Clusters, clusters
from xgraph.nn.molecules.encoders import BOND_FEATURE_SIZES, CategoricalEmbedding
from xgraph.nn.molecules.model import MoleculeModel
from xgraph.nn.molecules.multi_level_layer import Levels, MultiLevelLayer
from xgraph.nn.molecules.readout import Pool, readout


class MLMPNN(MoleculeModel):
    r"""Multi-level message passing neural network (ML-MPNN): bonds, atoms, clusters and the whole molecule exchange
    messages.

    Each layer updates the levels from small to large:

    .. math::
        e_{uv}' &= \phi_e[e_{uv}, h_u, h_v, g] \\
        m_v &= \mathrm{ReLU}(W_m [\textstyle\sum_{u \in N(v)} h_u, \sum_{u \in N(v)} e_{uv}'] + b_m), \qquad
        h_v' = \phi_h[h_v, m_v, g] \\
        s_c' &= \phi_s[s_c, \; \mathrm{ReLU}(W_i \textstyle\sum_{v \in c} h_v' + b_i), \;
        \mathrm{ReLU}(W_a \textstyle\sum_{d \sim c} s_d + b_a), \; g] \\
        g' &= \phi_g[g, \; \mathrm{pool}_{uv} e_{uv}', \; \mathrm{pool}_v h_v', \; \mathrm{pool}_c s_c']

    e belongs to one direction of a bond, h to an atom, s to a cluster and g to the molecule; c ~ d are clusters joined
    by a bond. Each :math:`\phi` concatenates its inputs and applies linear, ReLU, dropout, linear and batch
    normalisation, with its own weights in each layer. h and e start as embeddings of the features, s as an embedding of
    the kind of cluster, and g as an embedding of the mean of the molecule's bond features. The last g is the graph
    vector.

    From Wang et al., "Advanced graph and sequence neural networks for molecular property prediction and drug
    discovery", Bioinformatics 2022, with these differences:

    - The clusters are ring systems and chains. In the paper they come from a junction tree, in which each ring and each
      bond of a chain is a cluster of its own.
    - The features are the Open Graph Benchmark's, embedded by one linear layer instead of two layers.
    - Vectors are not divided by the square root of the number of atoms before batch normalisation.
    - Dropout is applied once in each :math:`\phi`, not before both of its linear layers.
    - Two consecutive linear layers in the published code are one layer here.

    The descriptors that the paper passes to the head are `features` here. For other arguments and the format of batches
    see `MoleculeModel`.

    Args:
        num_layers: Number of layers.
        pool: Pooling of bonds, atoms and clusters for the molecule's vector.

    Example:
        >>> import torch
        >>> from torch_geometric.data import Batch, Data
        >>> atom, bond = torch.zeros(2, 9, dtype=torch.long), torch.zeros(2, 3, dtype=torch.long)
        >>> molecule = Data(x=atom, edge_index=torch.tensor([[0, 1], [1, 0]]), edge_attr=bond)
        >>> MLMPNN(num_tasks=12, hidden_channels=32)(Batch.from_data_list([molecule] * 3)).shape
        torch.Size([3, 12])
    """

    def __init__(
        self, num_tasks: int = 1, num_features: int = 0, *, num_layers: int = 3, pool: Pool = "mean", **options: Any
    ) -> None:
        super().__init__(num_tasks, num_features, pool=pool, **options)
        self.num_layers = integer("num_layers", num_layers, most=MOST_LAYERS)
        channels, dropout = self.hidden_channels, self.dropout.p
        self.bond = CategoricalEmbedding(BOND_FEATURE_SIZES, channels)
        self.cluster = nn.Embedding(2, channels)
        self.whole = CategoricalEmbedding(BOND_FEATURE_SIZES, channels)
        self.layers = nn.ModuleList(MultiLevelLayer(channels, dropout, pool) for _ in range(num_layers))
        self.add_head()

    def graph_vectors(self, batch: Any, graph: Tensor, num_graphs: int) -> Tensor:
        """Return graph vectors, ``[B, hidden_channels]``: the last layer's vectors of whole molecules."""
        return self.levels(batch, graph, num_graphs).whole

    def encode(self, batch: Any, graph: Tensor, num_graphs: int) -> Tensor:
        """Return atom vectors, ``[N, hidden_channels]``."""
        return self.levels(batch, graph, num_graphs).atom

    def levels(self, batch: Any, graph: Tensor, num_graphs: int) -> Levels:
        """Return the vectors of all levels after the last layer."""
        atom_rows, bond_rows = self.rows(batch)
        parts: Clusters = clusters(batch.edge_index, graph)
        bonds = readout(bond_rows, graph.index_select(0, batch.edge_index[0]), num_graphs, "mean")
        levels = Levels(self.bond(bond_rows), self.atom(atom_rows), self.cluster(parts.is_ring), self.whole(bonds))
        for layer in self.layers:
            levels = layer(levels, batch.edge_index, parts, graph)
        return levels

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"{super().extra_repr()}, num_layers={self.num_layers}"
