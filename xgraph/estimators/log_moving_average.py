"""A moving average of means of exponentials, kept as their logarithm."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from xgraph.estimators.table import StateTable


class LogMovingAverage(StateTable):
    r"""Tracks :math:`v_i = \log u_i` by :math:`q_i = \log \hat g_i`; nothing overflows.

    .. math::
        v_i ← \mathrm{logaddexp}(\log(1-γ) + v_i, \log γ + q_i), \qquad
        out_i = \mathrm{sg}(v_i) + e^{\mathrm{sg}(q_i - v_i)} (q_i - \mathrm{sg}(q_i))

    which is the moving average of ĝ with the gradient ∇ĝ/u = exp(q − v) ∇q; the factor is at most 1/γ (m/γ for
    an item that stands m times in the batch). One batch of huge values leaves v far above every later q, and
    v falls by ``|log(1−γ)|`` a touch at most: ``max_lag`` bounds v by q + max_lag, ``restart_lag`` lets such an item
    start anew. Arguments, attributes and errors: :class:`StateTable`.

    Example:
        >>> track = LogMovingAverage(num_items=4, gamma=0.5)
        >>> index = torch.tensor([0])
        >>> track(torch.tensor([0.0]), index)
        tensor([0.])
        >>> track(torch.tensor([1000.0]), index)  # log((1 + e^1000) / 2)
        tensor([999.306...])
    """

    def _blend(self, old: Tensor, estimate: Tensor, gamma: float) -> Tensor:
        return torch.logaddexp(old + math.log1p(-gamma), estimate + math.log(gamma))

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
    """Exponentials within groups of rows, such that the largest of a group is 1."""
    where = slot.view(-1, *[1] * (log_weight.dim() - 1)).expand_as(log_weight)
    top = torch.full_like(log_weight, -torch.inf).scatter_reduce_(0, where, log_weight, "amax")
    return top, (log_weight - top.index_select(0, slot)).exp()
