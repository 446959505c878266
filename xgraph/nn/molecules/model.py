"""What all graph models of molecules share: batches, features beside the graph, readout and head."""

from typing import Any, ClassVar, get_args

import torch
from torch import Tensor, nn

from xgraph.checks import choice, integer
from xgraph.nn.layers.dropout import Dropout
from xgraph.nn.layers.feature_scale import FeatureScale
from xgraph.nn.layers.head import Head
from xgraph.nn.layers.norm import BatchNorm
from xgraph.nn.layers.protocol import Kind, Model
from xgraph.nn.layers.reset import reset_parameters
from xgraph.nn.molecules.encoders import ATOM_FEATURE_SIZES, BOND_FEATURE_SIZES, CategoricalEmbedding, MultiHot
from xgraph.nn.molecules.readout import Pool, readout

CLAMP = 10.0
"""Scaled features end here: a descriptor that is far out in one molecule should not outweigh all others."""


class MoleculeModel(nn.Module, Model):
    """Base of the graph models of molecules with the Open Graph Benchmark's atom and bond features.

    A subclass makes its layers, calls `add_head`, and says how atoms get vectors (`encode`). Those are pooled, and the
    `Head` makes logits of the graph vector. If there are features beside the graph, such as descriptors or
    fingerprints, they are scaled, clamped to ±10 and go through linear, batch normalisation, ReLU and dropout; the
    head then sees the graph vector and theirs, one after the other.

    A batch is a PyG `Data` or `Batch` with `x` (integers, ``[N, 9]``), `edge_index` (``[2, E]``), `edge_attr`
    (integers, ``[E, 3]``), with features beside the graph also `features` (numbers, ``[B, F]``), and, for more than
    one graph, `batch`. Its graphs are counted from `ptr`, without a device synchronisation, and graphs without atoms
    keep their rows.

    Args:
        num_tasks: Number of logits per graph.
        num_features: Number F of features beside the graph. With 0 the batch's `features` are not looked at.
        hidden_channels: Length of the atom vectors.
        dropout: Probability that an element becomes zero, in the layers and in the head.
        pool: How atom vectors become a graph vector. With max, one group of atoms can decide.

    Raises:
        TypeError: If atom or bond features are not integers.
        ValueError: If an argument is out of range, or the batch lacks an attribute, has another number of features or a
            feature out of its vocabulary (see `MultiHot` for when this is seen).
        IndexError: If an edge has an end that is no atom of the batch.
    """

    kind: ClassVar[Kind] = "graph"
    takes_features: ClassVar[bool] = True

    pools: ClassVar[tuple[str, ...]] = get_args(Pool)
    """What `pool` can be."""

    def __init__(
        self,
        num_tasks: int = 1,
        num_features: int = 0,
        *,
        hidden_channels: int = 64,
        dropout: float = 0.2,
        pool: Pool = "max",
    ) -> None:
        super().__init__()
        self.num_tasks = integer("num_tasks", num_tasks)
        self.num_features = integer("num_features", num_features, least=0)
        self.hidden_channels = integer("hidden_channels", hidden_channels)
        self.pool = choice("pool", pool, self.pools)
        self.atom_rows = MultiHot(ATOM_FEATURE_SIZES, "x")
        self.bond_rows = MultiHot(BOND_FEATURE_SIZES, "edge_attr")
        self.atom = CategoricalEmbedding(ATOM_FEATURE_SIZES, hidden_channels)
        self.dropout = Dropout(dropout)

    def add_head(self, channels: int | None = None) -> None:
        """Add what comes after the encoder, for graph vectors of `channels`; called last by a subclass's `__init__`."""
        channels = self.hidden_channels if channels is None else channels
        self.scale, self.features = None, None
        if self.num_features:
            width = self.hidden_channels
            self.scale = FeatureScale(self.num_features)
            self.features = nn.Sequential(
                nn.Linear(self.num_features, width, bias=False),
                BatchNorm(width),
                nn.ReLU(inplace=True),
                Dropout(self.dropout.p),
            )
            channels += width
        self.head = Head(channels, self.num_tasks, self.dropout.p)

    def reset_parameters(self) -> None:
        """Reinitialise all weights and forget the normalisation statistics; the scale of the features stays fitted."""
        for part in (self, *self.children()):
            if part is self or isinstance(part, nn.ModuleList | nn.Sequential):
                reset_parameters(part)

    def forward(self, batch: Any) -> Tensor:
        """Return logits, ``[B, num_tasks]``."""
        out: Tensor = self.head(self.embed(batch))
        return out

    def embed(self, batch: Any) -> Tensor:
        """Return what the head sees, ``[B, C]``: graph vectors, and those of the features beside the graph."""
        _check_edges(batch)
        graph, num_graphs = _graphs(batch)
        vectors = self.graph_vectors(batch, graph, num_graphs)
        if self.scale is None or self.features is None:
            return vectors
        scaled = self.scale(self._features(batch, num_graphs).to(self.scale.mean.dtype))
        return torch.cat([vectors, self.features(scaled.clamp(-CLAMP, CLAMP))], dim=1)

    def graph_vectors(self, batch: Any, graph: Tensor, num_graphs: int) -> Tensor:
        """Return graph vectors, ``[B, hidden_channels]``: the atom vectors, pooled by `graph`, ``[N]``."""
        return readout(self.encode(batch, graph, num_graphs), graph, num_graphs, self.pool)

    def encode(self, batch: Any, graph: Tensor, num_graphs: int) -> Tensor:
        """Return atom vectors, ``[N, hidden_channels]``. `graph` is the graph of each atom, ``[N]``."""
        raise NotImplementedError

    def rows(self, batch: Any) -> tuple[Tensor, Tensor]:
        """Return the atoms' and the bonds' features as `MultiHot` gives them, ``[N, 174]`` and ``[E, 13]``."""
        dtype = self.atom.weight.dtype
        return self.atom_rows(batch.x, dtype), self.bond_rows(batch.edge_attr, dtype)

    def extra_repr(self) -> str:
        """Show the arguments."""
        features = f"num_features={self.num_features}, " if self.num_features else ""
        options = f"hidden_channels={self.hidden_channels}, dropout={self.dropout.p}, pool={self.pool!r}"
        return f"{self.num_tasks}, {features}{options}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"

    def _features(self, batch: Any, num_graphs: int) -> Tensor:
        features: Tensor | None = getattr(batch, "features", None)
        if features is None:
            raise ValueError(f"the batch has no features, and the model is for num_features = {self.num_features}")
        if features.shape != (num_graphs, self.num_features):
            raise ValueError(
                f"features must have shape [{num_graphs}, {self.num_features}], got {list(features.shape)}"
            )
        return features


