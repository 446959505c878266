"""A moving average of positive or signed quantities, in linear space."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from xgraph.estimators.moving_rows import Rate
from xgraph.estimators.table import StateTable


class MovingAverage(StateTable):
    r"""Moving average per item: its value is the history, its gradient is that of the current batch.

    The table tracks :math:`g_i` from noisy estimates :math:`\hat g_i`:

    .. math::
        u_i ← (1 - γ) u_i + γ \hat g_i, \qquad
        out_i = \mathrm{sg}(u_i) + \hat g_i - \mathrm{sg}(\hat g_i)

    where sg stops the gradient. For any differentiable f, ``f(track(g, index)).mean().backward()`` computes the
    gradient estimator :math:`\mathrm{mean}_i ∇f(u_i) ∇\hat g_i` of the SOX algorithm (`Wang and Yang, ICML 2022
    <https://arxiv.org/abs/2202.12396>`__; equation (6.12) and Algorithm 28).

    A ``max_lag`` or ``restart_lag`` of 80 or more has no effect, because e⁸⁰ is close to the limit of float32. For
    arguments, attributes and errors, see :class:`StateTable`.

    Example:
        >>> track = MovingAverage(num_items=4, gamma=0.1)
        >>> index = torch.tensor([2])
        >>> track(torch.tensor([1.0]), index)  # an item's first estimate is stored unchanged
        tensor([1.])
        >>> track(torch.tensor([2.0]), index)
        tensor([1.1000])
    """

    _far: ClassVar[float] = 80.0

    def _blend(self, old: Tensor, estimate: Tensor, gamma: Rate) -> Tensor:
        return torch.lerp(old, estimate, gamma)  # type: ignore[arg-type]  # never a rule, see `_proximal`

    def _attach(self, state: Tensor, change: Tensor, fixed: Tensor) -> Tensor:
        return change.add_(state)

    def _bound(self, state: Tensor, estimate: Tensor, lag: float) -> Tensor:
        return torch.minimum(state, estimate * math.exp(lag))

    def _lags(self, state: Tensor, estimate: Tensor, lag: float) -> Tensor:
        return estimate.abs() * math.exp(lag) < state.abs()
