"""Graph isomorphism network with edge features (GINE)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from xgraph.nn.layers.norm import BatchNorm
from xgraph.nn.layers.reset import reset_parameters
from xgraph.nn.molecules.encoders import BOND_FEATURE_SIZES, CategoricalEmbedding
from xgraph.nn.molecules.stack import ConvolutionStack


class GINEConv(nn.Module):
    r"""GINE convolution; it embeds the edge features itself.

    .. math:: h_v' = \mathrm{MLP}\Bigl(h_v + \sum_{u \in N(v)} \mathrm{ReLU}(h_u + e_{uv})\Bigr)

    The MLP is linear, batch normalisation, ReLU, linear, with a hidden layer of twice the channels. The linear layers
    have no bias because normalisation follows each of them. From Hu et al., "Strategies for Pre-training Graph Neural
    Networks", ICLR 2020, with ε = 0.

    Args:
        channels: Size of the input and output node vectors.
        edge_sizes: Number of categories of each edge feature.

    Example:
        >>> conv = GINEConv(8, edge_sizes=(3,))
        >>> edge_index, edge_rows = torch.tensor([[0, 1], [1, 0]]), torch.eye(3)[:2]
        >>> conv(torch.randn(2, 8), edge_index, edge_rows).shape
        torch.Size([2, 8])
    """

    def __init__(self, channels: int, edge_sizes: Sequence[int]) -> None:
        super().__init__()
        self.edge = CategoricalEmbedding(edge_sizes, channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 2 * channels, bias=False),
            BatchNorm(2 * channels),
            nn.ReLU(inplace=True),
            nn.Linear(2 * channels, channels, bias=False),
        )

    def reset_parameters(self) -> None:
        """Reinitialise all weights."""
        self.edge.reset_parameters()
        reset_parameters(self.mlp)

    def forward(self, x: Tensor, edge_index: Tensor, edge_rows: Tensor) -> Tensor:
        """Return new node vectors, ``[N, channels]``.

        Args:
            x: Node vectors. Shape ``[N, channels]``.
            edge_index: Source and target node of each edge. Shape ``[2, E]``.
            edge_rows: Edge features encoded by `MultiHot`. Shape ``[E, sum(edge_sizes)]``.
        """
        source, target = edge_index[0], edge_index[1]
        # index_select and index_add are each other's gradient, which makes them faster than x[source].
        message = (x.index_select(0, source) + self.edge(edge_rows)).relu_()
        received = torch.zeros(x.shape, dtype=message.dtype, device=x.device).index_add(0, target, message)
        out: Tensor = self.mlp(x + received)
        return out


class GINE(ConvolutionStack):
    """Graph isomorphism network (GINE) for molecules, with the Open Graph Benchmark's atom and bond features.

    A layer consists of `GINEConv`, batch normalisation, ReLU (except in the last layer) and dropout. From Hu et al.,
    "Strategies for Pre-training Graph Neural Networks", ICLR 2020. For the arguments and the format of batches see
    `ConvolutionStack` and `MoleculeModel`.

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
        """Create a `GINEConv`."""
        return GINEConv(channels, BOND_FEATURE_SIZES)
