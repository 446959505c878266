"""Graph convolution with softmax aggregation."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from xgraph.nn.molecules.encoders import CategoricalEmbedding

TINY = 1e-30


class GENConv(nn.Module):
    r"""Convolution with channel-wise softmax aggregation of messages; it embeds the edge features itself.

    .. math::
        m_{uv} &= \mathrm{ReLU}(h_u + e_{uv}) \\
        h_v' &= W \Bigl( h_v + \sum_{u \in N(v)}
        \frac{\exp(t \, m_{uv})}{\sum_{w \in N(v)} \exp(t \, m_{wv})} \, m_{uv} \Bigr) + b

    The inverse temperature t is learned and starts at 1. At 0 the aggregation is the mean over the neighbours; as t
    grows it approaches the maximum. From Li et al., "DeeperGCN: All You Need to Train Deeper GCNs", 2020, without the
    small constant that the paper adds to each message, which only its power-mean aggregation needs. The sum is zero for
    a node without neighbours.

    Args:
        channels: Size of the input and output node vectors.
        edge_sizes: Number of categories of each edge feature.

    Example:
        >>> conv = GENConv(8, edge_sizes=(3,))
        >>> edge_index, edge_rows = torch.tensor([[0, 1], [1, 0]]), torch.eye(3)[:2]
        >>> conv(torch.randn(2, 8), edge_index, edge_rows).shape
        torch.Size([2, 8])
    """

    def __init__(self, channels: int, edge_sizes: Sequence[int]) -> None:
        super().__init__()
        self.edge = CategoricalEmbedding(edge_sizes, channels)
        self.temperature = nn.Parameter(torch.ones(()))
        self.linear = nn.Linear(channels, channels)

    def reset_parameters(self) -> None:
        """Reinitialise all weights, and set t to 1."""
        self.edge.reset_parameters()
        nn.init.ones_(self.temperature)
        self.linear.reset_parameters()

    def forward(self, x: Tensor, edge_index: Tensor, edge_rows: Tensor) -> Tensor:
        """Return new node vectors, ``[N, channels]``.

        Args:
            x: Node vectors. Shape ``[N, channels]``.
            edge_index: Source and target node of each edge. Shape ``[2, E]``.
            edge_rows: Edge features encoded by `MultiHot`. Shape ``[E, sum(edge_sizes)]``.
        """
        source, target = edge_index[0], edge_index[1]
        message = (x.index_select(0, source) + self.edge(edge_rows)).relu_()
        received = softmax_sum(message, message * self.temperature, target, x.size(0))
        out: Tensor = self.linear(x + received)
        return out


def softmax_sum(value: Tensor, score: Tensor, target: Tensor, num_targets: int) -> Tensor:
    """Return sums of values, weighted channel-wise by a softmax of scores over the rows of each target."""
    # Subtract each target's largest score so that exponentials lie in [0, 1]. The result does not depend on the
    # subtracted value, so it needs no gradient.
    fixed = score.detach()
    shape = (num_targets, fixed.size(1))
    top = fixed.new_zeros(shape)
    top = top.scatter_reduce(0, target.unsqueeze(1).expand_as(fixed), fixed, "amax", include_self=False)
    weight = (score - top.index_select(0, target)).exp_()
    weighted = weight * value
    total = weight.new_full(shape, TINY).index_add(0, target, weight)  # TINY only matters for a target without rows
    return weighted.new_zeros(shape).index_add(0, target, weighted) / total
