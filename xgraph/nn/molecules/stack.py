"""Models that stack convolutions, such as GINE and the molecular GCN."""

from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from xgraph.checks import MOST_LAYERS, choice, integer
from xgraph.nn.layers.norm import BatchNorm
from xgraph.nn.molecules.model import MoleculeModel
from xgraph.nn.molecules.virtual_node import VirtualNode

JumpingKnowledge = Literal["last", "sum"]


class LayeredModel(MoleculeModel):
    """Base class of the models with stacked convolutions, normalisations and optional virtual nodes."""

    def add_layers(self, num_layers: int, virtual_node: bool) -> None:
        """Add the layers; call it before `add_head` in `__init__`."""
        self.num_layers = integer("num_layers", num_layers, most=MOST_LAYERS)
        channels, dropout = self.hidden_channels, self.dropout.p
        self.convs = nn.ModuleList(self.make_conv(channels) for _ in range(num_layers))
        self.norms = nn.ModuleList(BatchNorm(channels) for _ in range(num_layers))
        # The last layer needs no virtual node.
        self.virtual_nodes = nn.ModuleList(
            VirtualNode(channels, dropout) for _ in range(num_layers - 1 if virtual_node else 0)
        )
        self.virtual_start = nn.Parameter(torch.zeros(channels)) if virtual_node else None

    def make_conv(self, channels: int) -> nn.Module:
        """Create the convolution of one layer, with `channels` input and output channels."""
        raise NotImplementedError

    def reset_parameters(self) -> None:
        """Reinitialise all weights and reset the normalisation statistics; the standardisation of features is kept."""
        if self.virtual_start is not None:
            nn.init.zeros_(self.virtual_start)
        super().reset_parameters()

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"{super().extra_repr()}, num_layers={self.num_layers}, virtual_node={self.virtual_start is not None}"


class ConvolutionStack(LayeredModel):
    """Base class of the molecule models that stack convolution, batch normalisation, ReLU and dropout.

    The last layer has no ReLU. A subclass creates the convolution in `make_conv`; it is called with atom vectors,
    `edge_index` and the results of `edge_inputs`. For other arguments and the format of batches see `MoleculeModel`.

    Args:
        num_layers: Number of message passing layers.
        virtual_node: Whether to add a virtual node, connected to all atoms, to each graph.
        jk: Jumping knowledge: pool the atom vectors of the last layer, or their sum over all layers.
        residual: Whether each layer adds its input to its output.
    """

    def __init__(
        self,
        num_tasks: int = 1,
        num_features: int = 0,
        *,
        num_layers: int = 5,
        virtual_node: bool = False,
        jk: JumpingKnowledge = "last",
        residual: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(num_tasks, num_features, **options)
        self.jk = choice("jk", jk, get_args(JumpingKnowledge))
        self.residual = residual
        self.add_layers(num_layers, virtual_node)
        self.add_head()

    def edge_inputs(self, batch: Any, bond_rows: Tensor) -> tuple[Any, ...]:
        """Return the edge arguments of all convolutions, computed once per batch; by default the bond features."""
        return (bond_rows,)

    def encode(self, batch: Any, graph: Tensor, num_graphs: int) -> Tensor:
        """Return atom vectors, ``[N, hidden_channels]``."""
        atom_rows, bond_rows = self.rows(batch)
        edges = self.edge_inputs(batch, bond_rows)
        h: Tensor = self.atom(atom_rows)
        state = None if self.virtual_start is None else self.virtual_start.expand(num_graphs, -1)
        total = h
        for layer, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            if state is not None:
                h = h + state.index_select(0, graph)
            new: Tensor = norm(conv(h, batch.edge_index, *edges))
            if layer < self.num_layers - 1:
                new = new.relu_()
                if state is not None:
                    state = self.virtual_nodes[layer](state, h, graph)
            new = self.dropout(new)
            h = new + h if self.residual else new
            total = total + h if self.jk == "sum" else h
        return total

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"{super().extra_repr()}, jk={self.jk!r}, residual={self.residual}"
