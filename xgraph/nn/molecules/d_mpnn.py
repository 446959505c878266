"""Directed message passing neural network (D-MPNN)."""

from typing import Any

from torch import Tensor, nn

from xgraph.checks import MOST_LAYERS, integer
from xgraph.nn.molecules.encoders import BOND_FEATURE_SIZES, CategoricalEmbedding
from xgraph.nn.molecules.model import MoleculeModel
from xgraph.nn.molecules.readout import sum_rows
from xgraph.nn.molecules.reverse_edges import reverse_edges


class DMPNN(MoleculeModel):
    r"""Directed message passing neural network (D-MPNN): each direction of a bond has a hidden vector.

    .. math::
        z_{uv} &= W_x x_u + W_e e_{uv}, \qquad h_{uv}^1 = \mathrm{ReLU}(z_{uv}) \\
        m_{uv}^t &= \sum_{w \in N(u) \setminus v} h_{wu}^t, \qquad
        h_{uv}^{t+1} = \mathrm{dropout}(\mathrm{ReLU}(z_{uv} + W_m m_{uv}^t)) \\
        h_v &= \mathrm{dropout}(\mathrm{ReLU}(W_a [x_v, \textstyle\sum_{u \in N(v)} h_{uv}^T] + b))

    x and e are one-hot encoded features, and all steps share the same weights. A message from u to v excludes what u
    received from v: it is the sum over u's incoming bonds minus the reverse bond. From Yang et al., "Analyzing Learned
    Molecular Representations for Property Prediction", J. Chem. Inf. Model. 2019; this is the encoder of Chemprop.
    Batches must contain both directions of each bond. For other arguments and the format of batches see
    `MoleculeModel`.

    Args:
        num_layers: Number T of message passing steps, that is, the number of bonds an atom can see.

    Example:
        >>> import torch
        >>> from torch_geometric.data import Batch, Data
        >>> atom, bond = torch.zeros(2, 9, dtype=torch.long), torch.zeros(2, 3, dtype=torch.long)
        >>> molecule = Data(x=atom, edge_index=torch.tensor([[0, 1], [1, 0]]), edge_attr=bond)
        >>> DMPNN(num_tasks=12, hidden_channels=32)(Batch.from_data_list([molecule] * 3)).shape
        torch.Size([3, 12])
    """

    def __init__(self, num_tasks: int = 1, num_features: int = 0, *, num_layers: int = 3, **options: Any) -> None:
        super().__init__(num_tasks, num_features, **options)
        self.num_layers = integer("num_layers", num_layers, most=MOST_LAYERS)
        channels = self.hidden_channels
        self.bond = CategoricalEmbedding(BOND_FEATURE_SIZES, channels)
        # With a single step there are no messages.
        self.message = nn.Linear(channels, channels, bias=False) if num_layers > 1 else None
        self.own = CategoricalEmbedding(self.atom.sizes, channels)
        self.received = nn.Linear(channels, channels)
        self.add_head()

    def encode(self, batch: Any, graph: Tensor, num_graphs: int) -> Tensor:
        """Return atom vectors, ``[N, hidden_channels]``."""
        atom_rows, bond_rows = self.rows(batch)
        num_atoms, source, target = batch.x.size(0), batch.edge_index[0], batch.edge_index[1]
        start = self.atom(atom_rows).index_select(0, source) + self.bond(bond_rows)
        h = start.relu()
        if self.message is not None:
            reverse = reverse_edges(batch.edge_index, num_atoms)
            for _ in range(self.num_layers - 1):
                message = sum_rows(h, target, num_atoms).index_select(0, source) - h.index_select(0, reverse)
                h = self.dropout((start + self.message(message)).relu_())
        out: Tensor = self.dropout((self.own(atom_rows) + self.received(sum_rows(h, target, num_atoms))).relu_())
        return out

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"{super().extra_repr()}, num_layers={self.num_layers}"
