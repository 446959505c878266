"""Feature momentum for PyG's convolutions."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from xgraph.nn.convolutions import convolution_of
from xgraph.nn.convolutions.feature_momentum import FeatureMomentum
from xgraph.nn.convolutions.inputs import block_of
from xgraph.nn.convolutions.sums import Nodes
from xgraph.nn.convolutions.table_options import TableOptions
from xgraph.nn.nodes.sage_conv import SAGEConv


class MomentumConv(nn.Module):
    """A PyG convolution with feature momentum, created by `with_feature_momentum`.

    In training it computes PyG's formula with the weights of the whole graph, sums rescaled to all neighbours, and the
    moving average of a node's aggregate in place of the batch's aggregate. In evaluation mode it applies PyG's
    convolution to the given edges; if `degree` is given, it applies the rescaled formula, without the moving average.
    Nothing is written in evaluation mode.

    In models with several layers, trim batches (``torch_geometric.utils.trim_to_layer``). Otherwise later layers also
    compute and write outer nodes, from vectors of the last hop that are outdated or were never computed.

    Args:
        conv: The convolution, which is trained in place.
        momentum: The table; None for no moving average (γ = 1).

    Attributes:
        conv: The convolution.
        momentum: The table, or None.

    Raises:
        ValueError: As for `with_feature_momentum`.
    """

    def __init__(self, conv: nn.Module, momentum: FeatureMomentum | None) -> None:
        super().__init__()
        self.convolution = convolution_of(conv)
        self.conv, self.momentum = conv, momentum

    def forward(
        self,
        x: Nodes,
        edge_index: Tensor,
        edge_weight: Tensor | None = None,
        *,
        n_id: Tensor | None = None,
        degree: Tensor | None = None,
        num_targets: int | None = None,
        self_loops: Tensor | None = None,
    ) -> Tensor:
        """Return new vectors of the targets.

        Args:
            x: Vectors of the batch's nodes, targets first, ``[N, C]``; or a pair, the vectors of all nodes and those of
                the targets.
            edge_index: Source and target of each edge. Shape ``[2, E]``.
            edge_weight: Weight of each edge, for ``GCNConv(normalize=False)`` and `GraphConv`, and for `GCNConv` if the
                batch has all edges of the graph. Shape ``[E]``.
            n_id: Index of each node in the whole graph. Shape ``[N]``.
            degree: In-degree of each node in the whole graph. Shape ``[N]``.
            num_targets: Number of targets, which are the first nodes; by default the length of the second tensor if `x`
                is a pair, otherwise all nodes.
            self_loops: Number of self-loops of each node in the whole graph, for `GCNConv` and `GATConv`, which replace
                them by their own; by default those in the batch are counted. Batches from xgraph's loaders have it if
                the graph has self-loops. Shape ``[N]``.

        Returns:
            The new vectors. Shape ``[num_targets, out_channels]``.

        Raises:
            ValueError: If the layer is in training mode and `n_id` or `degree` is missing, a shape is wrong, the
                convolution does not support `edge_weight`.
            IndexError: If an edge refers to a missing node, or `n_id` holds an index that is not in the table.
            TypeError: If `edge_index` is a sparse matrix or does not hold integers.
        """
        needed: tuple[str, ...] = ()
        if self.training:
            needed = ("degree",) if self.momentum is None else ("n_id", "degree")
        block = block_of(self.conv, x, edge_index, n_id, degree, num_targets, self_loops, needed=needed)
        if edge_weight is not None and list(edge_weight.shape) != [block.edge_index.size(1)]:
            raise ValueError(f"edge_weight must have shape [{block.edge_index.size(1)}], got {list(edge_weight.shape)}")
        if not self.training and degree is None:
            return self.convolution.whole(self.conv, x, block, edge_weight)
        return self.convolution.convolve(self.conv, x, block, self.momentum if self.training else None, edge_weight)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, counted from 0, for a schedule of γ."""
        if self.momentum is not None:
            self.momentum.set_epoch(epoch)

    def reset_parameters(self) -> None:
        """Reinitialise all weights and clear the table."""
        reset: Any = self.conv.reset_parameters
        reset()
        if self.momentum is not None:
            self.momentum.reset_parameters()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.conv!r}, momentum={self.momentum!r})"


def with_feature_momentum(
    conv: nn.Module,
    num_nodes: int,
    *,
    channels: int | None = None,
    table: TableOptions | None = None,
    **options: Any,
) -> MomentumConv:
    """Add feature momentum to a PyG convolution: a moving average of each node's aggregate.

    Args:
        conv: A `SAGEConv` (mean or sum), `GCNConv`, `GINConv`, `GraphConv` (add or mean) or `GATConv` from
            ``torch_geometric.nn``. Its input size must be known, not -1.
        num_nodes: Number of nodes in the whole graph.
        channels: Input size of the convolution; only needed for a `GINConv` whose network does not reveal it.
        table: Options of the table: how it is updated and where it is stored. With ``gamma=1`` there is no table, and
            only the formula with the weights of the whole graph remains.
        options: Options of `TableOptions` by name: `gamma`, `gradient`, `dtype`, `storage`, `folder`, `in_checkpoint`.

    Raises:
        ValueError: If the convolution or its aggregation (such as a maximum) is not supported, or an argument is out of
            range.

    Example:
        >>> import torch
        >>> from torch_geometric.nn import GCNConv
        >>> conv = with_feature_momentum(GCNConv(8, 16), num_nodes=1000)
        >>> edge_index = torch.tensor([[2, 3, 4], [0, 0, 1]])
        >>> n_id, degree = torch.tensor([10, 20, 30, 40, 50]), torch.tensor([9, 5, 3, 1, 7])
        >>> conv(torch.randn(5, 8), edge_index, n_id=n_id, degree=degree, num_targets=2).shape
        torch.Size([2, 16])
    """
    convolution = convolution_of(conv)
    if isinstance(conv, SAGEConv):
        raise ValueError(f"xgraph's SAGEConv has feature momentum built in: use SAGEConv(..., num_nodes={num_nodes})")
    if any(isinstance(parameter, nn.parameter.UninitializedParameter) for parameter in conv.parameters()):
        raise ValueError(f"{type(conv).__name__} must have a known in_channels, got -1")
    table = (table or TableOptions()).updated(options)
    return MomentumConv(conv, convolution.make_table(conv, num_nodes, table, channels))
