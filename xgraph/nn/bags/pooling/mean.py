"""Means over the instances of a bag."""

from __future__ import annotations

from torch import Tensor

from xgraph.estimators import GammaSchedule, MovingAverage, StateTable
from xgraph.nn.bags.pooling.base import BagPooling, wide
from xgraph.nn.bags.pooling.segments import Bags


class MeanPooling(BagPooling):
    r"""Pools a bag to the mean of its instances, :math:`h = \mathrm{mean}_x φ(x)`.

    A state per bag makes the mean of a few sampled instances, which has no bias, less noisy. More on bags and their
    state: :class:`BagPooling`, whose errors are those here.

    Args:
        num_bags: Number of bags in the data set, if there is to be a state per bag.
        gamma: Weight of the new value in the state, in (0, 1], or a schedule of it over epochs.
        channels: Number of columns that are pooled, if the table is to be created now; None: at the first batch.
        validate: Check bags and ids, which forces a device synchronisation.

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
        """Means, ``[B, C]``."""
        return bags.weighted_sum(bags.spread(bags.count.reciprocal())[:, None], wide(x))[:, 0]

    def read_out(self, row: Tensor) -> Tensor:
        """The same."""
        return row

    def make_table(self, shape: tuple[int, ...]) -> StateTable:
        """A table of means."""
        return MovingAverage(self.num_bags or 1, shape, self.schedule, watch=False, validate=self.validate)

    def weights(
        self, x: Tensor, index: Tensor | None = None, ptr: Tensor | None = None, dim_size: int | None = None
    ) -> Tensor:
        """One over the number of instances, ``[N, C]``."""
        bags = self.bags(x, index, ptr, dim_size)
        return bags.spread(bags.count.reciprocal())[:, None].expand_as(x)
