"""A moving average of weighted means, stored as the mean and the logarithm of its weight."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xgraph.checks import integer
from xgraph.estimators.log_moving_average import shares
from xgraph.estimators.moving_rows import Rate
from xgraph.estimators.schedules import GammaSchedule, logs
from xgraph.estimators.table import StateTable


class RatioMovingAverage(StateTable):
    r"""Tracks a ratio of two means, :math:`r = u_1 / u_2` with :math:`u_2 = e^v`; stays finite for any weights.

    Use it for attention over sampled instances or neighbours, where :math:`\hat g_1 = \mathrm{mean}\, e^g s` and
    :math:`\hat g_2 = \mathrm{mean}\, e^g`. An item's estimate consists of the softmax-weighted mean of its values,
    :math:`\bar s = \hat g_1 / \hat g_2`, and of :math:`q = \log \hat g_2`. A row has the shape
    ``[*heads, channels + 1]``: C numbers for :math:`\bar s` (in the table: r), followed by q (in the table: v).

    .. math::
        v' &= \mathrm{logaddexp}(\log(1-γ) + v, \log γ + q), \qquad
        ω = e^{\log γ + q - v'}, \qquad r' = (1 - ω) r + ω \bar s \\
        ∇r' &= e^{q - v'} [∇\bar s + (\bar s - r') ∇q], \qquad ∇v' = e^{q - v'} ∇q

    This equals the ratio of two separate moving averages of u₁ and u₂, equations (6.111) and (6.113). ``max_lag`` and
    ``restart_lag`` apply to v. Leave out items without instances: their q would be −∞. For other arguments,
    attributes and errors, see :class:`StateTable`.

    Args:
        num_items: Number of rows.
        channels: C, the number of values to average.
        heads: Shape of a row before its last dimension; ``()`` for a single head.
        gamma: Weight of the new value, in (0, 1], or a schedule of it over epochs.
        **options: Further options of :class:`StateTable`.

    Example:
        >>> import math
        >>> import torch
        >>> track = RatioMovingAverage(num_items=4, channels=1, gamma=0.5)
        >>> index = torch.tensor([2])
        >>> track(torch.tensor([[6.0, 0.0]]), index)  # value 6, weight e^0
        tensor([[6., 0.]])
        >>> track(torch.tensor([[0.0, math.log(2.0)]]), index)  # (6·1 + 0·2) / (1 + 2) and log(½·1 + ½·2)
        tensor([[2.0000, 0.4055]])
    """

    _hint = "; its last number is the log of a weight: leave out items without instances (-inf)"

    def __init__(
        self,
        num_items: int,
        channels: int,
        heads: tuple[int, ...] = (),
        gamma: float | GammaSchedule = 0.1,
        **options: Any,
    ) -> None:
        super().__init__(num_items, (*heads, integer("channels", channels) + 1), gamma, **options)

    @property
    def channels(self) -> int:
        """C, the number of values that are averaged."""
        return self.shape[-1] - 1

    def _blend(self, old: Tensor, estimate: Tensor, gamma: Rate) -> Tensor:
        (ratio, level), (value, log_weight) = self._split(old), self._split(estimate)
        own, rest = logs(gamma, level)
        share = torch.sigmoid(log_weight - level + (own - rest))
        moved = torch.logaddexp(level + rest, log_weight + own)
        return torch.cat([torch.lerp(ratio, value, share), moved], -1)

    def _attach(self, state: Tensor, change: Tensor, fixed: Tensor) -> Tensor:
        ratio, level = self._split(state)
        value, log_weight = self._split(fixed)
        value_change, weight_change = self._split(change)
        step = torch.cat([torch.addcmul(value_change, value - ratio, weight_change), weight_change], -1)
        return torch.addcmul(state, (log_weight - level).exp_(), step)

    def _mean(self, estimate: Tensor, slot: Tensor, count: Tensor) -> Tensor:
        value, log_weight = self._split(estimate)
        top, share = shares(log_weight, slot)
        total = torch.zeros_like(share).index_add_(0, slot, share)
        value = torch.zeros_like(value).index_add_(0, slot, share * value) / total
        return torch.cat([value, total.log() - count.log() + top], -1).index_select(0, slot)

    def _bound(self, state: Tensor, estimate: Tensor, lag: float) -> Tensor:
        ratio, level = self._split(state)
        return torch.cat([ratio, torch.minimum(level, self._split(estimate)[1] + lag)], -1)

    def _lags(self, state: Tensor, estimate: Tensor, lag: float) -> Tensor:
        return self._split(estimate)[1] + lag < self._split(state)[1]

    def _split(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Split rows into means ``[B, *heads, C]`` and logarithms of weights ``[B, *heads, 1]``."""
        return rows[..., :-1], rows[..., -1:]
