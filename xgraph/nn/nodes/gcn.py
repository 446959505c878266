"""Graph convolutional network for nodes."""

from torch import nn

from xgraph.nn.nodes.model import NodeModel
from xgraph.nn.nodes.momentum_model import ExactInputModel


class GCN(NodeModel):
    r"""Graph convolutional network with PyG's `GCNConv`.

    .. math::
        h_v' = \frac{W h_v}{d_v + 1} + \frac{|N_v|}{|B_v|} \sum_{u \in B_v} \frac{W h_u}{\sqrt{(d_u + 1)(d_v + 1)}} + b

    :math:`d_v = |N_v|` is the in-degree in the whole graph and :math:`B_v` the neighbours in the batch. On the whole
    graph this is the convolution of Kipf and Welling, "Semi-Supervised Classification with Graph Convolutional
    Networks", ICLR 2017. In a uniformly sampled batch the rescaled sum is an unbiased estimate of the full sum, because
    the weights use the true degrees; with degrees counted in the batch it would be biased. A node is not counted among
    its own neighbours: as in PyG, a self-loop in the graph takes the place of the one that the formula adds. For the
    arguments and the format of batches see `NodeModel`; sampled batches need `degree`, and `self_loops` if there are
    any.

    Example:
        >>> import torch
        >>> from torch_geometric.data import Data
        >>> data = Data(x=torch.randn(3, 8), edge_index=torch.tensor([[0, 1, 2], [1, 2, 0]]))
        >>> GCN(num_tasks=5, in_channels=8, hidden_channels=16)(data).shape
        torch.Size([3, 5])
    """

    needs_degree: bool = True

    def make_conv(self, in_channels: int, out_channels: int) -> nn.Module:
        """Create a `GCNConv`."""
        from torch_geometric.nn import GCNConv

        conv: nn.Module = GCNConv(in_channels, out_channels)
        return conv


class GCNFM(ExactInputModel, GCN):
    """`GCN` with feature momentum, which needs fewer sampled neighbours.

    For the arguments see `MomentumModel` and `ExactInputModel`.

    Example:
        >>> import torch
        >>> from torch_geometric.data import Data
        >>> from xgraph.nn import input_aggregate
        >>> x, edge_index = torch.randn(60, 8), torch.randint(0, 60, (2, 900))
        >>> model = GCNFM(5, 8, num_nodes=60, gamma=0.1, hidden_channels=16, num_layers=2)
        >>> data = Data(x=x, edge_index=edge_index, x_aggr=input_aggregate(model, x, edge_index))
        >>> model(data).shape  # or batches of NeighborLoader(data, num_neighbors=[1])
        torch.Size([60, 5])
    """
