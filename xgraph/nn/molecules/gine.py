"""Graph isomorphism network for molecules."""

from torch import nn

from xgraph.nn.molecules.encoders import BOND_FEATURE_SIZES
from xgraph.nn.molecules.gine_conv import GINEConv
from xgraph.nn.molecules.stack import ConvolutionStack


class GINE(ConvolutionStack):
    """Graph isomorphism network on molecules with the Open Graph Benchmark's atom and bond features.

    A layer is `GINEConv`, batch normalisation, ReLU (not after the last layer) and dropout. From Hu et al.,
    "Strategies for Pre-training Graph Neural Networks", ICLR 2020. Batches and arguments: `MoleculeModel`,
    `ConvolutionStack`.

    Example:
        >>> import torch
        >>> from torch_geometric.data import Batch, Data
        >>> atom, bond = torch.zeros(2, 9, dtype=torch.long), torch.zeros(2, 3, dtype=torch.long)
        >>> molecule = Data(x=atom, edge_index=torch.tensor([[0, 1], [1, 0]]), edge_attr=bond)
        >>> model = GINE(num_tasks=12, hidden_channels=32)
        >>> model(Batch.from_data_list([molecule] * 3)).shape
        torch.Size([3, 12])
    """

    def make_conv(self, channels: int) -> nn.Module:
        """Make a `GINEConv`."""
        return GINEConv(channels, BOND_FEATURE_SIZES)
