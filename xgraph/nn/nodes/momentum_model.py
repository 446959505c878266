"""Node models with feature momentum: each layer has a table of the nodes' aggregates."""

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
    r"""Base class of the node models with feature momentum: `GraphSAGEFM`, `GCNFM` and `GATFM`.

    In training, a layer's aggregates come from the few neighbours in the batch and are noisy. A table per layer keeps
    a moving average of them for each node, :math:`\tilde h_v \leftarrow (1 - \gamma) \tilde h_v + \gamma \hat A_v`, and
    the layer uses the average in place of the batch's aggregate. Rows are written only for nodes whose neighbours were
    sampled. In evaluation mode the tables are neither read nor written: scores are exact if the batch has all
    neighbours, or with `layerwise`.

    The weights have the same names as in the model without tables, so each can be initialised from the other. Batches
    that are a part of the graph need `n_id` and `degree`. xgraph's `NeighborLoader` provides both. PyG's provides
    `n_id`; set ``data.degree = xgraph.sampling.in_degree(data)`` for the other. If the graph changes, create a new
    model and load all weights except `tables`. For other arguments and the format of batches see `NodeModel`.

    Args:
        num_nodes: Number of nodes in the whole graph; None for a model without tables, which can only be evaluated.
        gamma: Weight of the new value in the tables, in (0, 1], or a schedule over epochs. With 1 there are no tables.
        gradient: Gradient with respect to the batch's aggregates: passed on unchanged, or multiplied by gamma.
        table_dtype: Type of the numbers in the tables.
        table_storage: Where the tables are stored: on the model's device, in page-locked host memory, in other host
            memory, or in memory-mapped scratch files in the system's temporary folder (TMPDIR).
        table_in_checkpoint: Whether checkpoints hold the tables. Without them a resumed run starts with empty tables.

    Raises:
        ValueError: If an argument is out of range, a batch lacks an attribute or does not match the model, or a model
            without `num_nodes` is trained.
        IndexError: If a batch has a node that is not in the tables.
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
        """Apply a layer's convolution; in training with its table, unless the exact `aggregate` is known."""
        if aggregate is None and self._tracks() and str(number) in self.tables:
            conv, table = self.convs[number], self.tables[str(number)]
            return convolution_of(conv).convolve(conv, x, block, table)  # type: ignore[arg-type]
        return super().convolve(number, x, block, aggregate)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, counted from 0, for a schedule of γ."""
        for table in self.tables.values():
            if isinstance(table, FeatureMomentum):
                table.set_epoch(epoch)

    def reset_parameters(self) -> None:
        """Reinitialise all weights, reset the normalisation statistics and clear the tables."""
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
            raise ValueError(
                f"{name} needs tables for training: create it with num_nodes=, the number of nodes in the graph"
            )
        if not self._tracks():
            return n_id
        if getattr(batch, "n_id", None) is None and self._is_part(batch):
            raise ValueError(
                f"the batch has no n_id, which {name} needs in training: the indices of its {size} nodes in the graph "
                f"of num_nodes={self.num_nodes} nodes (if the graph has grown, create a new model)"
            )
        if n_id.dim() != 1 or len(n_id) != size:
            raise ValueError(
                f"n_id must have one entry for each of the {size} nodes in the batch, got shape {list(n_id.shape)}"
            )
        return n_id


class ExactInputModel(MomentumModel):
    """A `MomentumModel` whose first layer uses the exact aggregates of the input features.

    The features are constant, so their aggregates are computed once:
    ``data.x_aggr = input_aggregate(model, data.x, data.edge_index)``. Every loader slices `x_aggr` along with the
    features. The first layer then needs no edges, so batches need one hop fewer than the model has layers; further
    hops are ignored.

    Args:
        exact_input: Whether the first layer uses the exact aggregates of the features over all neighbours, computed
            once. If not, it has a table like the other layers.
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
                "xgraph.nn.input_aggregate(model, data.x, data.edge_index) before creating the loader, or create the "
                "model with exact_input=False"
            )
        return aggregate
