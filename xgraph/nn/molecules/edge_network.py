"""The edge network: messages through one matrix per kind of bond."""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from xgraph.nn.molecules.encoders import CategoricalEmbedding, MultiHot


class EdgesByKind(NamedTuple):
    """The edges of a batch, grouped by kind; a kind is a combination of edge features.

    Args:
        source: Source of each edge. Shape ``[E]``.
        target: Target of each edge. Shape ``[E]``.
        kinds: Numbers of the kinds that occur; the last feature varies fastest. Shape ``[K]``.
        lengths: Number of edges of each kind; None if each edge has its own entry in `kinds`.
    """

    source: Tensor
    target: Tensor
    kinds: Tensor
    lengths: list[int] | None

    def messages(self, h: Tensor, matrices: Tensor) -> Tensor:
        """Return the sum of each node's messages, ``[N, C]``: the source's vector times the matrix of the edge's kind.

        Args:
            h: Node vectors. Shape ``[N, C]``.
            matrices: The matrix of each kind. Shape ``[K, C, C]``.
        """
        at_source = h.index_select(0, self.source)
        if self.lengths is None:
            messages = torch.bmm(at_source.unsqueeze(1), matrices).squeeze(1)
        else:
            parts = torch.split(at_source, self.lengths)
            products = [part @ matrix for part, matrix in zip(parts, matrices.unbind(0), strict=True)]
            messages = torch.cat(products) if products else at_source
        return messages.new_zeros(h.shape).index_add(0, self.target, messages)


def edges_by_kind(edge_index: Tensor, edge_attr: Tensor, sizes: Sequence[int]) -> EdgesByKind:
    """Group edges by their combination of features. This forces a device synchronisation.

    Under `torch.compile`, which needs static shapes, the edges are not sorted and each has its own entry in `kinds`.

    Args:
        edge_index: Source and target of each edge. Shape ``[2, E]``.
        edge_attr: Category of each edge feature, within its vocabulary. Shape ``[E, F]``.
        sizes: Number of categories of each edge feature.

    Example:
        >>> edge_index = torch.tensor([[0, 1], [1, 0]])
        >>> edges_by_kind(edge_index, torch.tensor([[1, 2], [0, 1]]), sizes=(2, 3))
        EdgesByKind(source=tensor([1, 0]), target=tensor([0, 1]), kinds=tensor([1, 5]), lengths=[1, 1])
    """
    source, target = edge_index[0], edge_index[1]
    kind = torch.zeros_like(source)
    for feature, size in enumerate(sizes):
        kind = kind * size + edge_attr[:, feature].long()
    if torch.compiler.is_compiling():
        return EdgesByKind(source, target, kind, None)
    order = kind.argsort()
    count = kind.bincount(minlength=prod(sizes))
    present = count.nonzero().squeeze(1)
    return EdgesByKind(source[order], target[order], present, count[present].tolist())


class EdgeNetwork(nn.Module):
    r"""Messages :math:`m_v = \sum_{u \in N(v)} A(e_{uv}) h_u`, where a network maps bond features to a matrix A.

    The network consists of an embedding, ReLU and one linear layer to C × C numbers. From Gilmer et al., "Neural
    Message Passing for Quantum Chemistry", ICML 2017. Because the features are categorical, one matrix per combination
    of features in the batch is enough, instead of one per edge. All edges of a combination are multiplied together,
    which forces one device synchronisation per batch (`edges_by_kind`).

    Args:
        sizes: Number of categories of each edge feature.
        channels: Size C of the node vectors.

    Example:
        >>> network = EdgeNetwork((2, 3), channels=4)
        >>> edge_index, edge_attr = torch.tensor([[0, 1], [1, 0]]), torch.tensor([[0, 2], [0, 2]])
        >>> edges = edges_by_kind(edge_index, edge_attr, (2, 3))  # once for all networks and steps
        >>> network(torch.randn(2, 4), edges).shape
        torch.Size([2, 4])
    """

    rows: Tensor

    def __init__(self, sizes: Sequence[int], channels: int) -> None:
        super().__init__()
        self.channels = channels
        combinations = torch.cartesian_prod(*(torch.arange(size) for size in sizes)).view(-1, len(sizes))
        self.register_buffer("rows", MultiHot(sizes)(combinations), persistent=False)
        self.embedding = CategoricalEmbedding(sizes, channels)
        self.linear = nn.Linear(channels, channels**2)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Reinitialise all weights, scaled down so that the matrices do not lengthen vectors."""
        self.embedding.reset_parameters()
        self.linear.reset_parameters()
        with torch.no_grad():
            for parameter in self.linear.parameters():
                parameter.div_(self.channels**0.5)

    def matrices(self, kinds: Tensor) -> Tensor:
        """Return the transposed matrices, ``[K, C, C]``: a row vector times its matrix is the message."""
        hidden = self.embedding(self.rows.index_select(0, kinds)).relu_()
        matrices: Tensor = self.linear(hidden)
        return matrices.view(-1, self.channels, self.channels)

    def forward(self, x: Tensor, edges: EdgesByKind) -> Tensor:
        """Return the sum of each node's messages, ``[N, C]``.

        Args:
            x: Node vectors. Shape ``[N, C]``.
            edges: The edges sorted by kind, from `edges_by_kind` with the same sizes.
        """
        return edges.messages(x, self.matrices(edges.kinds))
