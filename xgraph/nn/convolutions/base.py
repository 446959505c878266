"""What a convolution is to feature momentum: an update of an aggregate, which a table can track in between."""

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
    r"""How a convolution of PyG splits: :math:`h_v' = \mathrm{update}(x_v, \mathrm{track}(\hat A_v))`.

    :math:`\hat A_v` aggregates the messages of the neighbours :math:`B_v` in the batch. For all neighbours it is what
    PyG's convolution aggregates; for :math:`B_v` drawn uniformly from :math:`N_v` its expectation is that, as sums are
    rescaled by :math:`|N_v| / |B_v|`, with the true in-degrees :math:`|N_v|`. Where the convolution allows it,
    :math:`\hat A_v` is taken before the weights, so that a table of it does not age when they change.

    The methods take the convolution, whose parameters they use, and hold nothing themselves. Loops in the graph are
    edges like others, beside those that a convolution adds itself.

    Attributes:
        linear: Whether :math:`\hat A_v` is a weighted sum of `x` with the weights of `edge_weight` and `own_weight`,
            so that for constant `x` it can be computed beforehand.
        ratio: Whether :math:`\hat A_v` is a numerator and a denominator, tracked apart.
    """

    linear: bool = True
    ratio: bool = False

    @abstractmethod
    def channels(self, conv: Any) -> tuple[int, ...]:
        """Shape of a node's aggregate; ValueError if the convolution does not say."""

    def make_table(
        self, conv: Any, num_nodes: int, table: TableOptions, channels: int | tuple[int, ...] | None = None
    ) -> FeatureMomentum | None:
        """Make a table for the aggregates of a convolution (of `channels`, if it does not say); none if γ is 1."""
        if table.plain:
            return None
        shape = self.channels(conv) if channels is None else channels
        return FeatureMomentum(num_nodes, shape, ratio=self.ratio, table=table)

    def computed(self, block: Block) -> Tensor:
        """Which targets' rows are written: those with an edge, or without neighbours in the whole graph."""
        return (in_degree(block.edge_index[1], block.num_targets) > 0).logical_or_(
            block.degree[: block.num_targets] == 0
        )

    @abstractmethod
    def aggregate(self, conv: Any, x: Nodes, block: Block, edge_weight: Tensor | None = None) -> Tensor:
        """Aggregate the messages of the neighbours, ``[num_targets, *channels]``; `x` may be ``torch.sparse_csr``."""

    @abstractmethod
    def update(self, conv: Any, aggregate: Tensor, x: Nodes, block: Block) -> Tensor:
        """New vectors ``[num_targets, out_channels]`` from aggregates, tracked or not, dense or sparse."""

    def convolve(
        self, conv: Any, x: Nodes, block: Block, table: FeatureMomentum | None = None, edge_weight: Tensor | None = None
    ) -> Tensor:
        """The whole convolution: `update` of the `aggregate` that `table` tracks, ``[num_targets, out_channels]``."""
        aggregate = self.aggregate(conv, x, block, edge_weight)
        if table is not None:
            tracked = table(aggregate, block.n_id[: block.num_targets], self.computed(block))
            aggregate = tracked.to(aggregate.dtype)
        return self.update(conv, aggregate, x, block)

    def fused(self, conv: Any, x: Nodes, block: Block) -> Tensor:
        """`convolve` without a table, in whatever order is fastest: the same but for rounding."""
        return self.convolve(conv, x, block)

    def whole(self, conv: Any, x: Nodes, block: Block, edge_weight: Tensor | None = None) -> Tensor:
        """The convolution as it is, of the block's edges: nothing is rescaled."""
        no_edge_weight(conv, edge_weight)
        out: Tensor = conv(x, block.edge_index)
        return out[: block.num_targets]


class WeightedSum(Convolution):
    """A convolution whose aggregate is a weighted sum of vectors."""

    @abstractmethod
    def edge_weight(self, conv: Any, block: Block, edge_weight: Tensor | None = None) -> Tensor:
        """Weight of each edge in its target's sum, float32 or wider ``[E]``."""

    def own_weight(self, conv: Any, block: Block) -> Tensor | None:
        """Weight of each target's own vector in its sum, ``[num_targets]``; None: 0."""
        return None

    def aggregate(self, conv: Any, x: Nodes, block: Block, edge_weight: Tensor | None = None) -> Tensor:
        """Sum the vectors of the neighbours, and perhaps the target's own: see `Convolution.aggregate`."""
        weight = self.edge_weight(conv, block, edge_weight)
        total = weighted_sum(sources(x), block, weight)
        own = self.own_weight(conv, block)
        return total if own is None else total + times(targets(x, block), own)
