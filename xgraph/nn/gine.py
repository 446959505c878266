"""Graph isomorphism network for molecules."""

from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from xgraph.nn.dropout import Dropout
from xgraph.nn.encoders import ATOM_FEATURE_SIZES, BOND_FEATURE_SIZES, CategoricalEmbedding, MultiHot
from xgraph.nn.gine_conv import GINEConv
from xgraph.nn.head import Head
from xgraph.nn.norm import BatchNorm
from xgraph.nn.readout import Pool, check_pool, readout
from xgraph.nn.reset import reset_parameters
from xgraph.nn.virtual_node import VirtualNode

JumpingKnowledge = Literal["last", "sum"]


class GINE(nn.Module):
    """Graph isomorphism network on molecules with the Open Graph Benchmark's atom and bond features.

    A layer is `GINEConv`, batch normalisation, ReLU (not after the last layer) and dropout. From Hu et al.,
    "Strategies for Pre-training Graph Neural Networks", ICLR 2020.

    A batch is a PyG `Data` or `Batch` with `x` (integers, ``[N, 9]``), `edge_index` (``[2, E]``), `edge_attr`
    (integers, ``[E, 3]``) and, for more than one graph, `batch`. Its graphs are counted from `ptr`, so the
    device is not waited for and graphs without atoms keep their rows.

    Args:
        num_tasks: Number of logits per graph.
        hidden_channels: Length of the atom vectors.
        num_layers: Number of message passing layers.
        dropout: Probability that an element becomes zero, after each layer and in the head.
        virtual_node: Whether each graph gets a node that all its atoms are joined to.
        pool: How atom vectors become a graph vector. With max, one group of atoms can decide.
        jk: Atom vectors to pool: those of the last layer, or the sum over all layers.
        residual: Whether each layer adds its input to its output.

    Raises:
        TypeError: Features are not integers.
        ValueError: An argument is out of range, or the batch lacks an attribute, has another number of
            features or a feature out of its vocabulary (see `MultiHot` for when this is seen).

    Example:
        >>> from torch_geometric.data import Batch, Data
        >>> atom, bond = torch.zeros(2, 9, dtype=torch.long), torch.zeros(2, 3, dtype=torch.long)
        >>> molecule = Data(x=atom, edge_index=torch.tensor([[0, 1], [1, 0]]), edge_attr=bond)
        >>> model = GINE(num_tasks=12, hidden_channels=32)
        >>> model(Batch.from_data_list([molecule] * 3)).shape
        torch.Size([3, 12])
    """

    kind: ClassVar[Literal["graph", "node"]] = "graph"
    """What gets logits."""

    def __init__(
        self,
        num_tasks: int = 1,
        *,
        hidden_channels: int = 64,
        num_layers: int = 5,
        dropout: float = 0.2,
        virtual_node: bool = False,
        pool: Pool = "max",
        jk: JumpingKnowledge = "last",
        residual: bool = False,
    ) -> None:
        super().__init__()
        counts = {"num_tasks": num_tasks, "hidden_channels": hidden_channels, "num_layers": num_layers}
        for name, value in counts.items():
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        check_pool(pool)
        if jk not in get_args(JumpingKnowledge):
            raise ValueError(f"jk must be one of {', '.join(get_args(JumpingKnowledge))}, got {jk!r}")
        self.num_tasks = num_tasks
        self.hidden_channels = hidden_channels
        self.num_layers = num_layers
        self.pool = pool
        self.jk = jk
        self.residual = residual
        self.atom_rows = MultiHot(ATOM_FEATURE_SIZES, "x")
        self.bond_rows = MultiHot(BOND_FEATURE_SIZES, "edge_attr")
        self.atom = CategoricalEmbedding(ATOM_FEATURE_SIZES, hidden_channels)
        self.convs = nn.ModuleList(GINEConv(hidden_channels, BOND_FEATURE_SIZES) for _ in range(num_layers))
        self.norms = nn.ModuleList(BatchNorm(hidden_channels) for _ in range(num_layers))
        self.dropout = Dropout(dropout)
        # The last layer's virtual node would not be used.
        self.virtual_nodes = nn.ModuleList(
            VirtualNode(hidden_channels, dropout) for _ in range(num_layers - 1 if virtual_node else 0)
        )
        self.virtual_start = nn.Parameter(torch.zeros(hidden_channels)) if virtual_node else None
        self.head = Head(hidden_channels, num_tasks, dropout)

    def reset_parameters(self) -> None:
        """Draw all weights anew and forget the normalisation statistics."""
        if self.virtual_start is not None:
            nn.init.zeros_(self.virtual_start)
        for modules in (self, self.convs, self.norms, self.virtual_nodes):
            reset_parameters(modules)

    def forward(self, batch: Any) -> Tensor:
        """Return logits, ``[B, num_tasks]``.

        Args:
            batch: A PyG `Data` or `Batch`, as described above.
        """
        out: Tensor = self.head(self.embed(batch))
        return out

    def embed(self, batch: Any) -> Tensor:
        """Return graph vectors, ``[B, hidden_channels]``: encoder and pooling without the head.

        Args:
            batch: A PyG `Data` or `Batch`, as described above.
        """
        _check_edges(batch)
        graph, num_graphs = _graphs(batch)
        dtype = self.atom.weight.dtype
        h: Tensor = self.atom(self.atom_rows(batch.x, dtype))
        bond_rows = self.bond_rows(batch.edge_attr, dtype)
        state = None if self.virtual_start is None else self.virtual_start.expand(num_graphs, -1)
        total = h
        for layer, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            if state is not None:
                h = h + state.index_select(0, graph)
            new: Tensor = norm(conv(h, batch.edge_index, bond_rows))
            if layer < self.num_layers - 1:
                new = new.relu_()
                if state is not None:
                    state = self.virtual_nodes[layer](state, h, graph)
            new = self.dropout(new)
            h = new + h if self.residual else new
            total = total + h if self.jk == "sum" else h
        return readout(total, graph, num_graphs, self.pool)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.num_tasks}, hidden_channels={self.hidden_channels}, "
            f"num_layers={self.num_layers}, dropout={self.dropout.p}, "
            f"virtual_node={self.virtual_start is not None}, pool={self.pool!r}, jk={self.jk!r}, "
            f"residual={self.residual})"
        )


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
