"""ROC fairness: equal true-positive and false-positive rates of several groups at every threshold."""

from __future__ import annotations

import torch
from torch import Tensor

from xgraph.checks import integer, number, outside
from xgraph.estimators import GammaSchedule, MovingAverage
from xgraph.estimators.infinite import infinite
from xgraph.losses.batch import within_limit
from xgraph.losses.constraints.base import Constraint, Kind, check_floats, check_limit
from xgraph.losses.quantiles import quantiles


class ROCFairness(Constraint):
    r"""ROC fairness: groups have equal true-positive and false-positive rates, at every threshold.

    .. math::
        \min_w F(w) + \frac{ρ}{2|Γ|} \sum_{t ∈ Γ} \sum_{y ∈ \{0, 1\}} f\big(|R_{y0}(t) - R_{y1}(t)| - κ\big), \qquad
        R_{yk}(t) = \mathrm{mean}_{i: y_i = y, k_i = k} \, σ(h_i - t)

    The loss tracks the rate :math:`R_{yk}(t)` of each label, group and threshold, so a batch need not hold every cell:
    the others enter as constants. With more than two groups, each is held against the mean over the groups, and the
    sum is over the groups too. Items without a group (−1) or label are left out. The penalty functions f are those of
    :class:`Penalty`. Add the penalty to the loss.

    By default, the thresholds Γ are quantiles of the scores, which are tracked as well, because the scale of the
    scores changes during training. A constraint is not formed before both of its rates have been seen. A tolerance κ
    below the sampling noise of the rates cannot be met on new data: with n items in a cell it is about .5/√n. The
    sigmoid counts on the scale of the logits, so a model whose logits are small meets the constraint whatever their
    order: compare the groups without it, too.

    Equation (6.101).

    Args:
        num_thresholds: Number of thresholds \|Γ\|, at the quantiles (i + ½)/\|Γ\| of the scores.
        tolerance: Tolerance κ: how far two rates may differ.
        num_groups: Number of groups, 2 or more.
        num_tasks: T, the number of label columns; the result is the mean over tasks.
        thresholds: Fixed thresholds, in units of the logits, in place of the quantiles.
        kind: Penalty function f: smoothed_hinge, hinge or squared_hinge.
        rho: Penalty parameter ρ.
        epsilon: Width ε of the smoothed hinge, in units of the rates.
        gamma: Weight of the new value in the moving averages, in (0, 1] (from Python also a schedule).

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If an argument has the wrong type.

    Example:
        >>> fair = ROCFairness(thresholds=[0.0], tolerance=0.1, kind="hinge", rho=1.0)
        >>> logits = torch.tensor([2.0, -2.0, 1.0, 1.0], requires_grad=True)
        >>> loss = fair(logits, target=torch.tensor([1.0, 1.0, 0.0, 0.0]), group=torch.tensor([0, 1, 0, 1]))
        >>> loss.backward()
        >>> fair.values().flatten()  # the false-positive rates are equal, the true-positive rates differ by .76
        tensor([-0.1000,  0.6616])
        >>> logits.grad
        tensor([ 0.0525, -0.0525,  0.0000,  0.0000])
    """

    sizes = "num_thresholds, num_groups or num_tasks"
    _constants = ("fixed",)
    fixed: Tensor | None
    levels: MovingAverage  # only if the thresholds are not fixed

    def __init__(
        self,
        *,
        num_thresholds: int = 9,
        tolerance: float = 0.02,
        num_groups: int = 2,
        num_tasks: int = 1,
        thresholds: list[float] | Tensor | None = None,
        kind: Kind = "smoothed_hinge",
        rho: float = 10.0,
        epsilon: float = 0.01,
        gamma: float | GammaSchedule = 0.1,
    ) -> None:
        super().__init__(kind, rho, epsilon)
        self.tolerance = number("tolerance", tolerance, 0, 1)
        self.num_groups = integer("num_groups", num_groups, 2)
        self.num_tasks = integer("num_tasks", num_tasks)
        if thresholds is None:
            count = integer("num_thresholds", num_thresholds)
            self.register_buffer("fixed", None)
            self.levels = MovingAverage(self.num_tasks, (count,), gamma, watch=False)
        else:
            given = check_floats("thresholds", torch.as_tensor(thresholds, dtype=torch.float32), (1,), "[P]").detach()
            check_limit("thresholds", given)
            count = len(given)
            if not count:
                raise ValueError("thresholds must hold at least one number, got none")
            self.register_buffer("fixed", given.clone(), persistent=False)
        self.num_thresholds = count
        self.track = MovingAverage(2 * self.num_tasks * self.num_groups, (count,), gamma, watch=False)

    def forward(self, logits: Tensor, target: Tensor, group: Tensor) -> Tensor:
        """Compute the penalty of one batch.

        Args:
            logits: ``[B]`` or ``[B, T]`` raw scores.
            target: Labels of the same shape: 0, 1 or NaN (missing).
            group: ``[B]`` integers from 0, the group of each item; −1 if it is not known.

        Returns:
            A scalar. If no label has a group, the result is 0 and all gradients are zero. In eval mode, nothing is
            written, and the rates and quantiles are those of the batch.

        Raises:
            ValueError: If shapes or devices do not match, a label is not 0, 1 or NaN, or a logit is not finite or is
                beyond ±1e15. No state is written in this case.
            IndexError: If a group is below −1 or not below ``num_groups``. No state is written in this case.
            TypeError: If ``logits`` is not a floating-point tensor, or ``group`` does not hold integers.
        """
        scores, labels, groups = self._check(logits, target, group)
        if self.skips_infinite and not within_limit(scores):
            return infinite(logits)
        check_limit("logits", scores)
        used = ~labels.isnan() & (groups >= 0).unsqueeze(1)
        item, task = used.nonzero(as_tuple=True)
        if not len(item):
            return scores[:0].sum()
        row = (2 * task + labels[item, task].long()) * self.num_groups + groups[item].long()
        passed = (scores[item, task].unsqueeze(1) - self._bounds(scores.detach(), used)[task]).sigmoid()
        return self._penalty(passed, row)

    def values(self) -> Tensor:
        """Return the tracked violations :math:`|R_{y0}(t) - R_{y1}(t)| - κ`; NaN if not seen yet.

        Returns:
            ``[T, 2, |Γ|]``: false-positive rates, then true-positive rates; with more than two groups
            ``[T, 2, K, |Γ|]``.
        """
        gap, formed = self._gaps(self.track.value, self.track.seen)
        return torch.where(formed, gap - self.tolerance, torch.nan)

    def multipliers(self) -> Tensor:
        """Return the multiplier of every constraint, in the shape of :meth:`values`; NaN if not seen yet."""
        return super().multipliers()

    def thresholds(self) -> Tensor:
        """Return the thresholds in use, ``[T, |Γ|]``; NaN before the first batch of a task."""
        if self.fixed is not None:
            return self.fixed.expand(self.num_tasks, -1)
        return torch.where(self.levels.seen.unsqueeze(1), self.levels.value, torch.nan)

    def extra_repr(self) -> str:
        """Describe the penalty and the sizes."""
        sizes = f"num_thresholds={self.num_thresholds}, num_groups={self.num_groups}, num_tasks={self.num_tasks}"
        return f"{super().extra_repr()}, tolerance={self.tolerance:g}, {sizes}"

    def _penalty(self, passed: Tensor, row: Tensor) -> Tensor:
        """Return the penalty of ``[R, |Γ|]`` σ(h − t) of labels, whose rows in the table are (task, label, group)."""
        rows, slot = torch.unique(row, return_inverse=True)
        count = torch.bincount(slot, minlength=len(rows)).to(passed.dtype)
        rate = passed.new_zeros(len(rows), self.num_thresholds).index_add(0, slot, passed) / count.unsqueeze(1)
        if self.training:
            rate = self.track.step(rate, rows, False)
            known, seen = self.track.value.to(rate.dtype), self.track.seen
        else:
            known = rate.new_zeros(self.track.value.shape)
            seen = torch.zeros_like(self.track.seen).index_fill_(0, rows, True)
        gap, formed = self._gaps(known.index_copy(0, rows, rate), seen)
        penalty = torch.where(formed, self.function(gap - self.tolerance), 0).flatten(1).mean(1)
        tasks = formed.flatten(1).any(1).sum().clamp_min(1)
        return self.rho * penalty.sum() / tasks

    def _bounds(self, scores: Tensor, used: Tensor) -> Tensor:
        """Return the thresholds of each task, ``[T, |Γ|]``; those of a task without labels are not used."""
        if self.fixed is not None:
            return self.fixed.to(scores.dtype).expand(self.num_tasks, -1)
        count = self.num_thresholds
        shares = (torch.arange(count, dtype=scores.dtype, device=scores.device) + 0.5) / count
        found = quantiles(scores, used, shares)
        if self.training:
            tasks = used.any(0).nonzero().squeeze(1)
            found[tasks] = self.levels.write(found[tasks], tasks, False)
        return found

    def _gaps(self, rates: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Return how far the rates of groups differ, and a mask of what has been seen, both as in `values`."""
        rates = rates.view(self.num_tasks, 2, self.num_groups, -1)
        seen = seen.view(self.num_tasks, 2, self.num_groups, 1)
        if self.num_groups == 2:
            gap = (rates[:, :, 0] - rates[:, :, 1]).abs()
            return gap, seen.all(2).expand_as(gap)
        count = seen.sum(2, keepdim=True)
        mean = torch.where(seen, rates, 0).sum(2, keepdim=True) / count.clamp_min(1)
        return (rates - mean).abs(), (seen & (count > 1)).expand_as(rates)

    def _check(self, logits: Tensor, target: Tensor, group: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return scores and labels, ``[B, T]`` each, and groups, ``[B]``, after checking them."""
        shape = "[B] or [B, 1]" if self.num_tasks == 1 else f"[B, {self.num_tasks}]"
        scores = check_floats("logits", logits, (1, 2), shape)
        for name, value in (("target", target), ("group", group)):
            if not isinstance(value, Tensor):
                raise TypeError(f"{name} must be a tensor, got {type(value).__name__}")
        if target.numel() != logits.numel() or len(target) != len(logits):
            raise ValueError(f"target must have the shape of logits {list(logits.shape)}, got {list(target.shape)}")
        if logits.dim() == 1:
            scores = scores.unsqueeze(1)
        if scores.shape[1] != self.num_tasks:
            raise ValueError(f"logits must have the shape {shape}, got {list(logits.shape)}")
        if group.shape != (len(scores),):
            raise ValueError(f"group must have the shape [{len(scores)}], one per item, got {list(group.shape)}")
        if group.is_floating_point() or group.is_complex() or group.dtype == torch.bool:
            raise TypeError(f"group must be a tensor of integers, got {group.dtype}")
        self._check_devices(logits=logits, target=target, group=group)
        bad = outside(group.long() + 1, self.num_groups + 1)
        if bad is not None:
            raise IndexError(f"group must lie in 0..{self.num_groups - 1}, or be -1 if it is not known, got {bad - 1}")
        labels = target.view(scores.shape).to(scores.dtype)
        wrong = ~((labels == 0) | (labels == 1) | labels.isnan())
        if bool(wrong.any()):
            row, task = wrong.nonzero()[0].tolist()
            raise ValueError(f"target must be 0, 1 or NaN (missing), got {labels[row, task].item():g} in row {row}")
        return scores, labels, group
