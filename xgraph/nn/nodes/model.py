"""The base of all node models: batches of sampled or whole graphs, layers and the head."""

from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from xgraph.checks import MOST_LAYERS, choice, integer
from xgraph.nn.convolutions import convolution_of
from xgraph.nn.convolutions.block import Block, count_self_loops, in_degree
from xgraph.nn.convolutions.inputs import check_layout
from xgraph.nn.convolutions.rows import first_rows
from xgraph.nn.layers.dropout import Dropout
from xgraph.nn.layers.feature_scale import FeatureScale
from xgraph.nn.layers.head import Head
from xgraph.nn.layers.norm import Norm, make_norm
from xgraph.nn.layers.protocol import Kind, Model
from xgraph.nn.layers.reset import reset_parameters

JumpingKnowledge = Literal["last", "sum"]


class NodeModel(nn.Module, Model):
    """Base class of the node models `GraphSAGE`, `GCN` and `GAT`.

    A layer consists of a convolution, normalisation, ReLU and dropout; the `Head` follows the last layer. A subclass
    creates the convolution in `make_conv`, which must be one that `with_feature_momentum` supports.

    A batch is a PyG `Data` with `x` (``[N, C]``, dense or ``torch.sparse_csr``) and `edge_index` (``[2, E]``). A
    sampled batch, from xgraph's or PyG's `NeighborLoader`, also has `batch_size` (the first `batch_size` nodes are
    scored) and, per hop, `num_sampled_nodes` and `num_sampled_edges`: each layer then computes only what later layers
    need. Convolutions that weight by degree need `degree`, the true in-degrees, in a sampled batch; in a whole graph
    they are counted. If the graph has self-loops, `GCN` and `GAT` also need `self_loops`, their number for each node.

    Args:
        num_tasks: Number of logits per node.
        in_channels: Number C of input features.
        hidden_channels: Size of the node vectors.
        num_layers: Number of convolutions, that is, the number of hops a node can see.
        dropout: Dropout probability after each layer and in the head.
        norm: Normalisation of each layer's output: none, batch normalisation or layer normalisation.
        residual: Whether every layer except the first adds its input to its output.
        jk: Jumping knowledge: pass the head the vectors of the last layer, or the sum over all layers.

    Raises:
        ValueError: If an argument is out of range, or a batch lacks an attribute or does not match the model.
    """

    kind: ClassVar[Kind] = "node"

    scale: FeatureScale | None

    needs_degree: bool = False
    """Whether the convolution needs the true in-degrees of sampled nodes."""

    exact_input: bool = False
    """Whether the first layer uses the exact aggregates of the features, ``x_aggr``, if the batch has them."""

    def __init__(
        self,
        num_tasks: int,
        in_channels: int,
        *,
        hidden_channels: int = 256,
        num_layers: int = 2,
        dropout: float = 0.5,
        norm: Norm = "batch",
        residual: bool = False,
        jk: JumpingKnowledge = "last",
    ) -> None:
        super().__init__()
        self.num_tasks, self.in_channels = integer("num_tasks", num_tasks), integer("in_channels", in_channels)
        self.hidden_channels = integer("hidden_channels", hidden_channels)
        self.num_layers = integer("num_layers", num_layers, most=MOST_LAYERS)
        self.norm = choice("norm", norm, get_args(Norm))
        self.jk = choice("jk", jk, get_args(JumpingKnowledge))
        self.residual, self.scale, self.target_scale = residual, None, None
        widths = [in_channels] + [hidden_channels] * (num_layers - 1)
        self.convs = nn.ModuleList(self.make_conv(width, hidden_channels) for width in widths)
        self.norms = nn.ModuleList(make_norm(norm, hidden_channels) for _ in range(num_layers))
        self.dropout = Dropout(dropout)
        self.head = Head(hidden_channels, num_tasks, dropout)

    @property
    def adds_self_loops(self) -> bool:
        """Whether the convolutions add self-loops, in place of those that the graph has."""
        return any(getattr(conv, "add_self_loops", False) for conv in self.convs)

    def make_conv(self, in_channels: int, out_channels: int) -> nn.Module:
        """Create the convolution of one layer."""
        raise NotImplementedError

    def convolve(self, number: int, x: Tensor, block: Block, aggregate: Tensor | None = None) -> Tensor:
        """Apply a layer's convolution, ``[num_targets, hidden_channels]``; a known `aggregate` replaces the edges."""
        conv = self.convs[number]
        kind = convolution_of(conv)
        return kind.fused(conv, x, block) if aggregate is None else kind.update(conv, aggregate, x, block)

    def hidden(self, number: int, x: Tensor, block: Block, aggregate: Tensor | None = None) -> Tensor:
        """Apply a layer up to its ReLU; this is deterministic unless the convolution itself is random."""
        if number == 0:  # stored features may be narrower than the weights
            x = x.to(next(self.parameters()).dtype)
            aggregate = None if aggregate is None else aggregate.to(x.dtype)
        out: Tensor = self.norms[number](self.convolve(number, x, block, aggregate))
        return out.relu()

    def connect(self, number: int, x: Tensor, hidden: Tensor) -> Tensor:
        """Apply the rest of a layer: dropout and, with `residual`, the addition of its input `x` (targets first)."""
        out: Tensor = self.dropout(hidden)
        return out + x[: len(out)] if self.residual and number else out

    def layer(self, number: int, x: Tensor, block: Block, aggregate: Tensor | None = None) -> Tensor:
        """Apply one layer: the vectors of the block's targets, ``[num_targets, hidden_channels]``."""
        return self.connect(number, x, self.hidden(number, x, block, aggregate))

    def forward(self, batch: Any) -> Tensor:
        """Return logits of the first `batch_size` nodes (by default all nodes), ``[batch_size, num_tasks]``."""
        return self.in_units(self.head(self.embed(batch)))

    def embed(self, batch: Any) -> Tensor:
        """Return the vectors that the head turns into logits, ``[batch_size, hidden_channels]``."""
        self._check(batch)
        n_id, degree, aggregate = self._n_id(batch), self._degree(batch), self._input_aggregate(batch)
        loops = self._self_loops(batch, degree)
        hops = self._hops(batch, self.num_layers - (aggregate is not None))
        size = getattr(batch, "batch_size", None)
        h: Tensor = batch.x
        size = h.size(0) if size is None else int(size)
        total: Tensor | None = None
        for number in range(self.num_layers):
            num_nodes = num_targets = h.size(0)
            edges = batch.edge_index
            if hops is not None:
                left = self.num_layers - number  # hops still needed by this layer and the later ones
                num_targets, num_nodes = sum(hops[0][:left]), sum(hops[0][: left + 1])
                edges = edges[:, : sum(hops[1][:left])]
            if aggregate is not None:
                num_nodes, edges, aggregate = num_targets, edges[:, :0], first_rows(aggregate, num_targets)
            h = first_rows(h, num_nodes) if h.size(0) > num_nodes else h
            own = None if loops is None else loops[:num_nodes]
            h = self.layer(number, h, Block(edges, num_targets, degree[:num_nodes], n_id[:num_nodes], own), aggregate)
            aggregate = None
            total = h[:size] if total is None or self.jk == "last" else total + h[:size]
        return h if total is None else total

    def reset_parameters(self) -> None:
        """Reinitialise all weights and reset the normalisation statistics."""
        for modules in (self, self.convs, self.norms):
            reset_parameters(modules)

    def extra_repr(self) -> str:
        """Show the arguments."""
        return (
            f"{self.num_tasks}, in_channels={self.in_channels}, hidden_channels={self.hidden_channels}, "
            f"num_layers={self.num_layers}, dropout={self.dropout.p}, norm={self.norm!r}, "
            f"residual={self.residual}, jk={self.jk!r}"
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"

    def _check(self, batch: Any) -> None:
        for name in ("x", "edge_index"):
            if getattr(batch, name, None) is None:
                raise ValueError(f"the batch has no {name}")
        x, edges = batch.x, batch.edge_index
        if x.dim() != 2 or x.size(1) != self.in_channels:
            raise ValueError(f"x must have shape [N, {self.in_channels}], got {list(x.shape)}")
        check_layout(x)
        if edges.dim() != 2 or edges.size(0) != 2:
            raise ValueError(f"edge_index must have shape [2, E], got {list(edges.shape)}")

    def _input_aggregate(self, batch: Any) -> Tensor | None:
        """Return the exact aggregates of the features, if the model uses them and the batch has them."""
        aggregate: Tensor | None = getattr(batch, "x_aggr", None) if self.exact_input else None
        if aggregate is not None and aggregate.shape != batch.x.shape:
            raise ValueError(f"x_aggr must have the shape of x, {list(batch.x.shape)}, got {list(aggregate.shape)}")
        return aggregate

    def _n_id(self, batch: Any) -> Tensor:
        """Return the nodes' indices in the whole graph; by default their positions in the batch."""
        n_id: Tensor | None = getattr(batch, "n_id", None)
        return torch.arange(batch.x.size(0), device=batch.edge_index.device) if n_id is None else n_id

    def _hops(self, batch: Any, least: int) -> tuple[list[int], list[int]] | None:
        """Return the numbers of nodes and edges per hop; None if the batch was not sampled."""
        nodes, edges = (getattr(batch, f"num_sampled_{what}", None) for what in ("nodes", "edges"))
        if nodes is None or edges is None:
            return None
        if len(edges) < least:
            reason = "" if least == self.num_layers else f" and x_aggr, and needs {least}"
            raise ValueError(
                f"the batch was sampled with {len(edges)} hops, but the model has num_layers={self.num_layers}{reason}"
            )
        for what, counts, size in (("nodes", nodes, batch.x.size(0)), ("edges", edges, batch.edge_index.size(1))):
            if sum(counts) != size:
                raise ValueError(
                    f"the batch has {size} {what}, but num_sampled_{what} adds up to {sum(counts)}: if a transform has "
                    "changed the batch, delete num_sampled_nodes and num_sampled_edges from it"
                )
        return list(nodes), list(edges)

    def _degree(self, batch: Any) -> Tensor:
        degree = getattr(batch, "degree", None)
        if degree is not None:
            return torch.as_tensor(degree)
        if (self.needs_degree or self._tracks()) and self._is_part(batch):
            raise ValueError(
                f"the sampled batch has no degree, which {type(self).__name__} needs: use "
                "xgraph.sampling.NeighborLoader, or set data.degree = xgraph.sampling.in_degree(data) before sampling"
            )
        return in_degree(batch.edge_index[1], batch.x.size(0))

    def _self_loops(self, batch: Any, degree: Tensor) -> Tensor | None:
        """Return the number of self-loops of each node in the whole graph, if the convolution needs it."""
        if not self.adds_self_loops:
            return None
        loops = getattr(batch, "self_loops", None)
        return count_self_loops(batch.edge_index, degree) if loops is None else torch.as_tensor(loops)

    def _tracks(self) -> bool:
        """Whether tables of feature momentum are in use."""
        return False

    def _is_part(self, batch: Any) -> bool:
        """Whether a batch is only a part of the graph."""
        return getattr(batch, "num_sampled_nodes", None) is not None
