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
    r"""GraphSAGE convolution with feature momentum: a moving average of each node's mean over its neighbours.

    .. math::
        \hat A_v = \mathrm{mean}_{u \in B_v} x_u, \qquad
        \tilde h_v ← (1 - γ) \tilde h_v + γ \hat A_v, \qquad
        h_v' = W_1 \tilde h_v + b + W_2 x_v

    :math:`B_v` are the sampled neighbours of v. With ``mean_with_self`` the mean includes the node itself (equations
    (6.102) to (6.105) of the chapter). :math:`|N_v|` is the true in-degree, so the estimate is unbiased:

    .. math::
        \hat A_v = \frac{1}{|N_v| + 1} x_v + \frac{|N_v|}{|N_v| + 1} \mathrm{mean}_{u \in B_v} x_u,
        \qquad h_v' = W \tilde h_v + b

    Rows of the table are written only for nodes that were computed: those with a sampled neighbour, and those with no
    neighbour in the whole graph. In models with several layers, trim batches
    (``torch_geometric.utils.trim_to_layer``). Otherwise later layers also compute and write outer nodes, from vectors
    of the last hop that are outdated or were never computed.

    In evaluation mode the mean is over the given edges, and nothing is written; pass all edges of a node for its exact
    mean. Without a table (``gamma=1``, or no `num_nodes`) this is plain GraphSAGE.

    Parameters have the names and the initialisation of PyG's `SAGEConv`, so state dicts are interchangeable without a
    table; with a table, load them with ``strict=False``. From Hamilton et al., "Inductive Representation Learning on
    Large Graphs", NeurIPS 2017, and Yu et al., "GraphFM: Improving Large-Scale GNN Training via Feature Momentum", ICML
    2022.

    Args:
        in_channels: Size of the input vectors, or a pair of sizes for sources and targets.
        out_channels: Size of the output vectors.
        num_nodes: Number of nodes in the whole graph; None for no table.
        mean_with_self: Whether the mean includes the node itself, in place of the separate weight :math:`W_2`.
        aggr: "mean", or "sum", which is rescaled by :math:`|N_v| / |B_v|`.
        normalize: Whether to scale output vectors to length 1.
        root_weight: Whether to add :math:`W_2 x_v`.
        bias: Whether to add b.
        table: Options of the table: how it is updated and where it is stored.
        options: Options of `TableOptions` by name: `gamma`, `gradient`, `table_dtype`, `table_storage`, `table_folder`,
            `table_in_checkpoint`.

    Attributes:
        momentum: The table, or None.

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If an argument has the wrong type.

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
                f"mean_with_self needs aggr='mean' and a single size of vectors, got aggr={aggr!r} and "
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
        """Set the epoch, counted from 0, for a schedule of γ."""
        if self.momentum is not None:
            self.momentum.set_epoch(epoch)

    def reset_parameters(self) -> None:
        """Reinitialise all weights and clear the table."""
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
        n_id: Tensor | tuple[Tensor, Tensor] | None = None,
        degree: Tensor | tuple[Tensor, Tensor] | None = None,
        *,
        num_targets: int | None = None,
    ) -> Tensor:
        """Return new vectors of the targets.

        Args:
            x: Vectors of the batch's nodes, targets first, ``[N, C]``; or a pair, the vectors of the sources and those
                of the targets, which may be of another node type (as in PyG's ``HeteroConv``).
            edge_index: Source and target of each edge. Shape ``[2, E]``.
            n_id: Index of each node in the whole graph. Shape ``[N]``; if `x` is a pair, one entry per source or per
                target, or a pair of both.
            degree: In-degree of each node in the whole graph, in the same form as `n_id`.
            num_targets: Number of targets, which are the first nodes; by default the length of the second tensor if `x`
                is a pair, otherwise all nodes.

        Returns:
            The new vectors. Shape ``[num_targets, out_channels]``.

        Raises:
            ValueError: If a layer with a table is in training mode and `n_id` or `degree` is missing, or if a shape is
                wrong.
            IndexError: If an edge refers to a missing node, or `n_id` holds an index that is not in the table.
            TypeError: If `edge_index` is a sparse matrix or does not hold integers.
        """
        table = self.momentum if self.training else None
        needed = () if table is None else ("n_id", "degree")
        n_id = n_id[1] if isinstance(n_id, tuple) else n_id
        degree = degree[1] if isinstance(degree, tuple) else degree
        separate = isinstance(x, tuple)
        block = block_of(self, x, edge_index, n_id, degree, num_targets, needed=needed, separate=separate)
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
