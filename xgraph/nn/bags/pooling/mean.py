"""Mean pooling over the instances of a bag."""

from __future__ import annotations

from torch import Tensor

from xgraph.estimators import GammaSchedule, MovingAverage, StateTable
from xgraph.nn.bags.pooling.base import BagPooling, wide
from xgraph.nn.bags.pooling.segments import Bags


class MeanPooling(BagPooling):
    r"""Mean pooling: :math:`h = \mathrm{mean}_x φ(x)` over the instances x of a bag.

    The mean of a few sampled instances is unbiased; a state per bag reduces its noise. :class:`BagPooling` explains the
    state and lists the errors.

    Args:
        num_bags: Number of bags in the data set, to keep a state per bag; None for no state.
        gamma: Weight of the new value in the state, in (0, 1], or a schedule over epochs.
        channels: Number of pooled columns, to create the table now; None creates it at the first batch.
        validate: Whether to check bags and ids. This forces a device synchronisation.

    Example:
        >>> import torch
        >>> pool = MeanPooling()
        >>> pool(torch.tensor([[1.0], [3.0], [5.0]]), torch.tensor([0, 0, 1]), dim_size=2)
        tensor([[2.],
                [5.]])
    """

    def __init__(
        self,
        num_bags: int | None = None,
        gamma: float | GammaSchedule = 0.9,
        *,
        channels: int | None = None,
        validate: bool = True,
    ) -> None:
        super().__init__(num_bags, gamma, channels, validate=validate)
        self._make_now()

    def estimate(self, x: Tensor, bags: Bags) -> Tensor:
        """Return the means, ``[B, C]``."""
        return bags.weighted_sum(bags.spread(bags.count.reciprocal())[:, None], wide(x))[:, 0]

    def read_out(self, row: Tensor) -> Tensor:
        """Return the rows unchanged."""
        return row

    def make_table(self, shape: tuple[int, ...]) -> StateTable:
        """Create a table of means."""
        return MovingAverage(self.num_bags or 1, shape, self.schedule, watch=False, validate=self.validate)

    def weights(
        self, x: Tensor, index: Tensor | None = None, ptr: Tensor | None = None, dim_size: int | None = None
    ) -> Tensor:
        """Return one over the number of instances in the bag, ``[N, C]``."""
        bags = self.bags(x, index, ptr, dim_size)
        return bags.spread(bags.count.reciprocal())[:, None].expand_as(x)
