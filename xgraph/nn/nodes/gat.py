"""Graph attention network: means weighted by attention."""

from typing import Any

from torch import nn

from xgraph.checks import integer
from xgraph.nn.nodes.model import NodeModel
from xgraph.nn.nodes.momentum_model import MomentumModel


class GAT(NodeModel):
    r"""Graph attention network with PyG's `GATConv`: each node attends to itself and to the nodes with an edge to it.

    On a sampled batch the softmax is over the sampled neighbours, which is biased; each of them stands for
    :math:`|N_v| / |B_v|` neighbours, so that the node's own share is not larger for there being few. Loops that the
    graph has are edges like others. From Veličković et al., "Graph Attention Networks", ICLR 2018. Other arguments and
    batches: `NodeModel`; sampled batches need `degree`.

    Args:
        heads: Number of attention heads, which share `hidden_channels` equally.

    Raises:
        ValueError: If `hidden_channels` is no multiple of `heads`.

    Example:
        >>> import torch
        >>> from torch_geometric.data import Data
        >>> data = Data(x=torch.randn(3, 8), edge_index=torch.tensor([[0, 1, 2], [1, 2, 0]]))
        >>> GAT(num_tasks=5, in_channels=8, hidden_channels=16, heads=2)(data).shape
        torch.Size([3, 5])
    """

    needs_degree: bool = True

    def __init__(
        self, num_tasks: int, in_channels: int, *, hidden_channels: int = 256, heads: int = 4, **options: Any
    ) -> None:
        self.heads = integer("heads", heads)
        if hidden_channels % heads:
            raise ValueError(f"hidden_channels must be a multiple of heads = {heads}, got {hidden_channels}")
        super().__init__(num_tasks, in_channels, hidden_channels=hidden_channels, **options)

    def make_conv(self, in_channels: int, out_channels: int) -> nn.Module:
        """Make a `GATConv` whose heads are concatenated."""
        from torch_geometric.nn import GATConv

        conv: nn.Module = GATConv(in_channels, out_channels // self.heads, heads=self.heads)
        return conv

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"{super().extra_repr()}, heads={self.heads}"


class GATFM(MomentumModel, GAT):
    """`GAT` with feature momentum, which tracks numerator and denominator of the attention for each node and head.

    So the softmax over few sampled neighbours, which is biased, becomes one over many. The first layer has a table
    too, as the features' attention changes with the weights. Arguments: `MomentumModel`, `GAT`.

    Example:
        >>> import torch
        >>> from torch_geometric.data import Data
        >>> data = Data(x=torch.randn(60, 8), edge_index=torch.randint(0, 60, (2, 900)))
        >>> GATFM(5, 8, num_nodes=60, gamma=0.1, hidden_channels=16, num_layers=2)(data).shape
        torch.Size([60, 5])
    """
