"""Models of nodes with feature momentum: a table beside each layer keeps the nodes' aggregates."""

from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from xgraph.checks import choice
from xgraph.estimators import GammaSchedule
from xgraph.nn.convolutions import convolution_of
from xgraph.nn.convolutions.block import Block
from xgraph.nn.convolutions.feature_momentum import FeatureMomentum
from xgraph.nn.convolutions.table_options import Gradient, TableOptions
from xgraph.nn.layers.reset import reset_parameters
from xgraph.nn.nodes.model import NodeModel
from xgraph.storage import Storage, check_storage

TableType = Literal["float32", "bfloat16", "float16"]


class MomentumModel(NodeModel):
    r"""Base of the models that remember what each node got from its neighbours: `GraphSAGEFM`, `GCNFM`, `GATFM`.

    In training, a layer's aggregates come from the few neighbours in the batch, and are noisy. A table per layer keeps
    a moving average of them for each node, :math:`\tilde h_v \leftarrow (1 - \gamma) \tilde h_v + \gamma \hat A_v`,
    and that is passed on. Rows are written only for nodes whose neighbours were sampled. In evaluation mode
    nothing is written or read: scores are exact where the batch, or `layerwise`, has all neighbours.

    The weights are named as those of the model without tables, so that either can start from the other's. Batches that
    are a part of the graph need `n_id` and `degree`: xgraph's `NeighborLoader` gives both, PyG's the first, and
    `data.degree = xgraph.sampling.in_degree(data)` the second. If the graph changes, make a new model, and load the
    weights of all but its `tables`. Other arguments and batches: `NodeModel`.

    Args:
        num_nodes: Number of nodes of the whole graph; None: no tables, for a model that is only to be evaluated.
        gamma: Weight of the new value in the tables, in (0, 1], or a schedule of it (see `set_epoch`). With the number
            1 there are none.
        gradient: What the tables pass on: the gradient of the batch's aggregates, or that times gamma.
        table_dtype: Type of the numbers in the tables.
        table_storage: Where the tables lie: on the model's device, in page-locked or any host memory, or in scratch
            files in the folder for temporary files (TMPDIR).
        table_in_checkpoint: Whether checkpoints hold the tables; without them a resumed run starts with empty ones.

    Raises:
        ValueError: If an argument is out of range, a batch lacks an attribute or does not fit the model, or a model
            without `num_nodes` is trained.
        IndexError: If a batch has a node that the tables have no row for.
    """

    def __init__(
        self,
        num_tasks: int,
        in_channels: int,
        num_nodes: int | None = None,
        *,
        gamma: float | GammaSchedule = 0.1,
        gradient: Gradient = "straight_through",
        table_dtype: TableType = "float32",
        table_storage: Storage = "device",
        table_in_checkpoint: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(num_tasks, in_channels, **options)
        choice("gradient", gradient, get_args(Gradient))
        choice("table_dtype", table_dtype, get_args(TableType))
        check_storage(table_storage, "table_storage")
        dtype: torch.dtype = getattr(torch, table_dtype)
        self.num_nodes = num_nodes
        self.table_options = TableOptions(gamma, gradient, dtype, table_storage, in_checkpoint=table_in_checkpoint)
        self.tables = nn.ModuleDict()
        if num_nodes is not None:
            for number in range(int(self.exact_input), self.num_layers):
                conv = self.convs[number]
                table = convolution_of(conv).make_table(conv, num_nodes, self.table_options)
                if table is not None:
                    self.tables[str(number)] = table

    def convolve(self, number: int, x: Tensor, block: Block, aggregate: Tensor | None = None) -> Tensor:
        """The convolution of a layer; in training, through its table, unless the exact `aggregate` is known."""
        if aggregate is None and self._tracks() and str(number) in self.tables:
            conv, table = self.convs[number], self.tables[str(number)]
            return convolution_of(conv).convolve(conv, x, block, table)  # type: ignore[arg-type]
        return super().convolve(number, x, block, aggregate)

    def set_epoch(self, epoch: int) -> None:
        """Tell the schedule of γ which epoch begins, counted from 0."""
        for table in self.tables.values():
            if isinstance(table, FeatureMomentum):
                table.set_epoch(epoch)

    def reset_parameters(self) -> None:
        """Reinitialise all weights, and forget the normalisation statistics and all nodes."""
        super().reset_parameters()
        reset_parameters(self.tables)

    def extra_repr(self) -> str:
        """Show the arguments."""
        own = self.table_options
        return (
            f"{super().extra_repr()}, num_nodes={self.num_nodes}, gamma={own.gamma}, gradient={own.gradient!r}, "
            f"table_dtype={str(own.dtype).removeprefix('torch.')!r}, table_storage={own.storage!r}, "
            f"table_in_checkpoint={own.in_checkpoint}"
        )

    def _tracks(self) -> bool:
        return self.training and len(self.tables) > 0

    def _is_part(self, batch: Any) -> bool:
        part = getattr(batch, "n_id", None) is not None or batch.x.size(0) != (self.num_nodes or batch.x.size(0))
        return super()._is_part(batch) or (self.training and part)

    def _n_id(self, batch: Any) -> Tensor:
        n_id: Tensor = super()._n_id(batch)
        name, size = type(self).__name__, batch.x.size(0)
        if self.training and not self.table_options.plain and self.num_nodes is None:
            raise ValueError(f"{name} has no tables, which it needs in training: make it with num_nodes= of the graph")
        if not self._tracks():
            return n_id
        if getattr(batch, "n_id", None) is None and self._is_part(batch):
            raise ValueError(
                f"the batch has no n_id, which {name} needs in training: the numbers of its {size} nodes in the graph "
                f"of num_nodes = {self.num_nodes} nodes (if the graph grew, make a new model for its tables)"
            )
        if n_id.dim() != 1 or len(n_id) != size:
            raise ValueError(
                f"n_id must have one number for each of the {size} nodes in the batch, got {list(n_id.shape)}"
            )
        return n_id


class ExactInputModel(MomentumModel):
    """A `MomentumModel` whose first layer takes the exact aggregates of the features, which are constants.

    They are computed once, `data.x_aggr = input_aggregate(model, data.x, data.edge_index)`, and every loader hands out
    those of a batch's nodes as it does their features. The first layer then looks at no edges: batches need one hop
    less than the model has layers, and further ones are left aside.

    Args:
        exact_input: Whether the first layer takes the features' exact aggregates over all neighbours, computed once;
            else it has a table like the others.
    """

    def __init__(
        self,
        num_tasks: int,
        in_channels: int,
        num_nodes: int | None = None,
        *,
        exact_input: bool = True,
        **options: Any,
    ) -> None:
        self.exact_input = exact_input
        super().__init__(num_tasks, in_channels, num_nodes, **options)

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"{super().extra_repr()}, exact_input={self.exact_input}"

    def _input_aggregate(self, batch: Any) -> Tensor | None:
        aggregate = super()._input_aggregate(batch)
        if aggregate is None and self.exact_input and self.training and self._is_part(batch):
            raise ValueError(
                f"the batch has no x_aggr, which {type(self).__name__} needs in training: set data.x_aggr = "
                "xgraph.nn.input_aggregate(model, data.x, data.edge_index) before the loader is made, or make the "
                "model with exact_input=False"
            )
        return aggregate
