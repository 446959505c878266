"""Edge-conditioned convolution (ECC)."""

from typing import Any

from torch import Tensor, nn

from xgraph.nn.molecules.edge_network import EdgeNetwork, EdgesByKind, edges_by_kind
from xgraph.nn.molecules.encoders import BOND_FEATURE_SIZES
from xgraph.nn.molecules.stack import ConvolutionStack


class ECCConv(nn.Module):
    r"""Edge-conditioned convolution: :math:`h_v' = W h_v + \sum_{u \in N(v)} A(e_{uv}) h_u`, with an `EdgeNetwork` A.

    From Simonovsky and Komodakis, "Dynamic Edge-Conditioned Filters in Convolutional Neural Networks on Graphs", CVPR
    2017, with a sum instead of the paper's mean. It has no bias because normalisation follows.

    Args:
        channels: Size C of the input and output node vectors.
        edge_sizes: Number of categories of each edge feature.

    Example:
        >>> import torch
        >>> edge_index, edge_attr = torch.tensor([[0, 1], [1, 0]]), torch.tensor([[2], [2]])
        >>> conv = ECCConv(8, edge_sizes=(3,))
        >>> conv(torch.randn(2, 8), edge_index, edges_by_kind(edge_index, edge_attr, (3,))).shape
        torch.Size([2, 8])
    """

    def __init__(self, channels: int, edge_sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.network = EdgeNetwork(edge_sizes, channels)
        self.root = nn.Linear(channels, channels, bias=False)

    def reset_parameters(self) -> None:
        """Reinitialise all weights."""
        self.network.reset_parameters()
        self.root.reset_parameters()

    def forward(self, x: Tensor, edge_index: Tensor, edges: EdgesByKind) -> Tensor:
        """Return new node vectors, ``[N, C]``.

        Args:
            x: Node vectors. Shape ``[N, C]``.
            edge_index: Not used; `edges` holds the edges.
            edges: The edges sorted by kind, from `edges_by_kind` with the same sizes.
        """
        out: Tensor = self.root(x) + self.network(x, edges)
        return out


class ECC(ConvolutionStack):
    """Edge-conditioned convolutions (ECC) for molecules, with the Open Graph Benchmark's atom and bond features.

    A layer consists of `ECCConv`, batch normalisation, ReLU (except in the last layer) and dropout. The network called
    MPNN in the tables of Qi et al., "Stochastic Optimization of Areas Under Precision-Recall Curves with Provable
    Convergence", NeurIPS 2021, is of this kind, with some differences: its edge network is linear; its first layer
    reads one-hot features, not an embedding; and it divides vectors by the square root of the number of atoms before
    batch normalisation, which its last layer omits. For the arguments and the format of batches see `ConvolutionStack`
    and `MoleculeModel`.

    Example:
        >>> import torch
        >>> from torch_geometric.data import Batch, Data
        >>> atom, bond = torch.zeros(2, 9, dtype=torch.long), torch.zeros(2, 3, dtype=torch.long)
        >>> molecule = Data(x=atom, edge_index=torch.tensor([[0, 1], [1, 0]]), edge_attr=bond)
        >>> ECC(num_tasks=12, hidden_channels=32)(Batch.from_data_list([molecule] * 3)).shape
        torch.Size([3, 12])
    """

    def make_conv(self, channels: int) -> nn.Module:
        """Create an `ECCConv`."""
        return ECCConv(channels, BOND_FEATURE_SIZES)

    def edge_inputs(self, batch: Any, bond_rows: Tensor) -> tuple[EdgesByKind]:
        """Return the edges sorted by kind."""
        return (edges_by_kind(batch.edge_index, batch.edge_attr, BOND_FEATURE_SIZES),)
