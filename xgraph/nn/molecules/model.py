"""The base of all molecule models: batches, additional features, readout and head."""

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
"""Standardised features are clamped to ±CLAMP, so that one extreme descriptor does not outweigh all others."""


class MoleculeModel(nn.Module, Model):
    """Base class of the molecule models, which read the Open Graph Benchmark's atom and bond features.

    A subclass creates its layers, calls `add_head` and computes atom vectors in `encode`. The atom vectors are pooled
    to a graph vector, and the `Head` maps it to logits. Additional features of the molecule, such as descriptors or
    fingerprints, are standardised, clamped to ±10 and passed through linear, batch normalisation, ReLU and dropout; the
    result is concatenated to the graph vector.

    A batch is a PyG `Data` or `Batch` with `x` (integers, ``[N, 9]``), `edge_index` (``[2, E]``), `edge_attr`
    (integers, ``[E, 3]``), for several graphs `batch`, and with additional features `features` (``[B, F]``). The number
    of graphs is taken from `ptr`, which needs no device synchronisation, and a graph without atoms keeps its row.

    Args:
        num_tasks: Number of logits per graph.
        num_features: Number F of additional features per graph. With 0 the batch's `features` are ignored.
        hidden_channels: Size of the atom vectors.
        dropout: Dropout probability in the layers and in the head.
        pool: Pooling of atom vectors to a graph vector. With max, a single substructure can determine the prediction.

    Raises:
        TypeError: If atom or bond features are not integers.
        ValueError: If an argument is out of range, or the batch lacks an attribute, has the wrong number of features or
            a category outside its vocabulary (`MultiHot` explains when this is detected).
        IndexError: If an edge refers to an atom that is not in the batch.
    """

    kind: ClassVar[Kind] = "graph"
    takes_features: ClassVar[bool] = True

    pools: ClassVar[tuple[str, ...]] = get_args(Pool)
    """Allowed values of `pool`."""

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
        """Add the layers after the encoder, for graph vectors of size `channels`; call it last in `__init__`."""
        channels = self.hidden_channels if channels is None else channels
        self.scale, self.features, self.target_scale = None, None, None
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
        """Reinitialise all weights and reset the normalisation statistics; the standardisation of features is kept."""
        for part in (self, *self.children()):
            if part is self or isinstance(part, nn.ModuleList | nn.Sequential):
                reset_parameters(part)

    def forward(self, batch: Any) -> Tensor:
        """Return logits, or numbers in the units of the targets, ``[B, num_tasks]``."""
        return self.in_units(self.head(self.embed(batch)))

    def embed(self, batch: Any) -> Tensor:
        """Return the head's input, ``[B, C]``: graph vectors, concatenated with vectors of the additional features."""
        _check_edges(batch)
        graph, num_graphs = _graphs(batch)
        vectors = self.graph_vectors(batch, graph, num_graphs)
        if self.scale is None or self.features is None:
            return vectors
        scaled = self.scale(self._features(batch, num_graphs).to(self.scale.mean.dtype))
        return torch.cat([vectors, self.features(scaled.clamp(-CLAMP, CLAMP))], dim=1)

    def graph_vectors(self, batch: Any, graph: Tensor, num_graphs: int) -> Tensor:
        """Return graph vectors, ``[B, hidden_channels]``: atom vectors pooled by `graph`, the graph of each atom."""
        return readout(self.encode(batch, graph, num_graphs), graph, num_graphs, self.pool)

    def encode(self, batch: Any, graph: Tensor, num_graphs: int) -> Tensor:
        """Return atom vectors, ``[N, hidden_channels]``. `graph` is the graph of each atom, ``[N]``."""
        raise NotImplementedError

    def rows(self, batch: Any) -> tuple[Tensor, Tensor]:
        """Return atom and bond features encoded by `MultiHot`, ``[N, 174]`` and ``[E, 13]``."""
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
            raise ValueError(f"the batch has no features, but the model has num_features={self.num_features}")
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
        raise ValueError(f"edge_attr must have one row per edge, {edges.size(1)}, got {batch.edge_attr.size(0)}")
    if edges.device.type == "cpu" and not torch.compiler.is_compiling() and edges.numel():
        least, most = (int(i) for i in edges.aminmax())
        num_atoms = batch.x.size(0)
        if least < 0 or most >= num_atoms:
            wrong = least if least < 0 else most
            raise IndexError(f"edge_index refers to atom {wrong}, but the batch has {num_atoms} atoms")


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
