"""A matrix for each kind of bond, and messages through them."""

from collections.abc import Callable, Sequence
from math import prod

import torch
from torch import Tensor, nn

from xgraph.nn.encoders import CategoricalEmbedding, MultiHot


class EdgeNetwork(nn.Module):
    r"""Messages :math:`m_v = \sum_{u \in N(v)} A(e_{uv}) h_u`, where a network makes a matrix A of the bond's features.

    The network is an embedding, ReLU and one linear layer to C × C numbers. From Gilmer et al., "Neural Message Passing
    for Quantum Chemistry", ICML 2017. The features are categories, so there are few different matrices: one for each
    combination that the batch holds, not one for each edge.

    The edges of a combination are multiplied together, for which the device is waited for, once a batch. Under
    `torch.compile`, where all shapes must be known, each edge gets a copy of its matrix instead.

    Args:
        sizes: Number of categories of each edge feature.
        channels: Length C of the node vectors.

    Example:
        >>> network = EdgeNetwork((2, 3), channels=4)
        >>> edge_index, edge_attr = torch.tensor([[0, 1], [1, 0]]), torch.tensor([[0, 2], [0, 2]])
        >>> pass_on = network.messages(edge_index, edge_attr)
        >>> pass_on(torch.randn(2, 4)).shape  # and so for further steps
        torch.Size([2, 4])
    """

    rows: Tensor
    strides: Tensor

    def __init__(self, sizes: Sequence[int], channels: int) -> None:
        super().__init__()
        self.channels, self.num_kinds = channels, prod(sizes)
        combinations = torch.cartesian_prod(*(torch.arange(size) for size in sizes)).view(-1, len(sizes))
        self.register_buffer("rows", MultiHot(sizes)(combinations), persistent=False)
        strides = [prod(sizes[place + 1 :]) for place in range(len(sizes))]
        self.register_buffer("strides", torch.tensor(strides), persistent=False)
        self.embedding = CategoricalEmbedding(sizes, channels)
        self.linear = nn.Linear(channels, channels**2)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew, so small that a matrix does not make vectors longer."""
        self.embedding.reset_parameters()
        self.linear.reset_parameters()
        with torch.no_grad():
            for parameter in self.linear.parameters():
                parameter.div_(self.channels**0.5)

    def matrices(self, kinds: Tensor) -> Tensor:
        """Return the transposed matrices, ``[K, C, C]``: a row vector times one is its message.

        Args:
            kinds: Combinations of features by number, the last feature counting fastest. Shape ``[K]``.
        """
        hidden = self.embedding(self.rows.index_select(0, kinds)).relu_()
        matrices: Tensor = self.linear(hidden)
        return matrices.view(-1, self.channels, self.channels)

    def messages(self, edge_index: Tensor, edge_attr: Tensor) -> Callable[[Tensor], Tensor]:
        """Make a function that sums the messages to each node, ``[N, C] -> [N, C]``, for as many steps as one likes.

        Args:
            edge_index: Source and target of each edge. Shape ``[2, E]``.
            edge_attr: Categories within their vocabularies. Shape ``[E, F]``.
        """
        source, target = edge_index[0], edge_index[1]
        kind = (edge_attr.long() * self.strides).sum(dim=1)
        if torch.compiler.is_compiling():
            copies = self.matrices(kind)

            def products(h: Tensor) -> Tensor:
                return torch.bmm(h.index_select(0, source).unsqueeze(1), copies).squeeze(1)
        else:
            order = kind.argsort()
            source, target = source[order], target[order]
            count = kind.bincount(minlength=self.num_kinds)
            present = count.nonzero().squeeze(1)
            lengths: list[int] = count[present].tolist()
            matrices = self.matrices(present).unbind(0)

            def products(h: Tensor) -> Tensor:
                parts = torch.split(h.index_select(0, source), lengths)
                made = [part @ matrix for part, matrix in zip(parts, matrices, strict=True)]
                return torch.cat(made) if made else h[:0]

        def messages(h: Tensor) -> Tensor:
            made = products(h)
            return made.new_zeros(h.shape).index_add(0, target, made)

        return messages
