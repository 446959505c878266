"""A moving average of means of exponentials, stored as a logarithm."""

from __future__ import annotations

import torch
from torch import Tensor

from xgraph.estimators.moving_rows import Rate
from xgraph.estimators.schedules import logs
from xgraph.estimators.table import StateTable


class LogMovingAverage(StateTable):
    r"""Moving average of exponentials in log space: tracks :math:`v_i = \log u_i` without overflow.

    Each estimate is a logarithm, :math:`q_i = \log \hat g_i`, usually the ``logsumexp`` of a batch.

    .. math::
        v_i ← \mathrm{logaddexp}(\log(1-γ) + v_i, \log γ + q_i), \qquad
        out_i = \mathrm{sg}(v_i) + e^{\mathrm{sg}(q_i - v_i)} (q_i - \mathrm{sg}(q_i))

    where sg stops the gradient. This is the moving average of :math:`\hat g_i` with the gradient
    :math:`∇\hat g_i / u_i = e^{q_i - v_i} ∇q_i`. The factor is at most 1/γ, or m/γ for an item that occurs m times in
    the batch.

    A single batch of huge values leaves v far above every later q, and v falls by at most \|log(1 − γ)\| per update.
    Two options prevent this: ``max_lag`` caps v at q + ``max_lag``, and ``restart_lag`` restarts the item from its
    newest estimate. With a :class:`Proximal` γ, v returns within a touch or two. For arguments, attributes and errors,
    see :class:`StateTable`.

    Example:
        >>> track = LogMovingAverage(num_items=4, gamma=0.5)
        >>> index = torch.tensor([0])
        >>> track(torch.tensor([0.0]), index)
        tensor([0.])
        >>> track(torch.tensor([1000.0]), index)  # log((1 + e^1000) / 2)
        tensor([999.306...])
    """

    _proximal = True

    def _blend(self, old: Tensor, estimate: Tensor, gamma: Rate) -> Tensor:
        share, rest = logs(gamma, old)
        return torch.logaddexp(old + rest, estimate + share)

    def _attach(self, state: Tensor, change: Tensor, fixed: Tensor) -> Tensor:
        return torch.addcmul(state, (fixed - state).exp_(), change)

    def _mean(self, estimate: Tensor, slot: Tensor, count: Tensor) -> Tensor:
        top, share = shares(estimate, slot)
        total = torch.zeros_like(estimate).index_add_(0, slot, share)
        return (total.log() - count.log() + top).index_select(0, slot)

    def _bound(self, state: Tensor, estimate: Tensor, lag: float) -> Tensor:
        return torch.minimum(state, estimate + lag)

    def _lags(self, state: Tensor, estimate: Tensor, lag: float) -> Tensor:
        return estimate + lag < state


def shares(log_weight: Tensor, slot: Tensor) -> tuple[Tensor, Tensor]:
    """Return the maximum of each group of rows, and exponentials scaled so that each group's largest is 1."""
    group = slot.view(-1, *[1] * (log_weight.dim() - 1)).expand_as(log_weight)
    top = torch.full_like(log_weight, -torch.inf).scatter_reduce_(0, group, log_weight, "amax")
    return top, (log_weight - top.index_select(0, slot)).exp()
