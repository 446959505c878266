"""Convolutions one after the other, as GINE and the molecular GCN have them."""

from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from xgraph.checks import choice, integer
from xgraph.nn.layers.norm import BatchNorm
from xgraph.nn.molecules.model import MoleculeModel
from xgraph.nn.molecules.virtual_node import VirtualNode

JumpingKnowledge = Literal["last", "sum"]


class LayeredModel(MoleculeModel):
    """Base of the models with convolutions and normalisations, and perhaps virtual nodes between the layers."""

    def add_layers(self, num_layers: int, virtual_node: bool) -> None:
        """Add the layers; a subclass's `__init__` calls it before `add_head`."""
        self.num_layers = integer("num_layers", num_layers)
        channels, dropout = self.hidden_channels, self.dropout.p
        self.convs = nn.ModuleList(self.make_conv(channels) for _ in range(num_layers))
        self.norms = nn.ModuleList(BatchNorm(channels) for _ in range(num_layers))
        # The last layer's virtual node would not be used.
        self.virtual_nodes = nn.ModuleList(
            VirtualNode(channels, dropout) for _ in range(num_layers - 1 if virtual_node else 0)
        )
        self.virtual_start = nn.Parameter(torch.zeros(channels)) if virtual_node else None

    def make_conv(self, channels: int) -> nn.Module:
        """Make the convolution of one layer, for atom vectors of `channels`, in and out."""
        raise NotImplementedError

    def reset_parameters(self) -> None:
        """Reinitialise all weights and forget the normalisation statistics; the scale of the features stays fitted."""
        if self.virtual_start is not None:
            nn.init.zeros_(self.virtual_start)
        super().reset_parameters()

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"{super().extra_repr()}, num_layers={self.num_layers}, virtual_node={self.virtual_start is not None}"


class ConvolutionStack(LayeredModel):
    """Base of the models whose layer is a convolution, batch normalisation, ReLU (not after the last) and dropout.

    A subclass says which convolution (`make_conv`), called with atom vectors, `edge_index`, and what `edge_inputs`
    gives. Batches and other arguments: `MoleculeModel`.

    Args:
        num_layers: Number of message passing layers.
        virtual_node: Whether each graph gets a node that all its atoms are joined to.
        jk: Atom vectors to pool: those of the last layer, or the sum over all layers.
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
        """Return what all convolutions get of the edges, computed once per batch: here the bond features."""
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
