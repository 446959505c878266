"""The interface between a convolution and feature momentum: aggregate, track, update."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor

from xgraph.nn.convolutions.block import Block, in_degree
from xgraph.nn.convolutions.feature_momentum import FeatureMomentum
from xgraph.nn.convolutions.settings import no_edge_weight
from xgraph.nn.convolutions.sums import Nodes, sources, targets, times, weighted_sum
from xgraph.nn.convolutions.table_options import TableOptions


class Convolution(ABC):
    r"""Splits a PyG convolution into two steps: :math:`h_v' = \mathrm{update}(x_v, \mathrm{track}(\hat A_v))`.

    :math:`\hat A_v` aggregates the messages of the neighbours :math:`B_v` in the batch. With all neighbours it equals
    the aggregate of PyG's convolution. With :math:`B_v` drawn uniformly from :math:`N_v` it is an unbiased estimate of
    it: sums are rescaled by :math:`|N_v| / |B_v|`, where :math:`|N_v|` is the true in-degree. Where the convolution
    allows it, :math:`\hat A_v` is computed before the weights are applied, so that the table does not go stale when
    they change.

    The methods take the convolution as an argument and use its parameters; this class has no state of its own.
    Self-loops in the graph are edges like any other, except in convolutions that add self-loops: as in PyG, a node gets
    one self-loop in total, and the degrees count it once.

    Attributes:
        linear: Whether :math:`\hat A_v` is a weighted sum of `x` with the weights `edge_weight` and `own_weight`. It
            can then be computed in advance if `x` is constant.
        ratio: Whether :math:`\hat A_v` consists of a numerator and a denominator that are tracked separately.
    """

    linear: bool = True
    ratio: bool = False

    @abstractmethod
    def channels(self, conv: Any) -> tuple[int, ...]:
        """Return the shape of one node's aggregate; ValueError if it cannot be determined from the convolution."""

    def make_table(
        self, conv: Any, num_nodes: int, table: TableOptions, channels: int | tuple[int, ...] | None = None
    ) -> FeatureMomentum | None:
        """Create the table for a convolution's aggregates, with rows of shape `channels` if given; None if γ is 1."""
        if table.plain:
            return None
        shape = self.channels(conv) if channels is None else channels
        return FeatureMomentum(num_nodes, shape, ratio=self.ratio, table=table)

    def computed(self, block: Block) -> Tensor:
        """Return which targets' rows are written: those with an edge, or with no neighbours in the whole graph."""
        return (in_degree(block.edge_index[1], block.num_targets) > 0).logical_or_(
            block.degree[: block.num_targets] == 0
        )

    @abstractmethod
    def aggregate(self, conv: Any, x: Nodes, block: Block, edge_weight: Tensor | None = None) -> Tensor:
        """Aggregate the messages of the neighbours, ``[num_targets, *channels]``; `x` may be ``torch.sparse_csr``."""

    @abstractmethod
    def update(self, conv: Any, aggregate: Tensor, x: Nodes, block: Block) -> Tensor:
        """Return new vectors ``[num_targets, out_channels]`` from aggregates, tracked or not, dense or sparse."""

    def convolve(
        self, conv: Any, x: Nodes, block: Block, table: FeatureMomentum | None = None, edge_weight: Tensor | None = None
    ) -> Tensor:
        """Apply the whole convolution: aggregate, track with `table`, update. Shape ``[num_targets, out_channels]``."""
        aggregate = self.aggregate(conv, x, block, edge_weight)
        if table is not None:
            aggregate = self.track(aggregate, block, table)
        return self.update(conv, aggregate, x, block)

    def track(self, aggregate: Tensor, block: Block, table: FeatureMomentum) -> Tensor:
        """Return the tracked aggregates of a block's targets."""
        tracked: Tensor = table(aggregate, block.n_id[: block.num_targets], self.computed(block))
        return tracked.to(aggregate.dtype)

    def fused(self, conv: Any, x: Nodes, block: Block) -> Tensor:
        """Like `convolve` without a table, in the fastest order of operations; equal up to rounding."""
        return self.convolve(conv, x, block)

    def whole(self, conv: Any, x: Nodes, block: Block, edge_weight: Tensor | None = None) -> Tensor:
        """Apply PyG's convolution to the block's edges unchanged, without rescaling."""
        no_edge_weight(conv, edge_weight)
        out: Tensor = conv(x, block.edge_index)
        return out[: block.num_targets]


class WeightedSum(Convolution):
    """A convolution whose aggregate is a weighted sum of the neighbours' vectors."""

    @abstractmethod
    def edge_weight(self, conv: Any, block: Block, edge_weight: Tensor | None = None) -> Tensor:
        """Return the weight of each edge in its target's sum, in float32 or wider. Shape ``[E]``."""

    def own_weight(self, conv: Any, block: Block) -> Tensor | None:
        """Return the weight of each target's own vector in its sum, ``[num_targets]``; None means 0."""
        return None

    def aggregate(self, conv: Any, x: Nodes, block: Block, edge_weight: Tensor | None = None) -> Tensor:
        """Sum the neighbours' vectors and, with an own weight, the target's: see `Convolution.aggregate`."""
        weight = self.edge_weight(conv, block, edge_weight)
        total = weighted_sum(sources(x), block, weight)
        own = self.own_weight(conv, block)
        return total if own is None else total + times(targets(x, block), own)
