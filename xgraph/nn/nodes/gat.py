"""Graph attention network for nodes."""

from typing import Any

from torch import nn

from xgraph.checks import integer
from xgraph.nn.nodes.model import NodeModel
from xgraph.nn.nodes.momentum_model import MomentumModel


class GAT(NodeModel):
    r"""Graph attention network with PyG's `GATConv`: each node attends to its neighbours and to itself.

    In a sampled batch the softmax runs over the sampled neighbours, which is a biased estimate. Each sampled neighbour
    is given the weight of :math:`|N_v| / |B_v|` neighbours, so that sampling does not increase the node's attention to
    itself. Self-loops in the graph are treated like other edges. From Veličković et al., "Graph Attention Networks",
    ICLR 2018. For other arguments and the format of batches see `NodeModel`; sampled batches need `degree`.

    Args:
        heads: Number of attention heads; each has ``hidden_channels / heads`` channels.

    Raises:
        ValueError: If `hidden_channels` is not a multiple of `heads`.

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
        """Create a `GATConv` with concatenated heads."""
        from torch_geometric.nn import GATConv

        conv: nn.Module = GATConv(in_channels, out_channels // self.heads, heads=self.heads)
        return conv

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"{super().extra_repr()}, heads={self.heads}"


class GATFM(MomentumModel, GAT):
    """`GAT` with feature momentum on the numerator and denominator of the attention of each node and head.

    The softmax over a few sampled neighbours, a biased estimate, thereby becomes one over many. Unlike `GraphSAGEFM`
    and `GCNFM`, the first layer has a table too, because attention to the input features depends on the weights. For
    the arguments see `MomentumModel` and `GAT`.

    Example:
        >>> import torch
        >>> from torch_geometric.data import Data
        >>> data = Data(x=torch.randn(60, 8), edge_index=torch.randint(0, 60, (2, 900)))
        >>> GATFM(5, 8, num_nodes=60, gamma=0.1, hidden_channels=16, num_layers=2)(data).shape
        torch.Size([60, 5])
    """
