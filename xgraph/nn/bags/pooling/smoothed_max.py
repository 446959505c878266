"""A soft maximum over the instances of a bag."""

from __future__ import annotations

import math

from torch import Tensor

from xgraph.checks import LARGE, SMALL, number
from xgraph.estimators import GammaSchedule, LogMovingAverage, StateTable
from xgraph.nn.bags.pooling.base import RESTART_LAG, BagPooling, wide
from xgraph.nn.bags.pooling.segments import Bags


class SmoothedMaxPooling(BagPooling):
    r"""Pools the scores of a bag's instances to a soft maximum (MIDAM; Zhu et al., ICML 2023).

    .. math:: h = τ \log \mathrm{mean}_x \exp(φ(x) / τ)

    (6.106) of the chapter: τ → 0 is the maximum, τ → ∞ the mean. With a state per bag, log u tracks the log mean over
    the instances that were sampled, and h = τ log u has the gradient (6.112),

    .. math:: ∇h = \frac{1}{u} \, \mathrm{mean}_x \exp(φ(x) / τ) ∇φ(x)

    in logarithms, so that nothing overflows. One batch of huge scores leaves u far above all later ones; beyond e^50 a
    bag starts anew. More on bags and their state: :class:`BagPooling`, whose errors are those here.

    Args:
        tau: τ, in units of the scores; 0: the maximum itself, which has no state. Results are exact to about
            τ · 10⁻⁷, so that a very large one is better replaced by :class:`MeanPooling`.
        num_bags: Number of bags in the data set, if there is to be a state per bag.
        gamma: Weight of the new value in the state, in (0, 1], or a schedule of it over epochs.
        channels: Number T of score columns, if the table is to be created now; None: at the first batch.
        max_lag: Bound on log u above its newest estimate; inf: none. Beyond 50 a bag starts anew in any case.
        validate: Check bags and ids, and that scores are finite, which forces a device synchronisation.

    Example:
        >>> import torch
        >>> scores, bag = torch.tensor([[1.0], [3.0], [5.0]]), torch.tensor([0, 0, 1])
        >>> SmoothedMaxPooling(tau=0.1)(scores, bag, dim_size=2)  # 3 − 0.1 log 2, and 5
        tensor([[2.9307],
                [5.0000]])
        >>> pool = SmoothedMaxPooling(tau=0.1, num_bags=100, gamma=0.9)
        >>> pool(scores, bag, dim_size=2, bag_id=torch.tensor([7, 42])).shape
        torch.Size([2, 1])
    """

    def __init__(
        self,
        tau: float = 0.1,
        num_bags: int | None = None,
        gamma: float | GammaSchedule = 0.9,
        *,
        channels: int | None = None,
        max_lag: float = math.inf,
        validate: bool = True,
    ) -> None:
        super().__init__(num_bags, gamma, channels, max_lag, validate)
        self.tau = 0.0 if tau == 0 else number("tau", tau, SMALL, LARGE)
        if self.tau == 0 and num_bags is not None:
            raise ValueError("tau = 0 is the maximum, which has no state per bag: num_bags must be left out")
        self._make_now()

    def estimate(self, x: Tensor, bags: Bags) -> Tensor:
        """The logarithm of the mean of exponentials, ``[B, C]``."""
        x = wide(x)
        return bags.log_mean_exp(x, self.tau) if self.tau else bags.max(x)

    def read_out(self, row: Tensor) -> Tensor:
        """τ times that."""
        return row * self.tau if self.tau else row

    def make_table(self, shape: tuple[int, ...]) -> StateTable:
        """A table of logarithms."""
        return LogMovingAverage(
            self.num_bags or 1,
            shape,
            self.schedule,
            max_lag=self.max_lag,
            restart_lag=RESTART_LAG,
            validate=self.validate,
        )

    def weights(
        self, x: Tensor, index: Tensor | None = None, ptr: Tensor | None = None, dim_size: int | None = None
    ) -> Tensor:
        """The softmax of φ/τ in each bag; for τ = 0, equal shares of the largest. Shape ``[N, C]``."""
        bags = self.bags(x, index, ptr, dim_size)
        if self.tau:
            return bags.softmax(wide(x), self.tau)[0]
        largest = (x == bags.spread(bags.max(x))).to(bags.count.dtype)
        return largest / bags.spread(bags.sum(largest))

    def extra_repr(self) -> str:
        """The temperature and the state."""
        return ", ".join(filter(None, [f"tau={self.tau:g}", super().extra_repr()]))
