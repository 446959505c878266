"""A trust region: the model's distribution may not move far from an old one."""

from __future__ import annotations

import torch
from torch import Tensor

from xgraph.checks import LARGE, number
from xgraph.estimators import GammaSchedule
from xgraph.estimators.infinite import infinite
from xgraph.losses.batch import within_limit
from xgraph.losses.constraints.base import Constraint, Kind, check_floats, check_limit
from xgraph.losses.constraints.penalty import Penalty

FURTHEST = 50.0
"""A log ratio beyond this has a gradient of e⁵⁰, with which nothing can be trained."""


class KLTrustRegion(Constraint):
    r"""Trust region: the Kullback-Leibler (KL) divergence from an old distribution stays below δ.

    .. math:: \min_w F(w) + ρ f\big(\mathrm{KL}(π_{old}, π_w) - δ\big)

    The divergence is estimated on samples of the old distribution by the mean of :math:`r - 1 - \log r` with
    :math:`r = π_w/π_{old}`, which is never negative and has a small variance. It is tracked over batches as the value
    of a single constraint; see :class:`Penalty`.

    Equation (6.85) is 2ρ of this penalty with the squared hinge; the gradient of the published code is this one's.
    DisCO (Li et al., 2025), with the losses of pairs.

    Args:
        delta: Bound δ on the divergence.
        kind: Penalty function f: squared_hinge, hinge or smoothed_hinge.
        rho: Penalty parameter ρ.
        epsilon: Width ε of the smoothed hinge.
        gamma: Weight of the new value in the moving average, in (0, 1] (from Python also a schedule).

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If an argument is not a number.

    Example:
        >>> region = KLTrustRegion(delta=0.1, kind="hinge", rho=1.0)
        >>> old = torch.tensor([-1.0, -2.0])
        >>> region(old + 1, old)  # e − 1 − 1 − 0.1
        tensor(0.6183)
        >>> region(old, old)  # the tracked divergence is still above δ: 0.9 · 0.6183 − 0.1 · 0.1
        tensor(0.5465)
    """

    def __init__(
        self,
        delta: float,
        *,
        kind: Kind = "squared_hinge",
        rho: float = 10.0,
        epsilon: float = 0.01,
        gamma: float | GammaSchedule = 0.1,
    ) -> None:
        super().__init__(kind, rho, epsilon)
        self.delta = number("delta", delta, 0, LARGE)
        self.penalty = Penalty(1, kind=kind, rho=rho, epsilon=epsilon, gamma=gamma)

    def forward(self, log_prob: Tensor, old_log_prob: Tensor) -> Tensor:
        """Compute the penalty of one batch.

        Args:
            log_prob: ``[B]`` log-probabilities of samples of the old distribution, with gradient.
            old_log_prob: ``[B]`` log-probabilities of the same samples under the old distribution.

        Returns:
            A scalar; 0 with zero gradients for an empty batch. In eval mode, nothing is written and the batch's own
            divergence is used.

        Raises:
            ValueError: If shapes or devices do not match, a number is not finite, or the two differ by more than 50. No
                state is written in this case.
            TypeError: If an argument is not a floating-point tensor.
        """
        new = check_floats("log_prob", log_prob, (1,), "[B]")
        old = check_floats("old_log_prob", old_log_prob, (1,), "[B]").detach()
        if new.shape != old.shape:
            raise ValueError(f"old_log_prob must have the shape of log_prob {list(new.shape)}, got {list(old.shape)}")
        self._check_devices(log_prob=log_prob, old_log_prob=old_log_prob)
        check_limit("old_log_prob", old)
        if self.skips_infinite and not within_limit(new):
            return infinite(log_prob)
        check_limit("log_prob", new)
        if not len(new):
            return new.sum()
        ratio = new - old
        far = (ratio.detach().abs() > FURTHEST).nonzero()
        if len(far):
            row = int(far[0])
            raise ValueError(
                f"log_prob may differ from old_log_prob by {FURTHEST:g} at most, got {ratio[row].item():g} in row "
                f"{row}; the model has moved too far to estimate a divergence: take smaller steps"
            )
        divergence = (ratio.expm1() - ratio).mean()
        return self.penalty.of((divergence - self.delta).unsqueeze(0), torch.zeros(1, dtype=torch.long).to(new.device))

    def values(self) -> Tensor:
        """Return the tracked divergence minus δ, ``[1]``; NaN if not seen yet."""
        return self.penalty.values()
