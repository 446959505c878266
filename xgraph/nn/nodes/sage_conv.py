"""GraphSAGE's convolution, with feature momentum."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn

from xgraph.checks import integer
from xgraph.nn.convolutions.feature_momentum import FeatureMomentum
from xgraph.nn.convolutions.inputs import block_of
from xgraph.nn.convolutions.sage import SAGEConvolution
from xgraph.nn.convolutions.sums import Nodes
from xgraph.nn.convolutions.table_options import TableOptions


class SAGEConv(nn.Module):
    r"""GraphSAGE's convolution, which remembers each node's mean over neighbours from batch to batch.

    .. math::
        \hat A_v = \mathrm{mean}_{u \in B_v} x_u, \qquad
        \tilde h_v ← (1 - γ) \tilde h_v + γ \hat A_v, \qquad
        h_v' = W_1 \tilde h_v + b + W_2 x_v

    :math:`B_v` are the sampled neighbours of v. With ``mean_with_self`` a node is part of its own mean, equations
    (6.102) to (6.105) of the chapter; ``|N|`` is the true in-degree, so that the expectation is the mean over all:

    .. math::
        \hat A_v = \frac{1}{|N_v| + 1} x_v + \frac{|N_v|}{|N_v| + 1} \mathrm{mean}_{u \in B_v} x_u,
        \qquad h_v' = W \tilde h_v + b

    Rows of the table are written only for nodes that were computed: those with a sampled neighbour, or with none in the
    whole graph. Trim batches in models of several layers (``torch_geometric.utils.trim_to_layer``): else later layers
    compute, and write, outer nodes too, from vectors of the last hop that are old, or never were computed.

    In evaluation mode the mean is over the edges given, and nothing is written: give all of a node's edges for the
    exact one. Without a table (``gamma=1`` or no `num_nodes`) this is plain GraphSAGE.

    Parameters are named and drawn as those of PyG's `SAGEConv`, so that their states are interchangeable where there
    is no table (with one, load with ``strict=False``). From Hamilton et al., "Inductive Representation Learning on
    Large Graphs", NeurIPS 2017, and Yu et al., "GraphFM", ICML 2022.

    Args:
        in_channels: Length of the vectors, or a pair: of the sources, of the targets.
        out_channels: Length of the new vectors.
        num_nodes: Nodes of the whole graph; None: no table.
        mean_with_self: Whether a node is part of its own mean, and has no weights of its own.
        aggr: "mean", or "sum" rescaled by the share of neighbours that were sampled.
        normalize: Whether new vectors are scaled to length 1.
        root_weight: Whether there is a :math:`W_2`.
        bias: Whether there is a b.
        table: How the table moves, and where it lies.
        options: Those of `TableOptions` by name: `gamma`, `gradient`, `table_dtype`, `table_storage`, `table_folder`,
            `table_in_checkpoint`.

    Attributes:
        momentum: The table, or None.

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If an argument is of another type than expected.

    Example:
        >>> import torch
        >>> conv = SAGEConv(8, 16, num_nodes=1000, gamma=0.1)
        >>> edge_index = torch.tensor([[2, 3, 4], [0, 0, 1]])  # node 0 has two sampled neighbours, 1 has one
        >>> n_id, degree = torch.tensor([10, 20, 30, 40, 50]), torch.tensor([9, 5, 3, 1, 7])
        >>> conv(torch.randn(5, 8), edge_index, n_id=n_id, degree=degree, num_targets=2).shape
        torch.Size([2, 16])
        >>> conv.momentum.table.seen.nonzero().flatten()
        tensor([10, 20])
    """

    def __init__(
        self,
        in_channels: int | tuple[int, int],
        out_channels: int,
        *,
        num_nodes: int | None = None,
        mean_with_self: bool = False,
        aggr: str = "mean",
        normalize: bool = False,
        root_weight: bool = True,
        bias: bool = True,
        table: TableOptions | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        sent, own = in_channels if isinstance(in_channels, tuple) else (in_channels, in_channels)
        for name, value in (("in_channels", sent), ("in_channels", own), ("out_channels", out_channels)):
            integer(name, value)
        if mean_with_self and (sent != own or aggr != "mean"):
            raise ValueError(
                f"mean_with_self needs aggr='mean' and vectors of one length, got aggr={aggr!r} and "
                f"in_channels={in_channels}"
            )
        self.in_channels, self.out_channels = in_channels, out_channels
        self.mean_with_self, self.aggr, self.normalize = mean_with_self, aggr, normalize
        self.root_weight = root_weight and not mean_with_self
        self.convolution = SAGEConvolution(self)
        self.lin_l = nn.Linear(sent, out_channels, bias=bias)
        if self.root_weight:
            self.lin_r = nn.Linear(own, out_channels, bias=False)
        self.momentum: FeatureMomentum | None = None
        table = (table or TableOptions()).updated(options)
        if num_nodes is not None:
            self.momentum = self.convolution.make_table(self, num_nodes, table)
        self.reset_parameters()

    def set_epoch(self, epoch: int) -> None:
        """Tell the schedule of γ, if there is a table, which epoch begins, counted from 0."""
        if self.momentum is not None:
            self.momentum.set_epoch(epoch)

    def reset_parameters(self) -> None:
        """Reinitialise all weights and forget all nodes."""
        for layer in (self.lin_l, self.lin_r) if self.root_weight else (self.lin_l,):
            bound = 1 / math.sqrt(layer.in_features)
            nn.init.uniform_(layer.weight, -bound, bound)
            if layer.bias is not None:
                nn.init.uniform_(layer.bias, -bound, bound)
        if self.momentum is not None:
            self.momentum.reset_parameters()

    def forward(
        self,
        x: Nodes,
        edge_index: Tensor,
        n_id: Tensor | None = None,
        degree: Tensor | None = None,
        *,
        num_targets: int | None = None,
    ) -> Tensor:
        """Make new vectors.

        Args:
            x: Vectors of the batch's nodes, targets first, ``[N, C]``; or a pair: of all nodes, of the targets.
            edge_index: Source and target of each edge. Shape ``[2, E]``.
            n_id: The nodes' numbers in the whole graph. Shape ``[N]``.
            degree: Number of edges into each node in the whole graph. Shape ``[N]``.
            num_targets: The first so many nodes get new vectors; None: as many as `x` is a pair for, or all.

        Returns:
            Shape ``[num_targets, out_channels]``.

        Raises:
            ValueError: If there is a table, the layer is in training, and `n_id` or `degree` is missing; or a shape is
                another one than expected.
            IndexError: If an edge leads to or from a missing node, or `n_id` holds a number that is not in the table.
            TypeError: If `edge_index` is a sparse matrix, or no tensor of integers.
        """
        table = self.momentum if self.training else None
        needed = () if table is None else ("n_id", "degree")
        block = block_of(self, x, edge_index, n_id, degree, num_targets, needed=needed)
        return self.convolution.convolve(self, x, block, table)

    def extra_repr(self) -> str:
        """Show the arguments."""
        usual = [("aggr", self.aggr, "mean"), ("mean_with_self", self.mean_with_self, False)]
        usual += [("normalize", self.normalize, False), ("root_weight", self.root_weight or self.mean_with_self, True)]
        shown = "".join(f", {name}={value!r}" for name, value, default in usual if value != default)
        if self.momentum is not None:
            shown += f", momentum={self.momentum!r}"
        return f"{self.in_channels}, {self.out_channels}{shown}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"
