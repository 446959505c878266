"""Smoothed-max pooling over the instances of a bag."""

from __future__ import annotations

import math

from torch import Tensor

from xgraph.checks import LARGE, SMALL, number
from xgraph.estimators import GammaSchedule, LogMovingAverage, StateTable
from xgraph.nn.bags.pooling.base import RESTART_LAG, BagPooling, wide
from xgraph.nn.bags.pooling.segments import Bags


class SmoothedMaxPooling(BagPooling):
    r"""Smoothed-max pooling: a soft maximum of the scores of a bag's instances (MIDAM; Zhu et al., ICML 2023).

    .. math:: h = τ \log \mathrm{mean}_x \exp(φ(x) / τ)

    This is equation (6.106) of the chapter. It approaches the maximum for τ → 0 and the mean for τ → ∞. With a state
    per bag, log u tracks the logarithm of the mean over the sampled instances, and h = τ log u has the gradient
    (6.112):

    .. math:: ∇h = \frac{1}{u} \, \mathrm{mean}_x \exp(φ(x) / τ) ∇φ(x)

    Computation is in logarithms to avoid overflow. A batch with very large scores can leave u far above all later
    values; a bag whose state is more than e^50 above its newest estimate is reset. :class:`BagPooling` explains the
    state and lists the errors.

    Args:
        tau: Temperature τ, in units of the scores; 0 is the exact maximum, which has no state. Results are accurate to
            about τ · 10⁻⁷; instead of a very large τ, use :class:`MeanPooling`.
        num_bags: Number of bags in the data set, to keep a state per bag; None for no state.
        gamma: Weight of the new value in the state, in (0, 1], or a schedule over epochs.
        channels: Number T of score columns, to create the table now; None creates it at the first batch.
        max_lag: Maximum of log u above its newest estimate. A bag that exceeds 50 is reset in any case.
        validate: Whether to check bags, ids and that scores are finite. This forces a device synchronisation.

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
            raise ValueError("num_bags must be None with tau=0, because the maximum has no state per bag")
        self._make_now()

    def estimate(self, x: Tensor, bags: Bags) -> Tensor:
        """Return the logarithm of the mean exponential, ``[B, C]``."""
        x = wide(x)
        return bags.log_mean_exp(x, self.tau) if self.tau else bags.max(x)

    def read_out(self, row: Tensor) -> Tensor:
        """Return τ times the rows."""
        return row * self.tau if self.tau else row

    def make_table(self, shape: tuple[int, ...]) -> StateTable:
        """Create a table of logarithms."""
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
        """Return the softmax of φ/τ in each bag; for τ = 0, equal weights on the maxima. Shape ``[N, C]``."""
        bags = self.bags(x, index, ptr, dim_size)
        if self.tau:
            return bags.softmax(wide(x), self.tau)[0]
        largest = (x == bags.spread(bags.max(x))).to(bags.count.dtype)
        return largest / bags.spread(bags.sum(largest))

    def extra_repr(self) -> str:
        """Show the temperature and the state."""
        return ", ".join(filter(None, [f"tau={self.tau:g}", super().extra_repr()]))
