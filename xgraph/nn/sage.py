"""GraphSAGE: means over neighbours."""

from typing import Any

import torch
from torch import Tensor, nn

from xgraph.nn.node_model import Block, NodeModel, in_degree
from xgraph.nn.rows import first_rows, linear, sum_neighbors


class GraphSAGE(NodeModel):
    r"""GraphSAGE with PyG's `SAGEConv`: :math:`h_v' = W_1 \, \mathrm{mean}_{u \in N(v)} h_u + b + W_2 h_v`.

    On a sampled batch the mean is over the sampled neighbours, which is the true one in expectation. From Hamilton et
    al., "Inductive Representation Learning on Large Graphs", NeurIPS 2017. Arguments and batches: `NodeModel`.

    Example:
        >>> from torch_geometric.data import Data
        >>> data = Data(x=torch.randn(3, 8), edge_index=torch.tensor([[0, 1, 2], [1, 2, 0]]))
        >>> GraphSAGE(num_tasks=5, in_channels=8, hidden_channels=16)(data).shape
        torch.Size([3, 5])
    """

    def make_conv(self, in_channels: int, out_channels: int) -> nn.Module:
        """Make a `SAGEConv`.

        Args:
            in_channels: Length of the vectors that it takes.
            out_channels: Length of those that it gives.
        """
        from torch_geometric.nn import SAGEConv

        conv: nn.Module = SAGEConv(in_channels, out_channels)
        return conv

    def convolve(self, conv: Any, x: Tensor, block: Block) -> Tensor:
        """Apply a `SAGEConv`, its sums faster; wide vectors are made short before the mean is taken, by linearity.

        Args:
            conv: The convolution.
            x: Vectors of the block's nodes. Shape ``[N, C]``.
            block: The edges.
        """
        out = linear(first_rows(x, block.num_targets), conv.lin_r.weight)
        target = block.edge_index[1]
        weight = in_degree(target, block.num_targets).reciprocal()[target]
        if x.layout == torch.strided and conv.in_channels <= conv.out_channels:
            mean = sum_neighbors(x, block.edge_index, block.num_targets, weight)
            return out.add_(conv.lin_l(mean))
        short = linear(x, conv.lin_l.weight)
        mean = sum_neighbors(short, block.edge_index, block.num_targets, weight)
        return out.add_(mean).add_(conv.lin_l.bias)
