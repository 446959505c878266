"""Edge-conditioned convolutions one after the other."""

from typing import Any

from torch import Tensor, nn

from xgraph.nn.molecules.edge_network import EdgeNetwork, EdgesByKind, edges_by_kind
from xgraph.nn.molecules.encoders import BOND_FEATURE_SIZES
from xgraph.nn.molecules.stack import ConvolutionStack


class ECCConv(nn.Module):
    r"""Edge-conditioned convolution: :math:`h_v' = W h_v + \sum_{u \in N(v)} A(e_{uv}) h_u`, with an `EdgeNetwork` A.

    From Simonovsky & Komodakis, "Dynamic Edge-Conditioned Filters in Convolutional Neural Networks on Graphs", CVPR
    2017, with a sum where the paper has the mean. There is no bias, since a normalisation follows.

    Args:
        channels: Length C of the node vectors, in and out.
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
            edge_index: Not used; the edges are sorted.
            edges: The edges, sorted with these sizes.
        """
        out: Tensor = self.root(x) + self.network(x, edges)
        return out


class ECC(ConvolutionStack):
    """Edge-conditioned convolutions on molecules with the Open Graph Benchmark's atom and bond features.

    A layer is `ECCConv`, batch normalisation, ReLU (not after the last layer) and dropout. The network that the tables
    of Qi et al., "Stochastic Optimization of Areas Under Precision-Recall Curves with Provable Convergence", NeurIPS
    2021, call MPNN is of this kind. What differs there: the edge network is linear; the first layer reads one-hot
    features, not an embedding; vectors are divided by the root of the number of atoms before batch normalisation, which
    the last layer does not have. Batches and arguments: `MoleculeModel`, `ConvolutionStack`.

    Example:
        >>> import torch
        >>> from torch_geometric.data import Batch, Data
        >>> atom, bond = torch.zeros(2, 9, dtype=torch.long), torch.zeros(2, 3, dtype=torch.long)
        >>> molecule = Data(x=atom, edge_index=torch.tensor([[0, 1], [1, 0]]), edge_attr=bond)
        >>> ECC(num_tasks=12, hidden_channels=32)(Batch.from_data_list([molecule] * 3)).shape
        torch.Size([3, 12])
    """

    def make_conv(self, channels: int) -> nn.Module:
        """Make an `ECCConv`."""
        return ECCConv(channels, BOND_FEATURE_SIZES)

    def edge_inputs(self, batch: Any, bond_rows: Tensor) -> tuple[EdgesByKind]:
        """Return the edges, sorted by their kind."""
        return (edges_by_kind(batch.edge_index, batch.edge_attr, BOND_FEATURE_SIZES),)
