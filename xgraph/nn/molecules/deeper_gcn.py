"""DeeperGCN: pre-activation residual blocks with softmax aggregation."""

from typing import Any

from torch import Tensor, nn

from xgraph.nn.molecules.encoders import BOND_FEATURE_SIZES
from xgraph.nn.molecules.gen_conv import GENConv
from xgraph.nn.molecules.stack import LayeredModel


class DeeperGCN(LayeredModel):
    r"""DeeperGCN for molecules: residual "res+" blocks with the softmax convolution `GENConv`, suited to many layers.

    .. math::
        h^1 &= \mathrm{conv}_1(h^0) \\
        h^{l} &= h^{l-1} + \mathrm{conv}_l(\mathrm{dropout}(\mathrm{ReLU}(\mathrm{norm}_{l-1}(h^{l-1}))))

    The final atom vectors are :math:`\mathrm{dropout}(\mathrm{norm}_L(h^L))`. From Li et al., "DeeperGCN: All You Need
    to Train Deeper GCNs", 2020, configured as in its ogbg-molhiv runs: one linear layer per convolution, and a separate
    bond embedding in each. For other arguments and the format of batches see `MoleculeModel`.

    Args:
        num_layers: Number of convolutions.
        virtual_node: Whether to add a virtual node, connected to all atoms, to each graph. Its vector is added to the
            input of each convolution, and updated from that input before each convolution except the first.

    Example:
        >>> import torch
        >>> from torch_geometric.data import Batch, Data
        >>> atom, bond = torch.zeros(2, 9, dtype=torch.long), torch.zeros(2, 3, dtype=torch.long)
        >>> molecule = Data(x=atom, edge_index=torch.tensor([[0, 1], [1, 0]]), edge_attr=bond)
        >>> DeeperGCN(num_tasks=12, hidden_channels=32)(Batch.from_data_list([molecule] * 3)).shape
        torch.Size([3, 12])
    """

    def __init__(
        self,
        num_tasks: int = 1,
        num_features: int = 0,
        *,
        num_layers: int = 7,
        virtual_node: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(num_tasks, num_features, **options)
        self.add_layers(num_layers, virtual_node)
        self.add_head()

    def make_conv(self, channels: int) -> nn.Module:
        """Create a `GENConv`."""
        return GENConv(channels, BOND_FEATURE_SIZES)

    def encode(self, batch: Any, graph: Tensor, num_graphs: int) -> Tensor:
        """Return atom vectors, ``[N, hidden_channels]``."""
        atom_rows, bond_rows = self.rows(batch)
        h: Tensor = self.atom(atom_rows)
        state = None if self.virtual_start is None else self.virtual_start.expand(num_graphs, -1)
        if state is not None:
            h = h + state.index_select(0, graph)
        h = self.convs[0](h, batch.edge_index, bond_rows)
        for layer in range(1, self.num_layers):
            new: Tensor = self.dropout(self.norms[layer - 1](h).relu_())
            if state is not None:
                state = self.virtual_nodes[layer - 1](state, new, graph)
                new = new + state.index_select(0, graph)
            h = h + self.convs[layer](new, batch.edge_index, bond_rows)
        out: Tensor = self.dropout(self.norms[-1](h))
        return out
