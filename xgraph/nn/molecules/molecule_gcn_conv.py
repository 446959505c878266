"""Graph convolution with bond embeddings."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from xgraph.nn.molecules.encoders import CategoricalEmbedding


class MoleculeGCNConv(nn.Module):
    r"""Graph convolution weighted by degrees; it embeds the edge features itself.

    .. math::
        h_v' = \sum_{u \in N(v)} \frac{\mathrm{ReLU}(W h_u + b + e_{uv})}{\sqrt{d_u d_v}}
        + \frac{\mathrm{ReLU}(W h_v + b + r)}{d_v}

    :math:`d_v` is the number of bonds of v plus one, and :math:`r` is a learned vector for the atom itself. From Kipf
    and Welling, "Semi-Supervised Classification with Graph Convolutional Networks", ICLR 2017, in the Open Graph
    Benchmark's form for molecules.

    Args:
        channels: Size of the input and output node vectors.
        edge_sizes: Number of categories of each edge feature.

    Example:
        >>> conv = MoleculeGCNConv(8, edge_sizes=(3,))
        >>> edge_index, edge_rows = torch.tensor([[0, 1], [1, 0]]), torch.eye(3)[:2]
        >>> conv(torch.randn(2, 8), edge_index, edge_rows, *degree_weights(edge_index, 2)).shape
        torch.Size([2, 8])
    """

    def __init__(self, channels: int, edge_sizes: Sequence[int]) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, channels)
        self.edge = CategoricalEmbedding(edge_sizes, channels)
        self.root = nn.Parameter(torch.empty(channels))
        nn.init.normal_(self.root)

    def reset_parameters(self) -> None:
        """Reinitialise all weights."""
        self.linear.reset_parameters()
        self.edge.reset_parameters()
        nn.init.normal_(self.root)

    def forward(self, x: Tensor, edge_index: Tensor, edge_rows: Tensor, weight: Tensor, own_weight: Tensor) -> Tensor:
        """Return new node vectors, ``[N, channels]``.

        Args:
            x: Node vectors. Shape ``[N, channels]``.
            edge_index: Source and target node of each edge. Shape ``[2, E]``.
            edge_rows: Edge features encoded by `MultiHot`. Shape ``[E, sum(edge_sizes)]``.
            weight: Weight of each edge, from ``degree_weights``. Shape ``[E, 1]``.
            own_weight: Weight of each node's own vector, from ``degree_weights``. Shape ``[N, 1]``.
        """
        h: Tensor = self.linear(x)
        own = (h + self.root).relu_() * own_weight
        message = (h.index_select(0, edge_index[0]) + self.edge(edge_rows)).relu_() * weight
        return own.index_add(0, edge_index[1], message.to(own.dtype))


def degree_weights(edge_index: Tensor, num_nodes: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    r"""Return :math:`1 / \sqrt{d_u d_v}` for each edge, ``[E, 1]``, and :math:`1 / d_v` for each node, ``[N, 1]``."""
    source, target = edge_index[0], edge_index[1]
    wide = torch.promote_types(dtype, torch.float32)  # counting in bfloat16 stops at 256
    ones = torch.ones(source.size(0), dtype=wide, device=source.device)
    degree = torch.ones(num_nodes, dtype=wide, device=source.device).index_add_(0, target, ones)
    root = degree.rsqrt()
    edge = root.index_select(0, source) * root.index_select(0, target)
    return edge.to(dtype).unsqueeze(1), degree.reciprocal().to(dtype).unsqueeze(1)
