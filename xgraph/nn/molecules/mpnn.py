"""Message passing neural network (MPNN) with an edge network and a gated recurrent unit."""

from typing import Any, ClassVar, Literal, get_args

from torch import Tensor, nn

from xgraph.checks import MOST_LAYERS, integer
from xgraph.nn.molecules.edge_network import EdgeNetwork, edges_by_kind
from xgraph.nn.molecules.encoders import BOND_FEATURE_SIZES
from xgraph.nn.molecules.model import MoleculeModel
from xgraph.nn.molecules.readout import Pool

SET2SET_STEPS = 3


class MPNN(MoleculeModel):
    r"""Message passing neural network (MPNN) for molecules.

    .. math::
        m_v^{t} = \mathrm{dropout}\Bigl(\sum_{u \in N(v)} A(e_{uv}) h_u^{t}\Bigr), \qquad
        h_v^{t+1} = \mathrm{GRU}(m_v^{t}, h_v^{t})

    :math:`h_v^0` is the atom's embedding, A is a network from bond features to matrices (`EdgeNetwork`), and all steps
    share the same weights. From Gilmer et al., "Neural Message Passing for Quantum Chemistry", ICML 2017, whose readout
    is set2set (Vinyals et al., "Order Matters: Sequence to Sequence for Sets", ICLR 2016) on :math:`h^T`; dropout is an
    addition. The network called MPNN in the tables of Qi et al., NeurIPS 2021, has no GRU: see `ECC`. For other
    arguments and the format of batches see `MoleculeModel`.

    Args:
        num_layers: Number of message passing steps, that is, the number of bonds an atom can see.
        pool: Pooling of atom vectors to a graph vector. set2set attends to them in three steps and returns a vector of
            twice the size.

    Example:
        >>> import torch
        >>> from torch_geometric.data import Batch, Data
        >>> atom, bond = torch.zeros(2, 9, dtype=torch.long), torch.zeros(2, 3, dtype=torch.long)
        >>> molecule = Data(x=atom, edge_index=torch.tensor([[0, 1], [1, 0]]), edge_attr=bond)
        >>> MPNN(num_tasks=12, hidden_channels=32)(Batch.from_data_list([molecule] * 3)).shape
        torch.Size([3, 12])
    """

    pools: ClassVar[tuple[str, ...]] = (*get_args(Pool), "set2set")

    def __init__(
        self,
        num_tasks: int = 1,
        num_features: int = 0,
        *,
        num_layers: int = 3,
        pool: Pool | Literal["set2set"] = "max",
        **options: Any,
    ) -> None:
        super().__init__(num_tasks, num_features, pool=pool, **options)  # type: ignore[arg-type]  # also "set2set"
        self.num_layers = integer("num_layers", num_layers, most=MOST_LAYERS)
        channels = self.hidden_channels
        self.edge_network = EdgeNetwork(BOND_FEATURE_SIZES, channels)
        self.update = nn.GRUCell(channels, channels)
        self.set2set: nn.Module | None = None
        if pool == "set2set":
            from torch_geometric.nn.aggr import Set2Set

            self.set2set = Set2Set(channels, processing_steps=SET2SET_STEPS)
        self.add_head(channels if self.set2set is None else 2 * channels)

    def graph_vectors(self, batch: Any, graph: Tensor, num_graphs: int) -> Tensor:
        """Return graph vectors, ``[B, hidden_channels]``; with set2set, ``[B, 2 * hidden_channels]``."""
        if self.set2set is None:
            return super().graph_vectors(batch, graph, num_graphs)
        vectors: Tensor = self.set2set(self.encode(batch, graph, num_graphs), graph, dim_size=num_graphs)
        return vectors

    def encode(self, batch: Any, graph: Tensor, num_graphs: int) -> Tensor:
        """Return atom vectors, ``[N, hidden_channels]``."""
        atom_rows, _ = self.rows(batch)  # the bond rows are not used, but this checks their categories
        h: Tensor = self.atom(atom_rows)
        edges = edges_by_kind(batch.edge_index, batch.edge_attr, BOND_FEATURE_SIZES)
        matrices = self.edge_network.matrices(edges.kinds)
        for _ in range(self.num_layers):
            h = self.update(self.dropout(edges.messages(h, matrices)), h)
        return h

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"{super().extra_repr()}, num_layers={self.num_layers}"
