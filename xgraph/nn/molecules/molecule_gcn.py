"""Graph convolutional network for molecules."""

from typing import Any

from torch import Tensor, nn

from xgraph.nn.molecules.encoders import BOND_FEATURE_SIZES
from xgraph.nn.molecules.molecule_gcn_conv import MoleculeGCNConv, degree_weights
from xgraph.nn.molecules.stack import ConvolutionStack


class MoleculeGCN(ConvolutionStack):
    """Graph convolutional network (GCN) for molecules, with bond embeddings.

    A layer consists of `MoleculeGCNConv`, batch normalisation, ReLU (except in the last layer) and dropout. This is the
    GCN baseline of the Open Graph Benchmark (Hu et al., NeurIPS 2020), optionally with its `virtual_node`. For the
    arguments and the format of batches see `ConvolutionStack` and `MoleculeModel`. For the nodes of one large graph,
    use `GCN`.

    Example:
        >>> import torch
        >>> from torch_geometric.data import Batch, Data
        >>> atom, bond = torch.zeros(2, 9, dtype=torch.long), torch.zeros(2, 3, dtype=torch.long)
        >>> molecule = Data(x=atom, edge_index=torch.tensor([[0, 1], [1, 0]]), edge_attr=bond)
        >>> MoleculeGCN(num_tasks=12, hidden_channels=32)(Batch.from_data_list([molecule] * 3)).shape
        torch.Size([3, 12])
    """

    def make_conv(self, channels: int) -> nn.Module:
        """Create a `MoleculeGCNConv`."""
        return MoleculeGCNConv(channels, BOND_FEATURE_SIZES)

    def edge_inputs(self, batch: Any, bond_rows: Tensor) -> tuple[Tensor, ...]:
        """Return the bond features and the degree weights of edges and atoms."""
        return (bond_rows, *degree_weights(batch.edge_index, batch.x.size(0), bond_rows.dtype))
