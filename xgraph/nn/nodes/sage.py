"""GraphSAGE for nodes."""

from typing import Any

from torch import nn

from xgraph.nn.nodes.model import NodeModel
from xgraph.nn.nodes.momentum_model import ExactInputModel
from xgraph.nn.nodes.sage_conv import SAGEConv


class GraphSAGE(NodeModel):
    r"""GraphSAGE with `SAGEConv`: :math:`h_v' = W_1 \, \mathrm{mean}_{u \in N(v)} h_u + b + W_2 h_v`.

    With `mean_with_self`, :math:`h_v' = W \, \mathrm{mean}_{u \in N(v) \cup \{v\}} h_u + b`.

    In a sampled batch the mean is over the sampled neighbours, an unbiased estimate. From Hamilton et al., "Inductive
    Representation Learning on Large Graphs", NeurIPS 2017. For other arguments and the format of batches see
    `NodeModel`.

    Args:
        mean_with_self: Whether the mean includes the node itself, in place of a separate weight for the node. Sampled
            batches then need `degree`.

    Example:
        >>> import torch
        >>> from torch_geometric.data import Data
        >>> data = Data(x=torch.randn(3, 8), edge_index=torch.tensor([[0, 1, 2], [1, 2, 0]]))
        >>> GraphSAGE(num_tasks=5, in_channels=8, hidden_channels=16)(data).shape
        torch.Size([3, 5])
    """

    def __init__(self, num_tasks: int, in_channels: int, *, mean_with_self: bool = False, **options: Any) -> None:
        self.mean_with_self = self.needs_degree = mean_with_self
        super().__init__(num_tasks, in_channels, **options)

    def make_conv(self, in_channels: int, out_channels: int) -> nn.Module:
        """Create a `SAGEConv`, whose parameters have the same names as PyG's."""
        return SAGEConv(in_channels, out_channels, mean_with_self=self.mean_with_self)

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"{super().extra_repr()}, mean_with_self={self.mean_with_self}"


class GraphSAGEFM(ExactInputModel, GraphSAGE):
    """`GraphSAGE` with feature momentum, which needs fewer sampled neighbours.

    For the arguments see `MomentumModel`, `ExactInputModel` and `GraphSAGE`.

    Example:
        >>> import torch
        >>> from torch_geometric.data import Data
        >>> from xgraph.nn import input_aggregate
        >>> x, edge_index = torch.randn(60, 8), torch.randint(0, 60, (2, 900))
        >>> model = GraphSAGEFM(5, 8, num_nodes=60, gamma=0.1, hidden_channels=16, num_layers=2)
        >>> data = Data(x=x, edge_index=edge_index, x_aggr=input_aggregate(model, x, edge_index))
        >>> model(data).shape  # or batches of NeighborLoader(data, num_neighbors=[1])
        torch.Size([60, 5])
    """
