"""A penalty on violated constraints, whose values are tracked over batches."""

from __future__ import annotations

import torch
from torch import Tensor

from xgraph.checks import integer
from xgraph.estimators import GammaSchedule, MovingAverage, check_rows
from xgraph.estimators.infinite import infinite
from xgraph.losses.batch import within_limit
from xgraph.losses.constraints.base import Constraint, Kind, check_floats, check_limit


class Penalty(Constraint):
    r"""Penalty on constraints :math:`g_k(w) ≤ 0` that are estimated on batches; add it to the loss.

    .. math:: \min_w F(w) + \frac{ρ}{m} \sum_k f(g_k(w))

    The penalty function f is one of three:

    - ``smoothed_hinge``: g²/2ε up to ε, g − ε/2 beyond. It is smooth, and holds the constraints within ε once ρ
      exceeds m times the largest Lagrange multiplier. Choose ε small against the violations that matter.
    - ``hinge``: :math:`[g]_+`. The same ρ, and the constraints are met exactly, but its gradient jumps.
    - ``squared_hinge``: :math:`½[g]_+^2`. A violation of the multiplier divided by ρ/m remains, so it takes a ρ in the
      hundreds, which limits the learning rate.

    The value of f on a batch is biased: noise alone violates a constraint that is met on average. So the loss tracks
    each :math:`g_k`, and the weight of a constraint's gradient is :math:`f'(u_k)`, with the tracked :math:`u_k`. Small
    γ (.03 to .1) pays here. Constraints that are not in the batch are neither read nor written; the penalty is ρ times
    the mean over those that are.

    Equation (6.87), solved by SOX (Wang and Yang, `ICML 2022 <https://arxiv.org/abs/2202.12396>`__) and SONEX (Chen et
    al., 2025).

    Args:
        num_constraints: m, the number of constraints.
        kind: Penalty function f: smoothed_hinge, hinge or squared_hinge.
        rho: Penalty parameter ρ.
        epsilon: Width ε of the smoothed hinge, in units of g.
        gamma: Weight of the new value in the moving average, in (0, 1] (from Python also a schedule).

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If an argument is not a number.

    Example:
        >>> penalty = Penalty(num_constraints=3, kind="hinge", rho=2.0)
        >>> excess = torch.tensor([0.5, -0.1], requires_grad=True)  # constraint 2 is violated, constraint 0 is met
        >>> loss = penalty(excess, torch.tensor([2, 0]))
        >>> loss.backward()
        >>> loss.item(), excess.grad.tolist()
        (0.5, [1.0, 0.0])
        >>> penalty.values()
        tensor([-0.1000,     nan,  0.5000])
    """

    sizes = "num_constraints"

    def __init__(
        self,
        num_constraints: int,
        *,
        kind: Kind = "smoothed_hinge",
        rho: float = 10.0,
        epsilon: float = 0.01,
        gamma: float | GammaSchedule = 0.1,
    ) -> None:
        super().__init__(kind, rho, epsilon)
        self.num_constraints = integer("num_constraints", num_constraints)
        self.track = MovingAverage(self.num_constraints, (), gamma, watch=False)

    def forward(self, values: Tensor, which: Tensor) -> Tensor:
        """Compute the penalty of one batch.

        Args:
            values: ``[m']``, the batch's estimates of some g_k, with gradient.
            which: ``[m']``, their numbers k. The estimates of a constraint that occurs several times are averaged.

        Returns:
            A scalar: ρ · mean f(u_k). Without constraints, the result is 0 and all gradients are zero. In eval mode,
            nothing is written and the batch's own values are used.

        Raises:
            ValueError: If shapes or devices do not match, or a value is not finite or is beyond ±1e15. No state is
                written in this case.
            IndexError: If a number is negative or not below ``num_constraints``. No state is written in this case.
            TypeError: If ``values`` is not a floating-point tensor, or ``which`` does not hold integers.
        """
        wide = check_floats("values", values, (1,), "[m'], one number per constraint")
        if isinstance(which, Tensor) and which.shape != wide.shape:
            expected = f"[{len(wide)}], one number per value"
            raise ValueError(f"which must have the shape {expected}, got {list(which.shape)}")
        self._check_devices(values=values, which=which)
        repeated = check_rows(which, self.num_constraints, "; it is the number of a constraint")
        if self.skips_infinite and not within_limit(wide):
            return infinite(values)
        check_limit("values", wide)
        return self.of(*mean_of_each(wide, which.long()) if repeated else (wide, which.long()))

    def of(self, values: Tensor, which: Tensor) -> Tensor:
        """Return the penalty of checked values of distinct constraints, ``[m']`` each."""
        if not len(values):
            return values.sum()
        tracked = self.track.step(values, which, False) if self.training else values
        return self.rho * self.function(tracked).mean()

    def values(self) -> Tensor:
        """Return the tracked value of every constraint, ``[m]``: above 0 is a violation, NaN has not been seen yet."""
        return torch.where(self.track.seen, self.track.value, torch.nan)


def mean_of_each(values: Tensor, which: Tensor) -> tuple[Tensor, Tensor]:
    """Average the values of each number in ``which``; return the means and the distinct numbers, in order."""
    numbers, slot = torch.unique(which, return_inverse=True)
    count = torch.bincount(slot, minlength=len(numbers)).to(values.dtype)
    return values.new_zeros(len(numbers)).index_add(0, slot, values) / count, numbers
