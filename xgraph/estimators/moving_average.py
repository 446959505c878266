"""A moving average of positive or signed quantities, in linear space."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from xgraph.estimators.table import StateTable


class MovingAverage(StateTable):
    r"""Tracks :math:`g_i` by its noisy estimates :math:`\hat g_i`; returns the state with the batch's gradient.

    .. math::
        u_i ← (1 - γ) u_i + γ \hat g_i, \qquad
        out_i = \mathrm{sg}(u_i) + \hat g_i - \mathrm{sg}(\hat g_i)

    where sg stops the gradient. So ``f(track(g, index)).mean().backward()`` is the estimator
    mean ∇f(u_i) ∇ĝ_i of the SOX algorithm (Wang and Yang, ICML 2022; Algorithm 28 and (6.12) of the chapter) for
    any differentiable f. A lag of 80 or more is the same as none: the range of float32 ends there. Arguments,
    attributes and errors: :class:`StateTable`.

    Example:
        >>> track = MovingAverage(num_items=4, gamma=0.1)
        >>> index = torch.tensor([2])
        >>> track(torch.tensor([1.0]), index)  # the first touch is taken as it is
        tensor([1.])
        >>> track(torch.tensor([2.0]), index)
        tensor([1.1000])
    """

    _far: ClassVar[float] = 80.0

    def _blend(self, old: Tensor, estimate: Tensor, gamma: float) -> Tensor:
        return torch.lerp(old, estimate, gamma)

    def _attach(self, state: Tensor, change: Tensor, fixed: Tensor) -> Tensor:
        return change.add_(state)

    def _bound(self, state: Tensor, estimate: Tensor, lag: float) -> Tensor:
        return torch.minimum(state, estimate * math.exp(lag))

    def _lags(self, state: Tensor, estimate: Tensor, lag: float) -> Tensor:
        return estimate.abs() * math.exp(lag) < state.abs()
