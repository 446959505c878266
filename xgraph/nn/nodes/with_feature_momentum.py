"""Feature momentum for PyG's own convolutions."""

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
    """A convolution of PyG whose aggregates have feature momentum; `with_feature_momentum` makes it.

    In training it computes what its `Convolution` says (see `xgraph.nn.convolutions`): PyG's formula with the weights
    of the whole graph, sums rescaled to all neighbours, and the history of a node's aggregate in place of the
    aggregate. In evaluation mode it is PyG's convolution of the edges given; with `degree`, the rescaled formula of
    them, without history. Nothing is written then.

    Trim batches in models of several layers (``torch_geometric.utils.trim_to_layer``): else later layers compute, and
    write, outer nodes too, from vectors of the last hop that are old, or never were computed.

    Args:
        conv: The convolution, used and trained as it is.
        momentum: The table; None: no history (γ = 1).

    Attributes:
        conv: The convolution.
        momentum: The table, or None.

    Raises:
        ValueError: See `with_feature_momentum`.
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
    ) -> Tensor:
        """Make new vectors.

        Args:
            x: Vectors of the batch's nodes, targets first, ``[N, C]``; or a pair: of all nodes, of the targets.
            edge_index: Source and target of each edge. Shape ``[2, E]``.
            edge_weight: Weight of each edge, for ``GCNConv(normalize=False)`` and `GraphConv`. Shape ``[E]``.
            n_id: The nodes' numbers in the whole graph. Shape ``[N]``.
            degree: Number of edges into each node in the whole graph. Shape ``[N]``.
            num_targets: The first so many nodes get new vectors; None: as many as `x` is a pair for, or all.

        Returns:
            Shape ``[num_targets, out_channels]``.

        Raises:
            ValueError: If the layer is in training, and `n_id` or `degree` is missing; a shape is another one than
                expected; `edge_weight` cannot be used; or there is a loop in the batch besides the one that the
                convolution adds.
            IndexError: If an edge leads to or from a missing node, or `n_id` holds a number that is not in the table.
            TypeError: If `edge_index` is a sparse matrix, or no tensor of integers.
        """
        needed: tuple[str, ...] = ()
        if self.training:
            needed = ("degree",) if self.momentum is None else ("n_id", "degree")
        block = block_of(self.conv, x, edge_index, n_id, degree, num_targets, needed=needed)
        if edge_weight is not None and list(edge_weight.shape) != [block.edge_index.size(1)]:
            raise ValueError(f"edge_weight must have shape [{block.edge_index.size(1)}], got {list(edge_weight.shape)}")
        if not self.training and degree is None:
            return self.convolution.whole(self.conv, x, block, edge_weight)
        if getattr(self.conv, "add_self_loops", False) and bool((block.edge_index[0] == block.edge_index[1]).any()):
            raise ValueError(
                f"{type(self.conv).__name__} adds a loop to each node, but edge_index has one already: remove those of "
                "the graph before it is sampled (torch_geometric.utils.remove_self_loops), or set add_self_loops=False"
            )
        return self.convolution.convolve(self.conv, x, block, self.momentum if self.training else None, edge_weight)

    def set_epoch(self, epoch: int) -> None:
        """Tell the schedule of γ, if there is a table, which epoch begins, counted from 0."""
        if self.momentum is not None:
            self.momentum.set_epoch(epoch)

    def reset_parameters(self) -> None:
        """Reinitialise all weights and forget all nodes."""
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
    """Give a convolution of PyG a memory of each node's aggregate.

    Args:
        conv: A `SAGEConv` (mean, sum), `GCNConv`, `GINConv`, `GraphConv` (add, mean) or `GATConv` of
            ``torch_geometric.nn``; with its channels known, not -1.
        num_nodes: Nodes of the whole graph.
        channels: Length of the vectors that the convolution takes, for a `GINConv` whose network does not say.
        table: How the table moves, and where it lies. With ``gamma=1`` there is none, only the formula with the weights
            of the whole graph.
        options: Those of `TableOptions` by name: `gamma`, `gradient`, `dtype`, `storage`, `folder`, `in_checkpoint`.

    Raises:
        ValueError: If the convolution is none of these, or aggregates by something else, such as a maximum; or an
            argument is out of range.

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
        raise ValueError(f"xgraph's SAGEConv has momentum of its own: SAGEConv(..., num_nodes={num_nodes})")
    if any(isinstance(parameter, nn.parameter.UninitializedParameter) for parameter in conv.parameters()):
        raise ValueError(f"{type(conv).__name__} must know its in_channels, got -1")
    table = (table or TableOptions()).updated(options)
    return MomentumConv(conv, convolution.make_table(conv, num_nodes, table, channels))
