"""The network of `xgraph.nn.GINE` from PyG's and torch's own layers; needs no xgraph."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

HIDDEN, LAYERS, DROPOUT = 64, 5, 0.2
ATOM, BOND = (119, 5, 12, 12, 10, 6, 6, 2, 2), (5, 6, 2)
"""Vocabulary sizes of the Open Graph Benchmark's features."""


class Embeddings(nn.Module):
    """Sum of one embedding per feature."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(size, HIDDEN) for size in sizes)

    def forward(self, codes: Tensor) -> Tensor:
        """Categories ``[N, F]`` to vectors ``[N, HIDDEN]``."""
        return sum(table(codes[:, i]) for i, table in enumerate(self.tables))


class BareGINE(nn.Module):
    """The same network as `xgraph.nn.GINE`, from PyG's and torch's own layers."""

    def __init__(self) -> None:
        super().__init__()
        from torch_geometric.nn import GINEConv  # not in chemprop's environment

        def mlp() -> nn.Module:
            wide = 2 * HIDDEN
            return nn.Sequential(nn.Linear(HIDDEN, wide), nn.BatchNorm1d(wide), nn.ReLU(), nn.Linear(wide, HIDDEN))

        self.atom = Embeddings(ATOM)
        self.bonds = nn.ModuleList(Embeddings(BOND) for _ in range(LAYERS))
        self.convs = nn.ModuleList(GINEConv(mlp()) for _ in range(LAYERS))
        self.norms = nn.ModuleList(nn.BatchNorm1d(HIDDEN) for _ in range(LAYERS))
        self.dropout = nn.Dropout(DROPOUT)
        self.head = nn.Sequential(nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(HIDDEN, 1))

    def forward(self, batch: Any) -> Tensor:
        """Logits, ``[B, 1]``."""
        from torch_geometric.nn import global_max_pool

        h = self.atom(batch.x)
        for layer, (bond, conv, norm) in enumerate(zip(self.bonds, self.convs, self.norms, strict=True)):
            h = norm(conv(h, batch.edge_index, bond(batch.edge_attr)))
            h = self.dropout(h.relu() if layer < LAYERS - 1 else h)
        return self.head(global_max_pool(h, batch.batch, batch.num_graphs))
