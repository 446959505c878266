"""Graph convolutional network: sums weighted by degrees."""

from typing import Any, ClassVar

from torch import Tensor, nn

from xgraph.nn.node_model import Block, NodeModel, in_degree
from xgraph.nn.rows import linear, sum_neighbors


class GCN(NodeModel):
    r"""Graph convolutional network with PyG's `GCNConv`.

    .. math::
        h_v' = \frac{W h_v}{d_v + 1} + \frac{|N_v|}{|B_v|} \sum_{u \in B_v} \frac{W h_u}{\sqrt{(d_u + 1)(d_v + 1)}} + b

    d are in-degrees in the whole graph, :math:`|N_v| = d_v`, and :math:`B_v` are the neighbours in the batch: all of
    them in a whole graph, where this is the convolution of Kipf and Welling, "Semi-Supervised Classification with
    Graph Convolutional Networks", ICLR 2017. On a uniformly sampled batch the rescaled sum has the true one as its
    expectation, as the weights are those of the whole graph; with degrees counted in the batch it would not.
    Loops that the graph has are edges like others, beside the one that the formula adds. Arguments and batches:
    `NodeModel`; sampled batches need `degree`.

    Example:
        >>> import torch
        >>> from torch_geometric.data import Data
        >>> data = Data(x=torch.randn(3, 8), edge_index=torch.tensor([[0, 1, 2], [1, 2, 0]]))
        >>> GCN(num_tasks=5, in_channels=8, hidden_channels=16)(data).shape
        torch.Size([3, 5])
    """

    needs_degree: ClassVar[bool] = True

    def make_conv(self, in_channels: int, out_channels: int) -> nn.Module:
        """Make a `GCNConv` that is told the weights of its edges.

        Args:
            in_channels: Length of the vectors that it takes.
            out_channels: Length of those that it gives.
        """
        from torch_geometric.nn import GCNConv

        conv: nn.Module = GCNConv(in_channels, out_channels, normalize=False)
        return conv

    def convolve(self, conv: Any, x: Tensor, block: Block) -> Tensor:
        """Apply a `GCNConv` with the weights of the formula.

        Args:
            conv: The convolution.
            x: Vectors of the block's nodes. Shape ``[N, C]``.
            block: The edges, and the degrees.
        """
        h = linear(x, conv.lin.weight)
        source, target = block.edge_index[0], block.edge_index[1]
        degree = block.degree.to(h.dtype)
        root = (degree + 1).rsqrt()
        scale = degree[: block.num_targets] / in_degree(target, block.num_targets).clamp_(min=1)
        weight = root[source] * (root[: block.num_targets] * scale)[target]
        total = sum_neighbors(h, block.edge_index, block.num_targets, weight)
        own = h[: block.num_targets] * root[: block.num_targets].square().unsqueeze(1)
        out: Tensor = total.add_(own).add_(conv.bias)
        return out
