"""LightGCN: vectors of users and items, averaged over their neighbourhoods in the bipartite graph."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor
from torch_geometric.nn import LGConv

from xgraph.checks import MOST_LAYERS, integer, outside
from xgraph.nn.pairs.base import PairModel


class LightGCN(PairModel):
    r"""LightGCN: learned vectors, spread over the bipartite graph by layers without weights.

    .. math:: e^{(l+1)}_u = \sum_{i ∈ N(u)} \frac{e^{(l)}_i}{\sqrt{|N(u)|}\sqrt{|N(i)|}}, \qquad
        e_u = \frac{1}{L+1} \sum_{l=0}^{L} e^{(l)}_u

    The layers are PyG's :class:`~torch_geometric.nn.conv.LGConv`. `He et al., SIGIR 2020
    <https://arxiv.org/abs/2002.02126>`__.

    Args:
        num_users: U.
        num_items: M.
        edge_index: ``[2, E]`` edges between users and items in both directions; item i is node ``num_users + i``: see
            :attr:`xgraph.data.PairDataset.edge_index`.
        channels: Size of the vectors.
        num_layers: L, the number of layers; with 0 it is matrix factorisation.
        temperature: Divide cosines by this number; ``None`` for plain products.

    Raises:
        ValueError: If an argument is out of range, or an edge does not join a user and an item.

    Example:
        >>> edges = torch.tensor([[0, 1, 2, 3], [2, 3, 0, 1]])
        >>> model = LightGCN(num_users=2, num_items=2, edge_index=edges, channels=4, num_layers=2)
        >>> model.scorer()(torch.arange(2)).shape
        torch.Size([2, 2])
    """

    starts: Tensor
    columns: Tensor
    entries: Tensor

    def __init__(
        self,
        num_users: int,
        num_items: int,
        edge_index: Tensor,
        *,
        channels: int = 64,
        num_layers: int = 3,
        temperature: float | None = None,
    ) -> None:
        super().__init__(num_users, num_items, channels=channels, temperature=temperature)
        self.num_layers = integer("num_layers", num_layers, 0, MOST_LAYERS)
        size = self.num_users + self.num_items
        inside = edge_index.dim() == 2 and len(edge_index) == 2 and outside(edge_index, size) is None
        if not inside or ((edge_index[0] < num_users) == (edge_index[1] < num_users)).any():
            raise ValueError(
                f"edge_index must join users 0..{num_users - 1} and items {num_users}..{size - 1}, shape [2, E]; see "
                "PairDataset.edge_index"
            )
        source, target = edge_index.long()
        cells, back = (source * size + target).sort().values, (target * size + source).sort().values
        if not torch.equal(cells, back):
            raise ValueError("edge_index must have both directions of each edge; see PairDataset.edge_index")
        row, column = cells // size, cells % size
        degree = torch.bincount(row, minlength=size)
        norm = degree.double().clamp_min(1).rsqrt()
        self.register_buffer("starts", torch.cat([degree.new_zeros(1), degree.cumsum(0)]), persistent=False)
        self.register_buffer("columns", column, persistent=False)
        self.register_buffer("entries", (norm[row] * norm[column]).float(), persistent=False)
        self.conv = LGConv(normalize=False)

    def vectors(self) -> Tensor:
        """Return the mean of the vectors of all layers."""
        adjacency = self._adjacency()
        vectors: Tensor = self.weight
        total: Tensor = self.weight
        for _ in range(self.num_layers):
            vectors = self.conv(vectors, adjacency)
            total = total + vectors
        return total / (self.num_layers + 1)

    def _adjacency(self) -> Tensor:
        """Return the matrix of weights 1/√(d_i d_j) in compressed rows, several times as fast as a list of edges."""
        size = (len(self.weight), len(self.weight))
        entries = self.entries.to(self.weight.dtype)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse")  # PyTorch calls compressed rows a beta feature
            return torch.sparse_csr_tensor(self.starts, self.columns, entries, size, check_invariants=False)