def _check_edges(batch: Any) -> None:
    for name in ("x", "edge_index", "edge_attr"):
        if getattr(batch, name, None) is None:
            raise ValueError(f"the batch has no {name}")
    edges = batch.edge_index
    if edges.dim() != 2 or edges.size(0) != 2:
        raise ValueError(f"edge_index must have shape [2, E], got {list(edges.shape)}")
    if batch.edge_attr.size(0) != edges.size(1):
        raise ValueError(f"edge_attr has {batch.edge_attr.size(0)} rows for {edges.size(1)} edges")
    if edges.device.type == "cpu" and not torch.compiler.is_compiling() and edges.numel():
        least, most = (int(i) for i in edges.aminmax())
        num_atoms = batch.x.size(0)
        if least < 0 or most >= num_atoms:
            wrong = least if least < 0 else most
            raise IndexError(f"edge_index holds {wrong}, but the batch has {num_atoms} atoms")


def _graphs(batch: Any) -> tuple[Tensor, int]:
    """Return the graph of each node and the number of graphs."""
    graph = getattr(batch, "batch", None)
    if graph is None:
        return batch.x.new_zeros(batch.x.size(0), dtype=torch.long), 1
    ptr = getattr(batch, "ptr", None)
    if ptr is not None:
        return graph, ptr.numel() - 1
    num_graphs = getattr(batch, "num_graphs", None)
    return graph, int(graph.max()) + 1 if num_graphs is None else int(num_graphs)
