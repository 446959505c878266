"""Graph attention network: means weighted by attention."""

from typing import Any

from torch import Tensor, nn

from xgraph.nn.node_model import Block, JumpingKnowledge, NodeModel, Norm
from xgraph.nn.rows import first_rows


class GAT(NodeModel):
    """Graph attention network with PyG's `GATConv`: each node attends to itself and to the nodes with an edge to it.

    On a sampled batch the softmax is over the sampled neighbours, which is biased: with few of them, the node's own
    share is larger than in the whole graph. From Veličković et al., "Graph Attention Networks", ICLR 2018.
    Other arguments and batches: `NodeModel`.

    Args:
        heads: Number of attention heads, which share `hidden_channels` equally.

    Raises:
        ValueError: `hidden_channels` is no multiple of `heads`.

    Example:
        >>> import torch
        >>> from torch_geometric.data import Data
        >>> data = Data(x=torch.randn(3, 8), edge_index=torch.tensor([[0, 1, 2], [1, 2, 0]]))
        >>> GAT(num_tasks=5, in_channels=8, hidden_channels=16, heads=2)(data).shape
        torch.Size([3, 5])
    """

    def __init__(
        self,
        num_tasks: int,
        in_channels: int,
        *,
        hidden_channels: int = 256,
        num_layers: int = 2,
        heads: int = 4,
        dropout: float = 0.5,
        norm: Norm = "batch",
        residual: bool = False,
        jk: JumpingKnowledge = "last",
    ) -> None:
        if heads < 1:
            raise ValueError(f"heads must be at least 1, got {heads}")
        if hidden_channels % heads:
            raise ValueError(f"hidden_channels must be a multiple of heads = {heads}, got {hidden_channels}")
        self.heads = heads
        super().__init__(
            num_tasks,
            in_channels,
            hidden_channels=hidden_channels,
            num_layers=num_layers,
            dropout=dropout,
            norm=norm,
            residual=residual,
            jk=jk,
        )

    def make_conv(self, in_channels: int, out_channels: int) -> nn.Module:
        """Make a `GATConv` whose heads are concatenated.

        Args:
            in_channels: Length of the vectors that it takes.
            out_channels: Length of those that it gives.
        """
        from torch_geometric.nn import GATConv

        conv: nn.Module = GATConv(in_channels, out_channels // self.heads, heads=self.heads)
        return conv

    def convolve(self, conv: Any, x: Tensor, block: Block) -> Tensor:
        """Apply a `GATConv`.

        Args:
            conv: The convolution.
            x: Vectors of the block's nodes. Shape ``[N, C]``.
            block: The edges.
        """
        out: Tensor = conv((x, first_rows(x, block.num_targets)), block.edge_index)
        return out

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"{super().extra_repr()}, heads={self.heads}"
